"""`pio run` on a generated project, and what the linker made of it."""

from __future__ import annotations

import configparser
import json
import shutil
from pathlib import Path

from tinygen.boards.loader import load_boards
from tinygen.boards.spec import BoardSpec
from tinygen.core.canonical import digest, digest_file, pretty_json
from tinygen.core.errors import bad_input, tool_failed
from tinygen.core.files import write_if_changed
from tinygen.core.process import run as run_tool
from tinygen.core.progress import Progress, silent
from tinygen.toolchain import elf, pio
from tinygen.toolchain.cross import cross_compiler
from tinygen.toolchain.diagnose import build_error
from tinygen.toolchain.preflight import require
from tinygen.toolchain.registry import is_offline
from tinygen.toolchain.setup import core_dir, prepare
from tinygen.toolchain.values import Firmware

OFFLINE_TIMEOUT_S = 600.0
INTERPRETER_TIMEOUT_S = 1800.0  # some 150 files more
CONNECTED_TIMEOUT_S = 3600.0  # the first build downloads the vendor's toolchain
_ORIGIN = "tinygen-origin.json"
_OBJECTS = "tinygen-objects.json"
INTERPRETER = "lib/tflm"
"""Where a project has an interpreter's sources: some 150 files that are the same in every project."""
_SOURCES = (".c", ".cc", ".cpp", ".S")


def build(
    project_dir: Path,
    board: BoardSpec,
    *,
    build_id: str,
    offline: bool | None = None,
    werror: bool = False,
    log: Path | None = None,
    jobs: int | None = None,
    cache: Path | None = None,
    progress: Progress = silent,
    timeout_s: float | None = None,
) -> Firmware:
    """Build a generated project with PlatformIO.

    Args:
        project_dir: folder with platformio.ini.
        board: what it was generated for.
        build_id: what the image says in its hello.
        offline: None asks the registry (`registry.is_offline`). Offline, a private core directory with stand-in
            platforms is used; connected, PlatformIO's own packages and the user's core directory.
        werror: all our warnings, as errors, for the project's own sources (CI).
        log: gets the whole output.
        jobs: compilers at once; None leaves it to PlatformIO.
        cache: where the private core directory lies; None takes the user's cache folder.
        timeout_s: None takes 10 minutes offline (30 with an interpreter's sources), an hour connected.

    Raises:
        TinygenError: something is missing (exit code 3, said before anything is started), the firmware does not fit
            (2), or the build failed (3, with the compiler's first errors).
    """
    name = environment_name(project_dir, board)
    offline = is_offline(offline)
    require(board, offline)
    core = prepare(_boards_with(board), cache=cache) if offline else None
    folder = project_dir / ".pio" / "build" / name
    origin = core.name if core else "registry"
    if build_origin(project_dir, board) != origin or _objects_changed(folder):
        # Objects made by another platform's compiler, or changed by someone else since, are not reused, whatever their
        # time stamps say.
        shutil.rmtree(folder, ignore_errors=True)
    words = pio.command("run", "-e", name, *(("-j", str(jobs)) if jobs else ()))
    total = sum(path.suffix in _SOURCES for part in ("src", "lib") for path in (project_dir / part).rglob("*")) + 1
    done = 0

    def on_line(line: str) -> None:
        nonlocal done
        if line.startswith(("Compiling ", "Linking ")):
            done = min(done + 1, total)
            progress("build", done, total, Path(line).name.removesuffix(".o"))
        elif not offline and ("Installing" in line or "Downloading" in line):
            progress("build", done, total, line.strip())

    extra = {"TINYGEN_WERROR": "1"} if werror else {}  # read by the project's tools/warnings.py
    if core is not None and (project_dir / INTERPRETER).is_dir():
        extra |= _kept_objects(board, core)
    offline_s = INTERPRETER_TIMEOUT_S if (project_dir / INTERPRETER).is_dir() else OFFLINE_TIMEOUT_S
    limit_s = timeout_s or (offline_s if offline else CONNECTED_TIMEOUT_S)
    result = pio.run(
        words, cwd=project_dir, env=pio.environment(core, extra), timeout_s=limit_s, log=log, on_line=on_line
    )
    # Afterwards: PlatformIO empties the folder when the project's files have changed.
    write_if_changed(folder / _ORIGIN, pretty_json({"core": origin}).encode())
    if result.returncode != 0:
        keeps = any("STATE (r)" in script.read_text(encoding="utf-8") for script in project_dir.glob("ld/*.ld"))
        raise build_error(result.stdout, where=str(project_dir), log=str(log or ""), offline=offline, keeps_state=keeps)
    image = _image(folder)
    _record_objects(project_dir, folder, image)
    progress("build", total, total, image.name)
    return read_firmware(image, board, build_id=build_id, standin=offline)


def _kept_objects(board: BoardSpec, core: Path) -> dict[str, str]:
    """Let PlatformIO take objects of other projects that were made from the same bytes by the same compiler."""
    compiler = run_tool([cross_compiler(board.chip).cxx, "--version"], timeout_s=20).stdout
    return {"PLATFORMIO_BUILD_CACHE_DIR": str(core.parent / f"objects-{core.name}-{digest(compiler)[:12]}")}


def commands(
    project_dir: Path, board: BoardSpec, *, offline: bool | None = None, cache: Path | None = None
) -> tuple[tuple[str, ...], ...]:
    """What `build` would run, for --dry-run: typed into a shell, it does the same.

    Raises:
        TinygenError: the project there has no environment for the board. A missing project counts as one still to be
            generated.
    """
    words = pio.command("run", "-d", str(project_dir), "-e", environment_to_be(project_dir, board))
    if not is_offline(offline):
        return (words,)
    core = core_dir(_boards_with(board), cache=cache)
    return (("env", f"PLATFORMIO_CORE_DIR={core}", *words),)


def read_firmware(image: Path, board: BoardSpec, *, build_id: str, standin: bool) -> Firmware:
    """Describe a linked image.

    Raises:
        TinygenError: it is no ELF file or does not belong to the board's chip.
    """
    facts = elf.read(image, board.chip)
    return Firmware(
        elf=image,
        board=board.id,
        build_id=build_id,
        sections=facts.sections,
        symbols=facts.symbols,
        flash_bytes=facts.flash_bytes,
        ram_bytes=facts.ram_bytes,
        toolchain="; ".join(facts.compilers) or "unknown",
        standin=standin,
    )


def environment_name(project_dir: Path, board: BoardSpec) -> str:
    """The [env:...] of the project's platformio.ini that builds for a board.

    Raises:
        TinygenError: no project there, or no environment for the board.
    """
    ini = project_dir / "platformio.ini"
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    try:
        parser.read_string(ini.read_text(encoding="utf-8"))
    except OSError as error:
        raise bad_input("there is no project here", where=str(ini), hint="run `tinygen generate` first") from error
    except configparser.Error as error:
        raise bad_input(f"cannot be read: {error}", where=str(ini), hint="run `tinygen generate` again") from error
    names = [section.removeprefix("env:") for section in parser.sections() if section.startswith("env:")]
    if board.id in names:
        return board.id
    if len(names) == 1 and board.platformio.board in ("", parser.get(f"env:{names[0]}", "board", fallback="")):
        return names[0]
    raise bad_input(
        f"no environment for {board.id}: {', '.join(names) or 'none at all'}",
        where=str(ini),
        hint="run `tinygen generate` for this board",
    )


def environment_to_be(project_dir: Path, board: BoardSpec) -> str:
    """`environment_name`, also of a project that is not there yet: what is generated is called after its board."""
    return environment_name(project_dir, board) if (project_dir / "platformio.ini").is_file() else board.id


def build_origin(project_dir: Path, board: BoardSpec) -> str:
    """What made the image in the build folder: "registry", a stand-in's core directory, or "" if there is none."""
    path = project_dir / ".pio" / "build" / environment_to_be(project_dir, board) / _ORIGIN
    try:
        return str(json.loads(path.read_text(encoding="utf-8"))["core"])
    except (OSError, ValueError, KeyError):
        return ""


def objects_of(image: Path) -> dict[str, str]:
    """{object file relative to the image's folder: SHA-256} as recorded when the image was built.

    Raises:
        TinygenError: there is no record, or the image is not the one it was made for.
    """
    path = image.parent / _OBJECTS
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        of_image, objects = str(record["image"]), {str(k): str(v) for k, v in record["objects"].items()}
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise tool_failed(
            "there is no record of this image's object files", where=str(path), hint="build again"
        ) from error
    if of_image != digest_file(image):
        raise tool_failed("the image was changed after it was built", where=str(image), hint="build again")
    return objects


def _boards_with(board: BoardSpec) -> list[BoardSpec]:
    """All known boards and this one: one core directory serves every project."""
    known = load_boards()
    return list((known | {board.id: board}).values())


def _image(folder: Path) -> Path:
    for name in ("firmware.elf", "program", "program.exe"):
        if (folder / name).is_file():
            return folder / name
    raise tool_failed("PlatformIO ended well but left no image", where=str(folder), hint="build again")


def _objects_changed(folder: Path) -> bool:
    """True when an object file is not the one the last build left: someone else wrote it, or a build was cut off."""
    try:
        record = json.loads((folder / _OBJECTS).read_text(encoding="utf-8"))["objects"]
        return any(digest_file(folder / name) != expected for name, expected in record.items())
    except FileNotFoundError:
        return (folder / _OBJECTS).is_file()
    except (OSError, ValueError, KeyError, AttributeError):
        return True


def _record_objects(project_dir: Path, folder: Path, image: Path) -> None:
    """Keep what the image was linked from: objects that lie about from sources that are gone are not among it."""
    objects = {
        path.relative_to(folder).as_posix(): digest_file(path)
        for path in sorted(folder.rglob("*.o"))
        if _has_source(project_dir, path.relative_to(folder).as_posix())
    }
    record = {"image": digest_file(image), "objects": objects}
    write_if_changed(folder / _OBJECTS, pretty_json(record).encode())


def _has_source(project_dir: Path, name: str) -> bool:
    """Whether "src/model.cpp.o" or "lib1f5/tinygen/features/fft.o" (some platforms drop the suffix) has a source.

    Objects of the platform itself have theirs elsewhere.
    """
    top, _, rest = name.removesuffix(".o").partition("/")
    if top == "src":
        stem = project_dir / "src" / rest
    elif top.startswith("lib") and rest.startswith("tinygen/"):
        stem = project_dir / "lib" / "tinygen" / "src" / rest.removeprefix("tinygen/")
    else:
        return True
    return stem.is_file() or any(stem.with_name(stem.name + suffix).is_file() for suffix in _SOURCES)
