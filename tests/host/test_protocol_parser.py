"""The C++ frame decoder and the Python one find the same frames and the same faults in the same corrupted bytes."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tinygen.device.frames import Frame, FrameDecoder, encode

pytestmark = pytest.mark.host

ROOT = Path(__file__).parents[2]
CXX = ["-std=gnu++17", "-O1", "-g", "-fno-exceptions", "-fno-rtti"]
WARN = ["-Wall", "-Wextra", "-Werror", "-Wconversion", "-Wdouble-promotion", "-Wshadow", "-Wundef"]
PARSER = ("frame_decoder.cpp", "crc32.cpp")
SANITIZE = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]


@pytest.fixture(scope="module", params=["g++", "clang++"])
def parser(
    request: pytest.FixtureRequest, needs_tool: Callable[..., str], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    needs_tool(request.param)
    program = tmp_path_factory.mktemp("parser") / "parser"
    sources = [Path(__file__).with_suffix(".cpp"), *(ROOT / "firmware" / "protocol" / name for name in PARSER)]
    include = f"-I{ROOT / 'firmware' / 'include'}"
    subprocess.run([request.param, *CXX, *WARN, *SANITIZE, include, *map(str, sources), "-o", str(program)], check=True)
    return program


def in_cpp(parser: Path, data: bytes) -> list[str]:
    return subprocess.run([str(parser)], input=data, capture_output=True, check=True).stdout.decode().splitlines()


def in_python(data: bytes) -> list[str]:
    words = []
    for found in FrameDecoder().push(data):
        if isinstance(found, Frame):
            words.append(f"frame {found.type} {found.sequence} {found.payload.hex()}")
        else:
            words.append(f"bad {int(found.error)}")
    return words


def random_frame(rng: random.Random) -> Frame:
    size = rng.choice([0, 1, 4, 245, 246, 247, 250, 254, 500, 511, 512, 513, rng.randrange(600)])
    alphabet = rng.choice([bytes(range(256)), b"\0", b"\x01", b"\0\x01", bytes(range(1, 256))])
    return Frame(rng.randrange(256), rng.randrange(256), bytes(rng.choice(alphabet) for _ in range(size)))


def corrupted(rng: random.Random, wire: bytes) -> bytes:
    data = bytearray(wire)
    for _ in range(rng.choice([0, 0, 1, 1, 2, 5])):
        place = rng.randrange(len(data) + 1)
        match rng.randrange(5):
            case 0:
                data[place:place] = rng.randbytes(rng.randrange(1, 20))
            case 1:
                del data[place : place + rng.randrange(1, 20)]
            case 2 if place < len(data):
                data[place] ^= 1 << rng.randrange(8)
            case 3:
                data[place:place] = b"\0"
            case _:
                data[place:place] = b"\xff" * rng.choice([1, 300, 1200])
    return bytes(data)


def test_both_decoders_agree_on_corrupted_streams(parser: Path) -> None:
    rng = random.Random(20261)
    parts: list[bytes] = []
    for _ in range(3000):
        parts.append(corrupted(rng, encode(random_frame(rng))))
        if rng.randrange(10) == 0:
            parts.append(rng.randbytes(rng.randrange(1500)))
    data = b"".join(parts)
    expected = in_python(data)
    assert in_cpp(parser, data) == expected
    kinds = {line.split()[0] + line.split()[1] * line.startswith("bad") for line in expected}
    assert kinds == {"frame", "bad2", "bad3", "bad4", "bad5"}  # the streams did reach every way out


def test_sync_is_back_after_one_frame(parser: Path) -> None:
    rng = random.Random(7)
    frame = Frame(3, 9, b"after the storm")
    for _ in range(40):
        data = rng.randbytes(rng.randrange(3000)) + b"\0" + encode(frame)
        assert in_cpp(parser, data)[-1] == f"frame 3 9 {frame.payload.hex()}"
