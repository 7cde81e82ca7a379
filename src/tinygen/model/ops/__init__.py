"""One file per operator family: checks, integer parameters and the NumPy reference."""
