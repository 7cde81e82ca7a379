"""What a generated project has for its framework: the port's folders, main, build flags, ESP-IDF's own files."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tinygen.boards.spec import BoardSpec, Framework
from tinygen.firmware.environment import render

RUNTIME = "lib/tinygen"
"""Where the runtime lies; ESP-IDF's projects compile it themselves, out of sight of PlatformIO's library finder."""

IDF_RUNTIME = "runtime"
_PORT_FOLDERS: dict[tuple[str, Framework], tuple[str, ...]] = {
    ("stm32", ""): ("stm32",),
    ("stm32", "arduino"): ("arduino", "stm32"),
    ("stm32", "stm32cube"): ("stm32cube", "stm32"),
    ("esp32s3", "arduino"): ("arduino", "esp32", "esp32s3"),  # files choose themselves by TINYGEN_STANDIN
    ("esp32s3", "espidf"): ("espidf", "esp32", "esp32s3"),
    ("host", ""): ("host",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class IdfView:
    """For templates/project/espidf/*.j2.

    Attributes:
        name: the project's.
        sources: of the component, relative to src/.
        strict: those that include no header of ESP-IDF.
        flash_mb: megabytes of flash.
        stack_bytes: of the main task.
    """

    name: str
    sources: tuple[str, ...]
    strict: tuple[str, ...]
    flash_mb: int
    clock_mhz: int
    stack_bytes: int
    level: str


def port_folders(board: BoardSpec) -> tuple[str, ...]:
    """The folders of firmware/port that a project for the board gets."""
    return _PORT_FOLDERS[board.chip.port, board.platformio.framework]


def runtime_folder(board: BoardSpec) -> str:
    """Where the runtime lies in a project for the board."""
    return IDF_RUNTIME if board.platformio.framework == "espidf" else RUNTIME


def build_flags(board: BoardSpec) -> tuple[str, ...]:
    """What the framework has to be told on every compiler's command line."""
    framework = board.platformio.framework
    if framework == "espidf":
        return (f"-I{IDF_RUNTIME}/include",)
    if not framework or board.chip.port != "stm32":
        return ()
    # The core's receive buffer of 64 bytes is less than a frame.
    buffer = ("-DSERIAL_RX_BUFFER_SIZE=1024",) if framework == "arduino" else ()
    external = board.clock.external_hz if board.clock is not None and board.clock.source == "hse" else 0
    return (*buffer, *((f"-DHSE_VALUE={external}U",) if external else ()))


def render_idf(board: BoardSpec, name: str, files: Iterable[str], *, stack_bytes: int, level: str) -> dict[str, bytes]:
    """ESP-IDF's CMakeLists.txt and sdkconfig.defaults; nothing for other frameworks.

    Args:
        name: the project's.
        files: every file of the project.
        stack_bytes: of the main task, which the application runs on.
        level: what the compiler optimizes for.
    """
    if board.platformio.framework != "espidf":
        return {}
    sources = [path for path in sorted(files) if path.endswith((".cpp", ".cc")) and path.split("/")[0] != "test"]
    places = tuple(path.removeprefix("src/") if path.startswith("src/") else f"../{path}" for path in sources)
    view = IdfView(
        name=name,
        sources=places,
        strict=tuple(path for path in places if "/port/" not in path and path.endswith(".cpp")),
        flash_mb=board.chip.flash.size_bytes // 2**20,
        clock_mhz=board.clock_hz // 1_000_000,
        stack_bytes=stack_bytes,
        level=level,
    )
    return {
        "CMakeLists.txt": render("project/espidf/CMakeLists.txt.j2", {"v": view}),
        "src/CMakeLists.txt": render("project/espidf/component.txt.j2", {"v": view}),
        "sdkconfig.defaults": render("project/espidf/sdkconfig.defaults.j2", {"v": view}),
    }
