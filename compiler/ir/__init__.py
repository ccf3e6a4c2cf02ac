"""The intermediate representation: formulas, dimensions, types, ops, nodes, graphs, their text and laws."""
