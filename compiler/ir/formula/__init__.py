"""Scalar formulas over atoms: written, read, differentiated and proved. The only importer of sympy."""
