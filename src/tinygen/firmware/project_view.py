"""The generated PlatformIO project: everything around the model, and the build id over all of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tinygen.boards.spec import BoardSpec
from tinygen.core.errors import ExitCode, TinygenError
from tinygen.core.resources import resource_dir
from tinygen.firmware.board_view import ldscript_path, render_board
from tinygen.firmware.environment import render
from tinygen.firmware.framework_view import IDF_RUNTIME, build_flags, port_folders, render_idf, runtime_folder
from tinygen.firmware.sensors.values import SourcePlan
from tinygen.firmware.source_view import render_source
from tinygen.firmware.tflm_view import INCLUDES as INTERPRETER_INCLUDES
from tinygen.firmware.values import RenderedTree, SelfTestVector

RUNTIME_VERSION = 1
"""The runtime these templates are written for; TINYGEN_RUNTIME_VERSION in build_info.h must be the same."""

STACK_BYTES = 8192
"""Default stack reserve: kernels use at most 1 KB, the protocol's frames and an interrupt the rest with a margin."""

SOURCE_SUFFIXES = (".cpp", ".S", ".h")
STREAM = "src/stream.cpp"
BUILD_INFO = "src/build_info.cpp"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectView:
    """For templates/project/platformio.ini.j2 and README.md.j2. Empty strings mean "leave it out"."""

    title: str
    board: str
    chip_title: str
    clock_mhz: str
    task: str
    engine: str
    platform: str
    pio_board: str
    framework: str
    flags: tuple[str, ...]
    packages: tuple[str, ...]
    ldscript: str
    upload_protocol: str
    baud: int
    cpu_flags: str
    hosted: bool
    lists_flash_images: bool
    streams: bool
    connector: str
    tx_pin: str
    rx_pin: str
    simulators: tuple[tuple[str, str, str], ...]
    selftest_count: int
    stack_bytes: int
    level: str
    interpreter: bool
    interpreter_includes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class VectorView:
    """A self-test vector as C++ initialiser rows."""

    input_bytes: int
    input_rows: tuple[str, ...]
    expected_bytes: int
    expected_rows: tuple[str, ...]


def render_project(
    board: BoardSpec,
    task_name: str,
    engine: str,
    model_files: Mapping[str, bytes],
    selftest: Sequence[SelfTestVector] = (),
    *,
    stack_bytes: int = STACK_BYTES,
    copies_apart: bool = False,
    level: str = "-O2",
    source: SourcePlan | None = None,
    state_bytes: int = 0,
) -> RenderedTree:
    """Make the whole project. The same input gives the same bytes on every machine.

    Args:
        board: what it is for.
        task_name: told in the hello, the README and the ini.
        engine: "aot" or "tflm".
        model_files: what the other views rendered: {path in the project: bytes} (src/model.cpp, src/features.cpp...).
        selftest: vectors compiled into the image.
        stack_bytes: reserve for the stack; a multiple of 16.
        level: what the compiler optimizes for, "-O2" or "-Os".
        copies_apart: the application's copies of input and state go into the chip's second RAM, where it has one.
        source: the sensor whose samples a stream may listen to; None leaves the serial line.
        state_bytes: of what the image keeps over a loss of power, where the board can.

    Raises:
        TinygenError: two views claim the same file (our bug), or a name would break C++ or ini syntax.
    """
    for word in (task_name, engine):
        if not word.replace("-", "").replace("_", "").isalnum():
            raise TinygenError(ExitCode.BAD_INPUT, f"'{word}' may hold letters, digits, '-' and '_' only", where="task")
    if stack_bytes <= 0 or stack_bytes % 16:
        raise TinygenError(ExitCode.BAD_INPUT, f"{stack_bytes} is no positive multiple of 16", where="stack_bytes")
    view = _project(
        board, task_name, engine, len(selftest), stack_bytes=stack_bytes, level=level, streams=STREAM in model_files
    )
    own: dict[str, bytes] = {
        **(render_source(source) if view.streams else {}),
        "platformio.ini": render("project/platformio.ini.j2", {"p": view}),
        "README.md": render("project/README.md.j2", {"p": view}),
        ".gitignore": b".pio/\n",
        "tools/warnings.py": _template_file("tools/warnings.py"),
        "tools/digest.py": _template_file("tools/digest.py"),
        "test/test_custom_runner.py": _template_file("test/test_custom_runner.py"),
        "test/test_selftest/main.cpp": render(
            "project/test/main.cpp.j2", {"framework": board.platformio.framework, "native": board.chip.arch == "native"}
        ),
        "src/main.cpp": render("project/src/main.cpp.j2", {"framework": board.platformio.framework}),
        "src/selftest.cpp": render("project/src/selftest.cpp.j2", {"vectors": [_vector(v) for v in selftest]}),
        **render_board(board, stack_bytes, copies_apart=copies_apart, source=source, state_bytes=state_bytes),
        **_runtime(board),
    }
    if view.lists_flash_images:
        own["tools/flash_images.py"] = _template_file("tools/flash_images.py")
    if view.hosted:
        own["tools/hosted.py"] = _template_file("tools/hosted.py")
        own["tools/hosted.ld"] = render("project/tools/hosted.ld.j2", {"p": view})
    if view.cpu_flags:
        own["tools/cpu_flags.py"] = _template_file("tools/cpu_flags.py")
    clash = sorted({*own, BUILD_INFO} & set(model_files))
    if clash:
        raise TinygenError(ExitCode.OUR_BUG, f"two views render {', '.join(clash)}")
    files = {**own, **model_files}
    named = (*files, BUILD_INFO)
    files |= render_idf(board, f"{task_name}-{board.id}", named, stack_bytes=stack_bytes, level=level)
    build_id = tree_digest(files)
    files[BUILD_INFO] = render(
        "project/src/build_info.cpp.j2",
        {
            "runtime_version": RUNTIME_VERSION,
            "build_id_bytes": [f"0x{byte:02x}" for byte in bytes.fromhex(build_id)],
            "board": board.id,
            "task": task_name,
            "engine": engine,
        },
    )
    return RenderedTree(files=dict(sorted(files.items())), build_id=build_id)


def tree_digest(files: Mapping[str, bytes]) -> str:
    """The build id: first 32 hex digits of SHA-256 over names, lengths and bytes of all files but build_info.cpp."""
    digest = hashlib.sha256()
    for name in sorted(files):
        if name != BUILD_INFO:
            digest.update(f"{name}\0{len(files[name])}\0".encode())
            digest.update(files[name])
    return digest.hexdigest()[:32]


def _project(
    board: BoardSpec, task: str, engine: str, selftest_count: int, *, stack_bytes: int, level: str, streams: bool
) -> ProjectView:
    platformio = board.platformio
    bare_metal = board.chip.port == "stm32" and not platformio.framework
    own_flags = board.chip.port == "stm32" and platformio.framework != "arduino"  # Arduino's core brings its own
    return ProjectView(
        title=board.title,
        board=board.id,
        chip_title=board.chip.title,
        clock_mhz=f"{board.clock_hz / 1_000_000:g}" if board.clock_hz else "",
        task=task,
        engine=engine,
        platform=platformio.platform,
        pio_board=platformio.board,
        framework=platformio.framework,
        flags=build_flags(board),
        packages=platformio.packages,
        ldscript=ldscript_path(board) if bare_metal else "",
        upload_protocol=platformio.upload_protocols[0] if platformio.upload_protocols else "",
        baud=board.serial.baud if board.chip.port != "host" else 0,
        streams=streams,
        hosted=board.chip.port == "stm32" and not bare_metal,
        lists_flash_images=board.chip.arch == "xtensa",
        cpu_flags=f"-mfloat-abi=hard -mfpu={board.chip.fpu}" if own_flags and board.chip.fpu else "",
        connector=board.serial.connector,
        tx_pin=board.serial.tx_pin,
        rx_pin=board.serial.rx_pin,
        simulators=tuple((s.name, ", ".join(s.proves), ", ".join(s.does_not_prove)) for s in board.simulators),
        selftest_count=selftest_count,
        stack_bytes=stack_bytes,
        level=level,
        interpreter=engine == "tflm",
        interpreter_includes=INTERPRETER_INCLUDES if engine == "tflm" and board.chip.port == "stm32" else (),
    )


def _runtime(board: BoardSpec) -> dict[str, bytes]:
    """The handwritten runtime as the project's private library."""
    root = resource_dir("firmware")
    place = runtime_folder(board)
    files: dict[str, bytes] = (
        {} if place == IDF_RUNTIME else {f"{place}/library.json": _template_file("lib/library.json")}
    )
    headers = root / "include" / "tinygen"
    for path in sorted(p for p in headers.rglob("*.h") if p.is_file()):
        files[f"{place}/include/tinygen/{path.relative_to(headers).as_posix()}"] = path.read_bytes()
    for folder in ("features", "protocol", "store", *(f"port/{name}" for name in port_folders(board))):
        base = root / folder
        for path in sorted(p for p in base.rglob("*") if p.is_file() and p.suffix in SOURCE_SUFFIXES):
            files[f"{place}/src/{folder}/{path.relative_to(base).as_posix()}"] = path.read_bytes()
    return files


def _template_file(name: str) -> bytes:
    """A file of the project that needs no rendering."""
    return (resource_dir("templates") / "project" / name).read_bytes()


def _vector(vector: SelfTestVector) -> VectorView:
    return VectorView(
        input_bytes=vector.model_input.size,
        input_rows=_rows(vector.model_input),
        expected_bytes=vector.expected_output.size,
        expected_rows=_rows(vector.expected_output),
    )


def _rows(values: npt.NDArray[np.int8], per_row: int = 24) -> tuple[str, ...]:
    flat = [str(int(value)) for value in values.reshape(-1)]
    return tuple(", ".join(flat[i : i + per_row]) for i in range(0, len(flat), per_row))
