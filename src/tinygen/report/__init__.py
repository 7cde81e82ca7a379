"""Renders Reports: terminal, JSON and HTML views."""
