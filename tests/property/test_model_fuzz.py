"""Damaged models: an explained error or a plan, never another exception, never minutes of work.

Bounded by default; TINYGEN_FUZZ_CASES=20000 (or `make soak`) goes on for longer.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from support.random_graphs import random_model
from tinygen.boards.loader import find_board
from tinygen.core.errors import ExitCode, TinygenError
from tinygen.firmware.library_view import render_library
from tinygen.model import compile as compiler
from tinygen.model import importer, reference
from tinygen.model.rewrite.registry import rewrite
from tinygen.verify.inputs import model_inputs, split
from tinygen.verify.oracle_child import expect_in_child
from tinygen.verify.rewritten import on_device

CASES = int(os.environ.get("TINYGEN_FUZZ_CASES", "150"))
SOAK_CASES = int(os.environ.get("TINYGEN_FUZZ_CASES", "20000"))
LIMIT_S = 20.0
CHIP = find_board("nucleo_f446re").chip
SMALL_MODELS = ("hello_world_int8", "micro_speech_quantized", "magic_wand", "keyword_scrambled_8bit", "hey_mycroft")
# What a damaged offset, size, index or enumeration may become.
_WORDS = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)


def damaged(data: bytes, rng: np.random.Generator) -> bytes:
    """One of the ways in which files go wrong, once or a few times."""
    raw = bytearray(data)
    # The tables stand at the ends; most bytes in between are weights, where damage changes values only.
    for _ in range(int(rng.integers(1, 5))):
        near_end = bool(rng.integers(2))
        span = min(len(raw), 4096)
        place = int(rng.integers(span)) + (len(raw) - span if near_end else 0)
        kind = int(rng.integers(5))
        if kind == 0:
            raw[place] ^= 1 << int(rng.integers(8))
        elif kind == 1:
            raw[place] = int(rng.integers(256))
        elif kind == 2:
            place -= place % 4
            raw[place : place + 4] = int(rng.choice(_WORDS)).to_bytes(4, "little")[: len(raw) - place]
        elif kind == 3:
            other = int(rng.integers(len(raw)))
            size = int(rng.integers(1, 64))
            part = raw[other : other + size]
            raw[place : place + len(part)] = part
            del raw[len(data) :]
        else:
            place -= place % 4
            small = int(rng.integers(-300, 300))
            raw[place : place + 4] = (small & 0xFFFFFFFF).to_bytes(4, "little")[: len(raw) - place]
    if int(rng.integers(8)) == 0:
        del raw[int(rng.integers(len(raw))) :]
    return bytes(raw)


def survives(data: bytes, where: str) -> bool:
    """Import, rewrite, plan, render; True when taken, False when it was refused with a reason; anything else fails."""
    started = time.monotonic()
    try:
        plan = compiler.plan(rewrite(importer.load(data, "fuzzed.tflite")), CHIP)
        render_library(plan, data, "fuzzed", CHIP)
        taken = True
    except TinygenError as error:
        assert error.code is ExitCode.BAD_INPUT, f"{where}: {error.code!r} {error}"
        assert error.message and "fuzzed.tflite" in str(error), f"{where}: the error names no place: {error}"
        taken = False
    assert time.monotonic() - started < LIMIT_S, f"{where}: took longer than {LIMIT_S:g} s"
    return taken


def fuzz(data: bytes, name: str, cases: int, seed: int) -> tuple[int, int]:
    """(taken, refused)."""
    taken = 0
    for case in range(cases):
        rng = np.random.default_rng([seed, case])
        taken += survives(damaged(data, rng), f"{name}, seed {seed}, case {case}")
    return taken, cases - taken


@pytest.mark.parametrize("seed", range(4))
def test_damaged_random_graphs_are_explained(seed: int) -> None:
    _, refused = fuzz(random_model(seed), f"random graph {seed}", CASES, seed)
    assert refused > 0


@pytest.mark.parametrize("name", SMALL_MODELS)
def test_damaged_published_models_are_explained(shared_dir: Callable[[str], Path], name: str) -> None:
    fuzz(shared_dir(f"models/{name}.tflite").read_bytes(), name, CASES // 5, 100)


@pytest.mark.parametrize("seed", range(4))
def test_what_is_taken_though_damaged_equals_the_interpreter(needs_module: Callable[..., None], seed: int) -> None:
    needs_module("tflite_micro", "verify")
    assert differential(seed, max(CASES // 2, 40), 5) > 0


def differential(seed: int, cases: int, most: int) -> int:
    """Damaged models that are taken, rewritten and run in NumPy, against TFLM; returns how many were compared."""
    base, compared = random_model(seed), 0
    for case in range(cases):
        data = damaged(base, np.random.default_rng([seed, case, 3]))
        if data == base or compared >= most:
            continue
        try:
            graph = importer.load(data, "fuzzed.tflite")
            plan = compiler.plan(rewrite(graph), CHIP)
            vectors = model_inputs(graph, 4, case)
            told = expect_in_child(data, graph, vectors).expected
        except TinygenError:
            continue  # refused by us, or by TFLM
        for vector, answer in zip(vectors, told, strict=True):
            ours = reference.run(plan.graph, split(graph, vector.model_input))
            theirs = on_device(plan, answer).tensors
            wrong = [i for i in plan.observed if i in theirs and np.ascontiguousarray(ours[i]).tobytes() != theirs[i]]
            assert not wrong, f"seed {seed}, case {case}: tensors {wrong} differ"
        compared += 1
    return compared


def test_noise_is_no_model() -> None:
    for case in range(CASES):
        rng = np.random.default_rng([7, case])
        raw = bytearray(rng.integers(0, 256, size=int(rng.integers(0, 2000)), dtype=np.uint8).tobytes())
        if len(raw) >= 8 and case % 2:
            raw[4:8] = b"TFL3"
        assert not survives(bytes(raw), f"noise {case}")


@pytest.mark.soak
@pytest.mark.slow
def test_many_damaged_models_are_explained(shared_dir: Callable[[str], Path]) -> None:
    for seed in range(20):
        fuzz(random_model(seed), f"random graph {seed}", SOAK_CASES // 20, 1000 + seed)
    for name in SMALL_MODELS:
        fuzz(shared_dir(f"models/{name}.tflite").read_bytes(), name, SOAK_CASES // 50, 2000)


@pytest.mark.soak
@pytest.mark.slow
def test_many_that_are_taken_though_damaged_equal_the_interpreter(needs_module: Callable[..., None]) -> None:
    needs_module("tflite_micro", "verify")
    assert sum(differential(100 + seed, SOAK_CASES // 100, SOAK_CASES // 1000) for seed in range(20)) > 0
