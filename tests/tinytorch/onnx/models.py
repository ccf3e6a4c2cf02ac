"""Models from the standard's own text form."""

import onnx
import onnx.parser


def parsed(graph, *, opset=21, ir_version=10):
    """The model of a graph, without any check."""
    return onnx.parser.parse_model(f'<ir_version: {ir_version}, opset_import: ["" : {opset}]>\n{graph}')
