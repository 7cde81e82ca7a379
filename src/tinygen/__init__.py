"""tinygen: from a recorded signal to byte-verified INT8 firmware for a microcontroller."""

__version__ = "0.1.0"
