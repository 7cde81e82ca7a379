"""What to import and how its files are understood."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePath

from tinygen.core.errors import bad_input
from tinygen.datasets.readers.raw import GROUP_COLUMNS, SIDES
from tinygen.datasets.values import Recording

KINDS = ("auto", "audio", "speech_commands", "csv", "npz", "mat", "uci_har", "magic_wand")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How files become recordings.

    Attributes:
        kind: one of KINDS.
        pattern: searched in each recording's name; its named groups (label, speaker, person, bearing, group, side)
            say what they are called.
        labels: {name in the source: name here}; with `only`, others are left out, else they keep their names.
        words: for speech: these are classes, every other word is "_unknown_".
        unknown_share: of the other words' recordings that is kept, 0..1.
        rate_hz: where the files do not say; 0 = they do.
        variables: for MAT: names of the arrays to take; () = those of the most samples.
        columns: for MAT: columns of a 2-D array; () = all.
        seconds: recordings longer than this are cut into pieces that stay one group; 0 = left whole.
    """

    kind: str = "auto"
    pattern: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    only: bool = False
    words: tuple[str, ...] = ()
    unknown_share: float = 1.0
    rate_hz: int = 0
    variables: tuple[str, ...] = ()
    columns: tuple[int, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Naming:
    """A pattern that reads label, group and side from names."""

    pattern: re.Pattern[str] | None
    kind: str

    def label_of(self, file: PurePath) -> str:
        """The class of a file named relative to its source: the pattern's, else the one folder it lies in.

        Raises:
            TinygenError: neither says it.
        """
        if self.pattern is not None and "label" in self.pattern.groupindex:
            found = self.pattern.search(file.as_posix())
            return (found.group("label") or "") if found else ""  # `applied` tells what does not match
        if len(file.parts) == 2:
            return file.parts[0]
        problem = "lies in no folder" if len(file.parts) == 1 else f"lies {len(file.parts) - 1} folders deep"
        raise bad_input(
            f"{problem}: nobody says what its class is",
            where=file.as_posix(),
            hint="put it into one folder named after its class, or say where it stands with --pattern, such as "
            "'(?P<speaker>[^/]+)/(?P<label>[^/]+)/'",
        )

    def applied(self, recording: Recording, rules: Rules) -> Recording | None:
        """The recording under its right names; None where it is not wanted."""
        label, group, side = recording.label, recording.group, recording.side
        if self.pattern is not None:
            found = self.pattern.search(recording.name)
            if found is None:
                raise bad_input(
                    f"the pattern '{self.pattern.pattern}' does not occur in its name",
                    where=recording.name,
                    hint="every recording's name must have it; move what is no recording elsewhere",
                )
            said = {key: value for key, value in found.groupdict().items() if value}
            label, side = said.get("label", label), said.get("side", side)
            group = next((said[key] for key in GROUP_COLUMNS if key in said), group)
        if rules.words:
            quiet = label in ("_silence_", "_unknown_")
            label = label if label in rules.words or quiet else "_unknown_"
        elif rules.only and label not in rules.labels:
            return None
        if side and side not in SIDES:
            raise bad_input(f"'{side}' is no side", where=recording.name, hint=f"sides are {', '.join(SIDES)}")
        return replace(recording, label=rules.labels.get(label, label), group=group, side=side)


def naming(rules: Rules) -> Naming:
    """The pattern of the rules, compiled.

    Raises:
        TinygenError: it is no regular expression, or names nothing.
    """
    if not rules.pattern:
        return Naming(None, "")
    try:
        pattern = re.compile(rules.pattern)
    except re.error as error:
        raise bad_input(f"is no regular expression: {error}", where="--pattern") from error
    known = {"label", "side", *GROUP_COLUMNS}
    if not pattern.groupindex or set(pattern.groupindex) - known:
        raise bad_input(
            f"names {', '.join(pattern.groupindex) or 'nothing'}",
            where="--pattern",
            hint=f"write (?P<label>...) and so on; names that mean something: {', '.join(sorted(known))}",
        )
    kind = next((GROUP_COLUMNS[key] for key in GROUP_COLUMNS if key in pattern.groupindex), "")
    return Naming(pattern, kind)
