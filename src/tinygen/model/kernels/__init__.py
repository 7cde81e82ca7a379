"""Candidates for every operator: which C++ kernel may run it, how its constants are packed, what memory it shares."""
