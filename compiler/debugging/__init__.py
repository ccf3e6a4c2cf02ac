"""Debug mode: every call is compared with the oracle of the graph as it was written.

Each rewrite is checked on the call's own arguments (`rewrites`), each kernel when it has run (`kernels`).
"""
