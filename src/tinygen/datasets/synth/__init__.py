"""Generators of the built-in data sets: seeded, offline, and labelled synthetic wherever a figure from them appears."""
