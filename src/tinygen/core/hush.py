"""Keeping native libraries quiet."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import tempfile
from collections.abc import Iterator


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
            logging.getLogger("tinygen").error("%s", sink.read().decode(errors="replace")[-4000:])
            raise
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for descriptor, copy in saved.items():
                os.dup2(copy, descriptor)
                os.close(copy)
