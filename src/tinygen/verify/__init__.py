"""Vectors in, answers compared with TFLM's own interpreter, a Report out."""
