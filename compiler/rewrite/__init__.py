"""The one gate through which a graph changes: sweeps, patterns and refusals."""
