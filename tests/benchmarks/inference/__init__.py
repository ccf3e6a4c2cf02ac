"""Inference of networks in ONNX files, side by side with engines for it."""
