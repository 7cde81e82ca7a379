"""Importing TensorFlow without its chatter, and with an answer for people who do not have it."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec

from tinygen.core.errors import tool_failed


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


@contextlib.contextmanager
def hushed() -> Iterator[None]:
    """Keep what C++ libraries print on standard output and error away; it is shown when the block fails."""
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        saved = {descriptor: os.dup(descriptor) for descriptor in (1, 2)}
    except OSError:  # no such descriptors: nothing to keep quiet
        yield
        return
    with tempfile.TemporaryFile() as sink:
        try:
            for descriptor in saved:
                os.dup2(sink.fileno(), descriptor)
            yield
        except Exception:
            sink.seek(0)
            logging.getLogger("tinygen.training").error("%s", sink.read().decode(errors="replace")[-4000:])
            raise
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for descriptor, copy in saved.items():
                os.dup2(copy, descriptor)
                os.close(copy)
