"""Readers of recordings made elsewhere: audio class folders, CSV with a header, NPZ."""
