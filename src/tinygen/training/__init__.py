"""The only room that imports TensorFlow (inside functions): Keras from layers, fit, quantize, convert, evaluate."""
