"""lint: what is likely to go wrong, found from ranges, types and shapes before anything runs.

    Finding ::= code, node, sentence, fix
    Report  ::= finding, ...

A rule is a function from what is known of a graph to its findings, and each kind of rule has a module. Those
about ranges speak only of what follows from declared inputs (`tt.input(..., low=, high=)`), constants and
literals, and look at the graph in its stable forms, which is what runs: what the compiler mends itself is no
finding.
"""
