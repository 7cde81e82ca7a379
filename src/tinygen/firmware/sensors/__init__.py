"""Sensors: facts of a board, a part and a front end become the constants of a driver."""
