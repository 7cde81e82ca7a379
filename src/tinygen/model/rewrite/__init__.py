"""Changes to a graph that change no byte of what it computes; each pass is a file of its own with its obligation."""
