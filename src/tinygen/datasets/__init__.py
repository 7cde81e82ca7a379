"""Recordings: readers, built-in synthetic data, manifests, leak-free splits, augmentation."""
