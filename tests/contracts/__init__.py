"""Promises about the project as a whole: layers, tables without holes, wording of errors."""
