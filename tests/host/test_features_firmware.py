"""The generated C++ front ends against the NumPy reference, byte for byte, in any chunking."""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from tinygen.features import quantize, reference
from tinygen.features.spec import (
    BandEnergySpec,
    FeatureSpec,
    LogMelSpec,
    ScaledWindowSpec,
    feature_shape,
    samples_per_inference,
)
from tinygen.features.validate import spec_problems
from tinygen.firmware.features_view import render_features

pytestmark = pytest.mark.host

Int16 = npt.NDArray[np.int16]
Tool = Callable[..., str]
Build = Callable[[str, FeatureSpec], Path]

WARNINGS = ["-Wall", "-Wextra", "-Werror", "-Wconversion", "-Wdouble-promotion", "-Wshadow", "-Wundef"]
FIRMWARE = ["-std=gnu++17", "-fno-exceptions", "-fno-rtti"]
SANITIZERS = ["-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
WAYS = {"clang++": ["-DTINYGEN_NO_WIDE_MULTIPLY"]}  # clang takes the way of processors without a wide product

SPECS: dict[str, FeatureSpec] = {
    "logmel": LogMelSpec(),
    "logmel with gain": LogMelSpec(hop_samples=160, n_frames=98, enable_noise_reduction=True, enable_pcan=True),
    "logmel noise only, small FFT": LogMelSpec(
        window_samples=30, hop_samples=30, n_bands=5, n_frames=20, enable_noise_reduction=True, log_scale_shift=8
    ),
    "logmel other constants": LogMelSpec(
        hop_samples=200,
        enable_noise_reduction=True,
        enable_pcan=True,
        smoothing_bits=8,
        even_smoothing=0.1,
        odd_smoothing=0.004,
        min_signal_remaining=0.2,
        pcan_strength=0.5,
        pcan_offset=3.5,
        pcan_gain_bits=17,
        log_scale_shift=5,
    ),
    "logmel of micro_speech": LogMelSpec(enable_noise_reduction=True, enable_pcan=True, input_formula="micro_speech"),
    "logmel behind a lead-in": LogMelSpec(n_frames=9, lead_in_frames=12, enable_noise_reduction=True, enable_pcan=True),
    "logmel odd FFT": LogMelSpec(window_samples=1024, hop_samples=1, n_frames=4, n_bands=80, lower_hz=0.0),
    "logmel longest": LogMelSpec(rate_hz=48000, window_samples=4001, hop_samples=4001, n_frames=3, upper_hz=20000.0),
    "bands": BandEnergySpec(),
    "bands with gaps": BandEnergySpec(window_samples=64, hop_samples=101, n_windows=7, n_bands=9, n_channels=3),
    "bands shortest": BandEnergySpec(window_samples=16, hop_samples=1, n_windows=40, n_bands=6, n_channels=1),
    "bands longest": BandEnergySpec(window_samples=4096, hop_samples=4096, n_windows=2, n_bands=300, n_channels=1),
    "bands and statistics": BandEnergySpec(
        window_samples=256, hop_samples=128, n_windows=19, n_bands=12, statistics=True
    ),
    "bands, statistics and envelope": BandEnergySpec(statistics=True, envelope_bands=24),
    "envelope of three axes at 1 kHz": BandEnergySpec(
        rate_hz=1000,
        n_channels=3,
        window_samples=64,
        hop_samples=80,
        n_windows=3,
        n_bands=7,
        statistics=True,
        envelope_bands=6,
        envelope_size=16,
        envelope_decimation=7,
        envelope_taps=63,
        envelope_lower_hz=90.0,
        envelope_upper_hz=400.0,
    ),
    "envelope, shortest": BandEnergySpec(
        window_samples=16,
        hop_samples=16,
        n_windows=2,
        n_bands=2,
        n_channels=1,
        envelope_bands=6,
        envelope_size=16,
        envelope_decimation=1,
        envelope_taps=3,
    ),
    "window": ScaledWindowSpec(),
    "window without gravity": ScaledWindowSpec(gravity="remove", gravity_rows_log2=3, n_frames=60),
    "window, level": ScaledWindowSpec(gravity="level", gravity_rows_log2=2, n_frames=60, decimation=2),
    "window, level, with a gyroscope": ScaledWindowSpec(gravity="level", n_channels=6, n_frames=90),
    "window of means": ScaledWindowSpec(decimation=7, n_channels=6, n_frames=33),
    "window of many": ScaledWindowSpec(decimation=32768, n_channels=1, n_frames=2),
}


def _quantization(spec: FeatureSpec) -> quantize.InputQuantization:
    """One that shows many of the int8 values and also saturates."""
    step = {"logmel": 5.0, "bands": 9.0, "window": 200.0}[spec.kind]
    return quantize.for_input(spec, spec.feature_scale * step, -100 if spec.kind == "logmel" else 11)


def _signals(spec: FeatureSpec, seed: int) -> Int16:
    rng = np.random.default_rng(seed)
    n = samples_per_inference(spec)
    shape = (n, spec.n_channels)
    tone = np.sin(np.arange(n) * 0.3)[:, None] * 60000
    lowest = np.zeros(shape)
    lowest[::37] = -32768
    square = np.where(np.arange(n)[:, None] % 8 < 4, 32767, -32768) * np.ones(shape)
    kinds = [
        np.zeros(shape),
        np.full(shape, -32768),
        np.clip(tone, -32768, 32767) * np.ones(shape),
        lowest,
        square,
        rng.choice([-32768, 32767], shape),
        rng.integers(-32768, 32768, shape),
        rng.normal(0, 700, shape),
        rng.integers(-3, 4, shape),
        rng.normal(0, 40, shape) + 16000,
    ]
    return np.stack(kinds).astype(np.int16)


def _chunks(rng: np.random.Generator, total: int, largest: int) -> list[int]:
    sizes = []
    while total > 0:
        sizes.append(min(total, int(rng.integers(0, largest + 1))))
        total -= sizes[-1]
    return sizes


def _compile(compiler: str, root: Path, arguments: list[str]) -> None:
    include = f"-I{root / 'firmware' / 'include'}"
    command = [compiler, *FIRMWARE, *WARNINGS, *SANITIZERS, *WAYS.get(Path(compiler).name, []), include, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory, root: Path, needs_tool: Tool) -> Build:
    """Programs around a spec's generated front end; what they share is compiled once per compiler."""
    shared: dict[str, list[str]] = {}

    def program(name: str, spec: FeatureSpec) -> Path:
        compiler = needs_tool(name)
        folder = tmp_path_factory.mktemp("front_end")
        if name not in shared:
            sources = [
                *(root / "firmware" / "features").glob("*.cpp"),
                root / "tests" / "host" / "test_features_main.cpp",
            ]
            for path in sources:
                _compile(compiler, root, ["-c", str(path), "-o", str(folder / f"{path.stem}.o")])
            shared[name] = [str(path) for path in folder.glob("*.o")]
        source = folder / "features.cpp"
        source.write_bytes(render_features(spec, _quantization(spec))["src/features.cpp"])
        _compile(compiler, root, [str(source), *shared[name], "-o", str(folder / "program")])
        return folder / "program"

    return program


def _stream(program: Path, jobs: list[tuple[Int16, list[int]]], spec: FeatureSpec) -> list[npt.NDArray[np.int8]]:
    data = struct.pack("<I", len(jobs))
    for samples, chunks in jobs:
        data += struct.pack(f"<I{len(chunks)}I", len(chunks), *chunks) + samples.astype("<i2").tobytes()
    done = subprocess.run([str(program)], input=data, capture_output=True, timeout=300, check=False)
    assert done.returncode == 0, f"exit code {done.returncode}: {done.stderr.decode()}"
    rate, channels, needed, frames, values, state = struct.unpack("<6I", done.stdout[:24])
    assert (rate, channels, needed) == (spec.rate_hz, spec.n_channels, samples_per_inference(spec))
    assert (frames, values) == feature_shape(spec)
    assert 0 < state < 64000
    rows = np.frombuffer(done.stdout[24:], dtype=np.int8)
    assert rows.size == len(jobs) * frames * values
    return list(rows.reshape(len(jobs), frames, values))


@pytest.mark.parametrize("compiler", ["g++", "clang++"])
@pytest.mark.parametrize("name", list(SPECS))
def test_firmware_equals_reference_in_any_chunking(name: str, compiler: str, build: Build) -> None:
    spec = SPECS[name]
    assert spec_problems(spec) == []
    program = build(compiler, spec)
    rng = np.random.default_rng(11)
    signals = _signals(spec, 4)
    n = samples_per_inference(spec)
    jobs = []
    for samples in signals:
        jobs.append((samples, [n]))
        jobs.append((samples, [1] * n))
        longer = np.concatenate([samples, samples[:50]])
        jobs.append((longer, _chunks(rng, len(longer), int(rng.choice([3, 100, 5000])))))
    expected = quantize.apply(reference.frames_batch(spec, signals), _quantization(spec))
    distinct = set()
    for index, rows in enumerate(_stream(program, jobs, spec)):
        assert np.array_equal(rows, expected[index // 3]), f"signal {index // 3}, chunking {index % 3}"
        distinct.add(rows.tobytes())
    assert len(distinct) > 3


def test_firmware_equals_reference_on_speech(build: Build, shared_dir: Callable[[str], Path]) -> None:
    import soundfile

    spec = LogMelSpec()
    files = sorted(shared_dir("data/kws").glob("*/*.flac"))[::60]
    n = samples_per_inference(spec)
    clips = [soundfile.read(path, dtype="int16")[0] for path in files]
    speech = np.stack([np.pad(clip, (0, max(0, n - len(clip))))[:n] for clip in clips])[:, :, None]
    program = build("g++", spec)
    expected = quantize.apply(reference.frames_batch(spec, speech), _quantization(spec))
    rng = np.random.default_rng(1)
    rows = _stream(program, [(clip, _chunks(rng, n, 700)) for clip in speech], spec)
    assert len(rows) >= 30
    for ours, theirs in zip(rows, expected, strict=True):
        assert np.array_equal(ours, theirs)


CROSS = {
    "arm-none-eabi-g++": ("gcc-arm-none-eabi", ["-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=soft"]),
    "xtensa-lx106-elf-g++": ("gcc-xtensa-lx106", ["-mlongcalls", "-ffreestanding"]),
}


@pytest.mark.parametrize("compiler", list(CROSS))
@pytest.mark.parametrize("name", ["logmel with gain", "bands", "window of means"])
def test_firmware_compiles_for_microcontrollers_without_float_or_large_stack(
    name: str, compiler: str, tmp_path: Path, root: Path, needs_tool: Tool
) -> None:
    package, flags = CROSS[compiler]
    tool = needs_tool(compiler, package)
    source = tmp_path / "features.cpp"
    source.write_bytes(render_features(SPECS[name], _quantization(SPECS[name]))["src/features.cpp"])
    includes = [f"-I{root / 'firmware' / 'include'}"]
    if compiler.startswith("xtensa"):
        includes.append(f"-I{root / 'firmware' / 'standin' / 'xtensa' / 'include'}")
    undefined = set()
    for path in (source, *sorted((root / "firmware" / "features").glob("*.cpp"))):
        target = tmp_path / f"{path.stem}_{path.parent.name}.o"
        command = [tool, *FIRMWARE, *WARNINGS, "-Os", "-fstack-usage", *flags, *includes, "-c", str(path)]
        done = subprocess.run([*command, "-o", str(target)], capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        for line in target.with_suffix(".su").read_text().splitlines():
            function, used, kind = line.split("\t")
            assert kind == "static", function
            assert int(used) <= 256, function
        listed = subprocess.run(
            [tool.replace("g++", "nm"), "-u", str(target)], capture_output=True, text=True, check=True
        )
        named = {line.split()[-1] for line in listed.stdout.splitlines() if line.strip()}
        undefined |= named - ({"__udivsi3"} if path.stem == "gravity" else set())  # the length of one vector a window
    helpers = {name for name in undefined if not name.startswith("_ZN7tinygen")}
    if name == "window of means":
        helpers -= {"__udivsi3"}  # one division per decimated sample
    # No float, no heap, no 64-bit division: only small libgcc helpers and what every freestanding program brings.
    libgcc = {"__muldi3", "__ashldi3", "__lshrdi3", "__ashrdi3", "__clzsi2", "__aeabi_llsl", "__aeabi_llsr"}
    assert helpers <= libgcc | {"memcpy", "memmove", "memset"}


def test_rendering_twice_gives_the_same_bytes() -> None:
    for spec in SPECS.values():
        first = render_features(spec, _quantization(spec))
        assert first == render_features(spec, _quantization(spec))
        assert set(first) == {"src/features.cpp"}
        assert max(map(len, first["src/features.cpp"].decode().splitlines())) <= 120
