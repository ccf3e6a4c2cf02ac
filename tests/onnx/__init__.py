"""The conformance suite of the ONNX standard, run here and on ONNX Runtime: `python -m tests.onnx`."""
