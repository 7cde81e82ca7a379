"""Small models of one operator each, corner cases on purpose: what tests compare with TFLM's interpreter."""
