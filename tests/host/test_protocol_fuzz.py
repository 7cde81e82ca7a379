"""The device's receiver under a coverage-guided fuzzer (libFuzzer) with address and undefined-behaviour sanitizers."""

from __future__ import annotations

import os
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tinygen.device.frames import Frame, Type, encode

pytestmark = pytest.mark.host

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
CXX = ["-std=gnu++17", "-O1", "-g", "-fno-exceptions", "-fno-rtti", f"-I{ROOT / 'firmware' / 'include'}", "-DFUZZED"]
WARN = ["-Wall", "-Wextra", "-Werror", "-Wconversion", "-Wdouble-promotion", "-Wshadow", "-Wundef"]
FUZZER = ["-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=all"]
SOURCES = ("test_protocol_fuzz.cpp", "test_protocol_port.cpp", "test_protocol_engine.cpp")
SOAK_S = 300


@pytest.fixture(scope="module")
def fuzzer(needs_tool: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    needs_tool("clang++", "clang libclang-rt-dev")
    out = tmp_path_factory.mktemp("fuzz") / "fuzz"
    firmware = [path for path in sorted((ROOT / "firmware/protocol").glob("*.cpp")) if path.name != "app.cpp"]
    sources = [*(HERE / name for name in SOURCES), *firmware]
    subprocess.run(["clang++", *CXX, *WARN, *FUZZER, *map(str, sources), "-o", str(out)], check=True)
    return out


def corpus(folder: Path) -> Path:
    """A conversation to begin with, as bytes on the wire and as records."""
    talk = [
        Frame(Type.HELLO, 1, b""),
        Frame(Type.WRITE_INPUT, 2, struct.pack("<I", 0) + bytes(40)),
        Frame(Type.INFER, 3, struct.pack("<BxH", 1, 0)),
        Frame(Type.DIGESTS, 4, struct.pack("<H", 0)),
        Frame(Type.INFER, 5, struct.pack("<BxH", 2, 1)),
        Frame(Type.READ_TENSOR, 6, struct.pack("<HHI", 1, 500, 200)),
        Frame(Type.RAW_BEGIN, 7, b""),
        Frame(Type.RAW_CHUNK, 8, struct.pack("<I", 0) + bytes(100)),
        Frame(Type.RAW_END, 9, b""),
        *(Frame(kind, 10, b"") for kind in range(64)),
    ]
    folder.mkdir()
    (folder / "wire").write_bytes(b"\0" + b"".join(map(encode, talk)))
    records = (struct.pack("<BBH", f.type, f.sequence, len(f.payload)) + f.payload for f in talk)
    (folder / "records").write_bytes(b"\1" + b"".join(records))
    return folder


def fuzz(program: Path, folder: Path, *limit: str) -> str:
    """Run; a crash, a leak, a hang of 10 s, or memory that grows fail.

    The sanitizer's shadow and the fuzzer's own corpus take up to 300 MiB; what freed blocks it keeps is bounded here.
    """
    words = [str(program), *limit, "-max_len=4096", "-timeout=10", "-rss_limit_mb=1024", "-print_final_stats=1"]
    done = subprocess.run(
        [*words, f"-artifact_prefix={folder}/", str(corpus(folder / "corpus"))],
        capture_output=True, text=True, check=False, env={**os.environ, "ASAN_OPTIONS": "quarantine_size_mb=16"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stderr


def test_the_receiver_survives_a_short_fuzzing(fuzzer: Path, tmp_path: Path) -> None:
    said = fuzz(fuzzer, tmp_path, "-runs=60000", "-seed=7")
    assert "stat::number_of_executed_units" in said


@pytest.mark.soak
def test_the_receiver_survives_five_minutes_of_fuzzing(fuzzer: Path, tmp_path: Path) -> None:
    said = fuzz(fuzzer, tmp_path, f"-max_total_time={SOAK_S}")
    print("\n".join(line for line in said.splitlines() if line.startswith(("stat::", "Done"))))


def test_the_fuzzer_would_notice(needs_tool: Callable[..., str], tmp_path: Path) -> None:
    """A decoder that stores one byte too many is found: the harness is not blind."""
    needs_tool("clang++", "clang libclang-rt-dev")
    source = (ROOT / "firmware/protocol/frame_decoder.cpp").read_text()
    broken = source.replace("count_ == kMaxFrame", "count_ == kMaxFrame + 8")
    assert broken != source
    (tmp_path / "frame_decoder.cpp").write_text(broken)
    firmware = [
        path
        for path in sorted((ROOT / "firmware/protocol").glob("*.cpp"))
        if path.name not in ("app.cpp", "frame_decoder.cpp")
    ]
    sources = [*(HERE / name for name in SOURCES), *firmware, tmp_path / "frame_decoder.cpp"]
    out = tmp_path / "fuzz"
    subprocess.run(["clang++", *CXX, *FUZZER, *map(str, sources), "-o", str(out)], check=True)
    with pytest.raises(AssertionError):
        fuzz(out, tmp_path, "-max_total_time=60", "-seed=7")
