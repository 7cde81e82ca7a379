"""Importing TensorFlow without its chatter, and with an answer for people who do not have it."""

from __future__ import annotations

import logging
import os
from importlib.util import find_spec

from tinygen.core.errors import tool_failed
from tinygen.core.hush import hushed


def prepare_tensorflow() -> None:
    """Set what must be set before TensorFlow is imported: no GPU, no warnings, the same kernels on every machine.

    Raises:
        TinygenError: TensorFlow is not installed.
    """
    if find_spec("tensorflow") is None:
        raise tool_failed(
            "TensorFlow is not installed: only training needs it", hint="run: pip install 'tinygen[train]'"
        )
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    logging.getLogger("absl").setLevel(logging.ERROR)
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    with hushed():
        import tensorflow  # noqa: F401
