"""Signal front ends: a FeatureSpec becomes integer tables, a NumPy integer reference, and C++ (same bits)."""
