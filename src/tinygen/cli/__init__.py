"""The command line, a file per group of verbs."""

from tinygen.cli.app import cli, main

__all__ = ["cli", "main"]
