"""Our graphs as ONNX models: `to_model` makes the protobuf, `save` writes it."""
