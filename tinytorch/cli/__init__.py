"""The command line: `tinytorch`, and `python -m tinytorch`. The only room that knows click."""
