"""The course's names, recorded and compiled: tensors, activations, variables, layers."""
