"""The mathematics of atoms, written in the atoms of machines: one set of polynomials for all emitters."""
