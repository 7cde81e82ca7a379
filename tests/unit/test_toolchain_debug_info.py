"""Addresses become functions, files and lines."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

from tinygen.core.errors import TinygenError
from tinygen.toolchain.debug_info import CodePlace, named, place_of

SOURCE = """\
namespace outer {
namespace {
[[gnu::noinline]] int hidden(int value) {
  return value * 3;
}
}  // namespace
struct Thing {
  [[gnu::noinline]] int method(int value);
};
int Thing::method(int value) {
  return hidden(value) + 1;
}
}  // namespace outer
int main(int count, char**) {
  outer::Thing thing;
  return thing.method(count);
}
"""


@pytest.fixture(scope="module", params=["-gdwarf-5", "-gdwarf-4"])
def image(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, needs_tool: Callable[..., str]
) -> Path:
    """A program of this machine whose source was given by a relative path."""
    compiler = needs_tool("g++")
    folder = tmp_path_factory.mktemp("debug")
    (folder / "src").mkdir()
    (folder / "src" / "main.cpp").write_text(SOURCE)
    command = [compiler, request.param, "-O1", "-no-pie", "src/main.cpp", "-o", "program"]
    subprocess.run(command, cwd=folder, check=True)
    return folder / "program"


def address(image: Path, part: str) -> int:
    with image.open("rb") as file:
        symbols = ELFFile(file).get_section_by_name(".symtab").iter_symbols()
        return next(
            int(s["st_value"])
            for s in symbols
            if part in s.name and s["st_size"] and s["st_info"]["type"] == "STT_FUNC"
        )


@pytest.mark.parametrize(
    ("part", "function", "lines"),
    [("hidden", "outer::hidden", (3, 5)), ("method", "outer::Thing::method", (10, 12)), ("main", "main", (14, 17))],
)
def test_function_file_and_line(image: Path, part: str, function: str, lines: tuple[int, int]) -> None:
    place = place_of(image, address(image, part) + 1)
    assert place is not None
    assert (place.function, place.file) == (function, "src/main.cpp")
    assert lines[0] <= place.line <= lines[1]


def test_an_address_nobody_knows(image: Path) -> None:
    assert place_of(image, 0xDEADBEE0) is None
    assert named(image, 0xDEADBEE0) == "0xdeadbee0"


def test_without_debug_information_the_symbol_is_left(image: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    subprocess.run(["objcopy", "--strip-debug", str(image), str(bare)], check=True)
    place = place_of(bare, address(image, "main"))
    assert place == CodePlace(function="main", file="", line=0)
    assert str(place) == "main"


def test_what_is_no_image_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no image")
    with pytest.raises(TinygenError, match="not an ELF"):
        place_of(tmp_path / "text", 0)
    with pytest.raises(TinygenError, match="cannot read"):
        place_of(tmp_path / "nothing", 0)
