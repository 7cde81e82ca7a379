"""Expected bytes for many vectors: from the pinned wheel in this run, or from its kept answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tinygen.core.canonical import digest_bytes
from tinygen.core.progress import Progress, silent
from tinygen.model.ir import Graph
from tinygen.verify.cache import Cache
from tinygen.verify.oracle import Oracle
from tinygen.verify.values import Expected, Vector
from tinygen.verify.wheel import ORACLE_NAME, missing


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Expectations:
    """Answers, one per vector, and where they come from in words."""

    expected: tuple[Expected, ...]
    source: str


def expectations(
    tflite: bytes, graph: Graph, vectors: Sequence[Vector], cache: Cache | None = None, progress: Progress = silent
) -> Expectations:
    """What TFLM's interpreter makes of every vector.

    Where the pinned wheel is installed it runs now and its answers are kept; elsewhere kept answers must cover all
    vectors. Our own reference is never asked.

    Args:
        tflite: the model's flatbuffer.
        graph: the same, as imported.
        vectors: inputs.
        cache: where answers are kept; None keeps none.

    Raises:
        TinygenError: no wheel and no kept answers; the interpreter cannot run the model.
    """
    model = digest_bytes(tflite)
    inputs = [np.ascontiguousarray(v.model_input, dtype=np.int8).tobytes() for v in vectors]
    problem = missing()
    if problem is not None:
        kept = [cache.get(model, data) for data in inputs] if cache is not None else []
        found = tuple(answer for answer in kept if answer is not None)
        if not inputs or len(found) != len(inputs):
            raise problem
        return Expectations(expected=found, source=f"answers of {ORACLE_NAME} kept in the cache")
    oracle = Oracle(tflite, graph, trusted=cache is not None and cache.knows(model))
    answers: list[Expected] = []
    for number, (vector, data) in enumerate(zip(vectors, inputs, strict=True)):
        answer = oracle.expect(vector)
        answers.append(answer)
        if cache is not None:
            cache.put(model, data, answer)
        progress("asking TFLM", number + 1, len(vectors))
    return Expectations(expected=tuple(answers), source=f"{ORACLE_NAME}, run now")
