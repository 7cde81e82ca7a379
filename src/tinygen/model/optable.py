"""The table of operators, types and kernels in this room's README.md, made from the registries.

`python -m tinygen.model.optable src/tinygen/model/README.md` rewrites it between its two marks; without a file it
prints it.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tinygen.core.errors import bad_input
from tinygen.model.float_functions import FLOAT_FUNCTIONS
from tinygen.model.importer import INT4_TAKERS
from tinygen.model.islands import MOVES, RESHAPES
from tinygen.model.kernels.registry import candidates
from tinygen.model.ops.registry import OPS
from tinygen.model.schema import OPERATOR_NAMES

BEGIN = "<!-- operators: written by python -m tinygen.model.optable src/tinygen/model/README.md -->"
END = "<!-- end of operators -->"


def table() -> str:
    """The table as Markdown: operators of the file format only, kernels in the order they are tried."""
    known = set(OPERATOR_NAMES.values())
    lines = ["| operator | data types | kernels for int8 | for int16 | for any of its types |", "|---|---|---|---|---|"]
    for op in sorted(OPS, key=lambda one: one.name):
        if op.name in known:
            types = ", ".join(op.types) + (" (weights: int8, int4)" if op.name in INT4_TAKERS else "")
            ids = [kernel.id.removeprefix(f"{op.name.lower()}_") for kernel in candidates(op.name)]
            columns = [[word for word in ids if word.split("_")[0] == kind] for kind in ("int8", "int16")]
            columns.append([word for word in ids if word.split("_")[0] not in ("int8", "int16")])
            words = " | ".join(", ".join(f"`{word}`" for word in column) for column in columns)
            lines.append(f"| {op.name} | {types} | {words} |")
    lines.append("| SHAPE | int32 | | | folded: shapes are fixed |")
    lines += [
        "",
        "A kernel's full name begins with its operator's: `conv_2d_int8_generic`. The preferred one stands first.",
    ]
    lines.append("int4 weights are unpacked when generating: a byte each in flash, no unpacking on the device.")
    moves = ", ".join((*RESHAPES, *MOVES))
    islands = ", ".join(sorted(FLOAT_FUNCTIONS))
    lines += [
        "",
        f"Between DEQUANTIZE and QUANTIZE, float32 {islands} become one table of 256 results.",
        f"{moves} may stand among them: they move the int8 values.",
    ]
    return "\n".join(lines)


def written(text: str) -> str:
    """A document with the table between its marks.

    Raises:
        TinygenError: the marks are missing.
    """
    before, found, rest = text.partition(BEGIN)
    _, closed, after = rest.partition(END)
    if not found or not closed:
        raise bad_input("has no place for the table of operators", hint=f"put {BEGIN} and {END} where it belongs")
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


def main(arguments: list[str]) -> None:
    """Rewrite the table in the named file, or print it."""
    if not arguments:
        sys.stdout.write(table() + "\n")
        return
    path = Path(arguments[0])
    path.write_text(written(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
