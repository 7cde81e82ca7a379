"""The inputs a proof is made over and the oracle's answers to them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tinygen.core.canonical import digest_bytes
from tinygen.core.errors import bad_input
from tinygen.features.quantize import InputQuantization
from tinygen.model.ir import Plan
from tinygen.pipeline.context import Context
from tinygen.pipeline.steps import Converted, kit_files
from tinygen.verify import bundle
from tinygen.verify import vectors as vector_maker
from tinygen.verify.cache import Cache
from tinygen.verify.expect import expectations
from tinygen.verify.rewritten import imported
from tinygen.verify.values import Expected, Vector
from tinygen.verify.wheel import PINNED_VERSION


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Asked:
    """Vectors with their expected bytes; `source` says in words whose answers they are."""

    vectors: tuple[Vector, ...]
    expected: tuple[Expected, ...]
    source: str


def asked(
    ctx: Context,
    made: Converted,
    plan: Plan,
    quantization: InputQuantization,
    *,
    count: int,
) -> Asked:
    """Held-out inputs and what TFLM's interpreter makes of them, in this run or from kept answers.

    Args:
        ctx: seed and caches, or the kit to take them from.
        made: the model and its held-out recordings.
        plan: of the model.
        quantization: from features to the model's input.
        count: how many (from a kit, at most as many as it holds).

    Raises:
        TinygenError: no oracle and no kept answers; the file is damaged or belongs to another model.
    """
    if ctx.kit is not None:
        loaded = bundle.load(ctx.kit, model_digest=digest_bytes(made.model.tflite))
        return Asked(vectors=loaded.vectors[:count], expected=loaded.expected[:count], source=loaded.source)
    vectors = vector_maker.make(made.heldout, made.task.features, quantization, count, ctx.config.seed)
    answers = expectations(
        made.model.tflite, imported(plan.graph), vectors, Cache(ctx.cache_dir / "oracle"), ctx.progress
    )
    return Asked(vectors=vectors, expected=answers.expected, source=answers.source)


def export(path: Path, made: Converted, asked: Asked, seed: int) -> None:
    """Write vectors and answers for machines without the oracle.

    Raises:
        TinygenError: the file cannot be written.
    """
    if path.is_dir():
        raise bad_input("is a folder, a file is needed", where=str(path))
    bundle.export(
        path,
        bundle.VectorSet(
            vectors=asked.vectors,
            expected=asked.expected,
            model_digest=digest_bytes(made.model.tflite),
            wheel=PINNED_VERSION,
            seed=seed,
            files=kit_files(made),
        ),
    )
