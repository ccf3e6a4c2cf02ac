"""Dense linear algebra as loops: elimination, Cholesky's factor, reflections, eigenvalues."""
