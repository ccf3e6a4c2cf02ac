"""From a model's protobuf to tensors, and to a module that holds its parameters."""
