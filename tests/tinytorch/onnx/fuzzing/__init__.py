"""Models with something wrong in them: `python -m tests.tinytorch.onnx.fuzzing --minutes 5`."""
