"""Learning what is normal: C++ against NumPy, and what happens when a write is cut off."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from tinygen.tasks import learning

pytestmark = pytest.mark.host

Int8 = npt.NDArray[np.int8]
VALUES = 48
OWNER = 0xABCD

MAIN = """
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include "tinygen/learn/normal.h"
using namespace tinygen;
namespace {
constexpr std::uint32_t kValues = 48;
learn::Slot<kValues> slots[2];
learn::Normal<kValues>* normal;
void put(std::uint32_t value) { std::fwrite(&value, 4, 1, stdout); }
std::uint32_t get() {
  std::uint32_t value = 0;
  if (std::fread(&value, 4, 1, stdin) != 1) std::exit(0);
  return value;
}
void restart() {
  delete normal;
  normal = new learn::Normal<kValues>();
  normal->start(slots, 0xABCD);
}
}  // namespace
int main() {
  std::memset(static_cast<void*>(slots), 0xA5, sizeof slots);  // memory as the power leaves it
  restart();
  static std::int8_t rows[8192][kValues];
  for (;;) {
    switch (static_cast<char>(get())) {
      case 'l': normal->learn(); break;
      case 'f': { const std::uint32_t limit = get(); put(normal->freeze(limit) ? 1 : 0); break; }
      case 'F': { const std::uint32_t spreads = get(); put(normal->freeze_at(spreads) ? 1 : 0); break; }
      case 'x': normal->forget(); break;
      case 'r': restart(); break;
      case 'a': {
        const std::uint32_t n = get();
        if (std::fread(rows, kValues, n, stdin) != n) return 2;
        for (std::uint32_t i = 0; i < n; ++i) normal->add(rows[i]);
        break;
      }
      case 's': {
        const std::uint32_t n = get();
        if (std::fread(rows, kValues, n, stdin) != n) return 2;
        for (std::uint32_t i = 0; i < n; ++i) put(normal->score(rows[i]));
        break;
      }
      case 'b': std::fwrite(normal->bytes(), 1, sizeof slots[0], stdout); break;
      case 't': {  // a byte of a slot goes wrong: number, place
        const std::uint32_t slot = get();
        reinterpret_cast<std::uint8_t*>(&slots[slot])[get()] ^= 0x10;
        break;
      }
      case 'w': {
        const std::uint32_t offset = get(), n = get();
        static std::uint8_t part[8192];
        if (std::fread(part, 1, n, stdin) != n) return 2;
        put(static_cast<std::uint32_t>(normal->write(offset, part, n)));
        break;
      }
      case '?': {
        const auto told = normal->status();
        put(told.phase); put(told.torn ? 1 : 0); put(told.count); put(told.threshold);
        break;
      }
    }
  }
}
"""


@pytest.fixture(scope="module", params=["g++", "clang++"])
def program(
    request: pytest.FixtureRequest,
    needs_tool: Callable[..., str],
    root: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    folder = tmp_path_factory.mktemp("learn")
    (folder / "main.cpp").write_text(MAIN)
    sources = [folder / "main.cpp", root / "firmware/features/integers.cpp", root / "firmware/protocol/crc32.cpp"]
    flags = ["-std=gnu++17", "-O1", "-Wall", "-Wextra", "-Werror", "-Wconversion", "-fsanitize=address,undefined"]
    command = [needs_tool(request.param), *flags, "-fno-sanitize-recover=all", f"-I{root / 'firmware/include'}"]
    subprocess.run([*command, *map(str, sources), "-o", str(folder / "learn")], check=True, timeout=300)
    return folder / "learn"


def word(*values: int | str) -> bytes:
    return b"".join((ord(v) if isinstance(v, str) else v).to_bytes(4, "little") for v in values)


def told(program: Path, *jobs: bytes) -> bytes:
    done = subprocess.run([str(program)], input=b"".join(jobs), capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def numbers(data: bytes) -> list[int]:
    found: list[int] = np.frombuffer(data, "<u4").tolist()
    return found


def rows(n: int, seed: int) -> Int8:
    rng = np.random.default_rng(seed)
    spread = rng.uniform(0, 40, VALUES)
    found: Int8 = np.clip(rng.normal(rng.uniform(-90, 90, VALUES), spread, (n, VALUES)), -128, 127).astype(np.int8)
    return found


@pytest.mark.parametrize("n", [2, 3, 40, 4096, 4200])
def test_state_and_scores_equal_the_reference(program: Path, n: int) -> None:
    healthy, others = rows(n, 1), rows(300, 2)
    others[:3] = [[-128] * VALUES, [127] * VALUES, healthy[0]]
    jobs = [word("l"), word("a", n), healthy.tobytes(), word("f", 1234), word("s", 300), others.tobytes(), word("b")]
    answer = told(program, *jobs)
    expected = learning.learn(healthy, 1234)
    assert numbers(answer[:4]) == [1]
    assert numbers(answer[4:1204]) == learning.scores(expected, others).tolist()
    state = learning.from_bytes(answer[1204:])
    assert (state.count, state.threshold, state.phase) == (min(n, 4096), 1234, "frozen")
    assert np.array_equal(state.sums, expected.sums)
    assert np.array_equal(state.squares, expected.squares)
    number = int.from_bytes(answer[1208:1212], "little")
    assert learning.to_bytes(replace(expected, owner=OWNER), number) == answer[1204:]


@pytest.mark.parametrize("n", [9, 40, 64, 65, 200, 4200])
@pytest.mark.parametrize("spreads", [0.0, 2.81, 64.0])
def test_the_device_sets_its_threshold_like_the_reference(program: Path, n: int, spreads: float) -> None:
    healthy = rows(n, n)
    jobs = [word("l"), word("a", n), healthy.tobytes(), word("F", round(256 * spreads)), word("?")]
    expected = learning.threshold_at(healthy, spreads)
    assert numbers(told(program, *jobs)) == [1, 2, 0, min(n, 4096), expected]
    assert 0 < expected < 1 << 23


def test_no_threshold_comes_of_too_few_rows_or_of_another_machine(program: Path) -> None:
    few = [word("l"), word("a", 8), rows(8, 1).tobytes(), word("F", 700), word("?")]
    assert numbers(told(program, *few)) == [0, 1, 0, 8, 0]
    again = [word("l"), word("a", 30), rows(30, 1).tobytes(), word("r"), word("F", 700), word("?")]
    assert numbers(told(program, *again)) == [0, 1, 0, 30, 0]  # the kept rows are gone with the reset
    state = learning.to_bytes(replace(learning.learn(rows(30, 8), 55), owner=OWNER), 3)
    given = [word("l"), word("a", 30), rows(30, 1).tobytes(), word("w", 0, len(state)), state, word("F", 700)]
    assert numbers(told(program, *given)) == [2, 0]


def test_fixed_and_extreme_features_have_finite_scores(program: Path) -> None:
    still = np.full((50, VALUES), -128, np.int8)
    jumping = np.where(np.arange(50)[:, None] % 2 == 0, 127, -128).astype(np.int8) * np.ones((1, VALUES), np.int8)
    for healthy in (still, jumping, np.full((50, VALUES), 127, np.int8)):
        others = rows(64, 5)
        jobs = [word("l"), word("a", 50), healthy.tobytes(), word("f", 0), word("s", 64), others.tobytes()]
        answer = told(program, *jobs)
        assert numbers(answer)[1:] == learning.scores(learning.learn(healthy), others).tolist()


def test_too_few_rows_are_not_frozen_and_forgetting_is_complete(program: Path) -> None:
    one = rows(1, 1)
    assert numbers(told(program, word("l"), word("a", 1), one.tobytes(), word("f", 9), word("?"))) == [0, 1, 0, 1, 0]
    jobs = [word("l"), word("a", 5), rows(5, 1).tobytes(), word("f", 9), word("x"), word("r"), word("?")]
    assert numbers(told(program, *jobs)) == [1, 0, 0, 0, 0]


LEARNED = [word("l"), word("a", 9), rows(9, 1).tobytes(), word("f", 77)]


def test_a_reset_loses_nothing(program: Path) -> None:
    others = rows(20, 3)
    jobs = [*LEARNED, word("r"), word("?"), word("s", 20), others.tobytes()]
    answer = numbers(told(program, *jobs))
    assert answer[:5] == [1, 2, 0, 9, 77]
    assert answer[5:] == learning.scores(learning.learn(rows(9, 1)), others).tolist()


@pytest.mark.parametrize("place", [0, 4, 12, 24, 24 + 4 * VALUES, 24 + 8 * VALUES])
def test_a_torn_write_leaves_the_state_before_it(program: Path, place: int) -> None:
    # Eleven writes: learn, nine rows, freeze; the last is in slot 1. Whichever slot is torn, a whole one is found.
    newest = numbers(told(program, *LEARNED, word("t", 1, place), word("r"), word("?")))
    assert newest[1:2] + newest[3:] == [1, 9, 0]  # still learning, before it was frozen
    assert newest[2] == int(place != 0)  # without its mark it is as if it had never been
    older = numbers(told(program, *LEARNED, word("t", 0, place), word("r"), word("?")))
    assert older[1:2] + older[3:] == [2, 9, 77]
    both = numbers(told(program, *LEARNED, word("t", 0, place), word("t", 1, place), word("r"), word("?")))
    assert both[1:2] + both[3:] == [0, 0, 0]


def test_the_host_gives_a_state_whole_or_not_at_all(program: Path) -> None:
    state = learning.to_bytes(replace(learning.learn(rows(30, 8), 55), owner=OWNER), 3)
    parts = [state[:100], state[100:]]
    whole = [word("w", 0, 100), parts[0], word("w", 100, len(parts[1])), parts[1], word("?")]
    assert numbers(told(program, *whole)) == [1, 2, 2, 0, 30, 55]
    kept = [*whole, word("r"), word("?")]
    assert numbers(told(program, *kept))[6:] == [2, 0, 30, 55]
    broken = bytearray(state)
    broken[50] ^= 1
    jobs = [*LEARNED, word("w", 0, len(broken)), bytes(broken), word("?")]
    assert numbers(told(program, *jobs)) == [1, 0, 2, 0, 9, 77]
    other = learning.to_bytes(replace(learning.learn(rows(30, 8), 55), owner=OWNER + 1), 3)
    jobs = [*LEARNED, word("w", 0, len(other)), other, word("?")]
    assert numbers(told(program, *jobs)) == [1, 3, 2, 0, 9, 77]
    gap = [*LEARNED, word("w", 0, 100), parts[0], word("w", 104, 8), state[104:112], word("r"), word("?")]
    assert numbers(told(program, *gap))[:3] == [1, 1, 0]
    assert numbers(told(program, *gap))[3:4] + numbers(told(program, *gap))[5:] == [2, 9, 77]


def test_states_that_are_none_are_refused() -> None:
    from tinygen.core.errors import TinygenError

    state = learning.to_bytes(learning.learn(rows(30, 8)))
    assert np.array_equal(learning.from_bytes(state).sums, learning.learn(rows(30, 8)).sums)
    for bad in (b"", state[:-1], b"\0" * len(state), state[:40] + b"\1" + state[41:]):
        with pytest.raises(TinygenError):
            learning.from_bytes(bad)
    with pytest.raises(TinygenError, match="at least 2"):
        learning.learn(rows(1, 1))
