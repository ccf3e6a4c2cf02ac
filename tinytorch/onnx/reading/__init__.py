"""From bytes to a model that has been checked, and to arrays. The one place that reads files.

source ──> bytes ──> encoding ──> ModelProto ──> laws          files, wire, checking, bodies, attributes
TensorProto <──> ndarray                                       storage, external, arrays
"""
