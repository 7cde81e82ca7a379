"""`tinygen.toml`: read, checked as a whole, overridden by the command line."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from tinygen.core.errors import bad_input, did_you_mean
from tinygen.datasets.layout import read_facts
from tinygen.firmware.sensors.values import SensorChoice
from tinygen.tasks import front_end
from tinygen.tasks.recipes import Choice

FILE_NAME = "tinygen.toml"
_UNITS = {"": 1, "B": 1, "K": 1024, "KB": 1024, "KIB": 1024, "M": 1024**2, "MB": 1024**2, "MIB": 1024**2}


def parse_bytes(value: object) -> int:
    """Bytes from 32768, "32768", "32K" or "1M" (powers of 1024).

    Raises:
        ValueError: anything else.
    """
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*", str(value))
    if match is None or match[2].upper() not in _UNITS or float(match[1]) <= 0:
        raise ValueError(f'\'{value}\' is no size; write for instance 32768, "32K" or "1M"')
    return int(float(match[1]) * _UNITS[match[2].upper()])


def check_path(value: str) -> str:
    """The value, if it can be a path.

    Raises:
        ValueError: it cannot.
    """
    if not value or "\0" in value:
        raise ValueError("is no path")
    return value


Bytes = Annotated[int, BeforeValidator(parse_bytes)]


_Task = Literal["kws", "vibration", "gesture"]


class _Budget(BaseModel):
    model_config = ConfigDict(extra="forbid")
    ram: Bytes | None = None
    flash: Bytes | None = None


class _Tflm(BaseModel):
    model_config = ConfigDict(extra="forbid")
    tree: Annotated[str, AfterValidator(check_path)] | None = None
    arena: Bytes | None = None


class _Training(BaseModel):
    model_config = ConfigDict(extra="forbid")
    recipe: Literal["ds_cnn", "branched", "broadcast"]
    averaging: bool = True
    quantisation_aware: bool = True
    teachers: int = Field(default=0, ge=0, le=8)
    prune: float = Field(default=0.0, ge=0.0, le=0.9)
    branches: bool = True
    synthesis: float = Field(default=0.0, ge=0.0, le=10.0)


class _Stream(BaseModel):
    model_config = ConfigDict(extra="forbid")
    threshold: int | None = Field(default=None, ge=0, le=2**31 - 1)


class _OpenSet(BaseModel):
    model_config = ConfigDict(extra="forbid")
    made: bool = False
    false_accepts: float = Field(default=0.05, gt=0.0, le=0.5)


class _Sensor(BaseModel):
    model_config = ConfigDict(extra="forbid")
    source: Literal["imu", "adc", "i2s", "pdm"]
    device: str = "mpu6050"
    address: int = Field(default=0, ge=0, le=0x7F)
    range_g: int = 8
    ring_s: float = Field(default=0.0, ge=0, le=600)


class _File(BaseModel):
    """The schema of tinygen.toml."""

    model_config = ConfigDict(extra="forbid")
    task: _Task = "gesture"
    board: str = "feather_f405"
    on: str = "sim"
    data: Annotated[str, AfterValidator(check_path)] | None = None
    seed: int = Field(default=1, ge=0, le=2**31 - 1)
    engine: Literal["aot", "tflm"] = "aot"
    model: Literal["auto", "ready", "train"] = "auto"
    framework: Literal["none", "arduino", "espidf", "stm32cube"] | None = None
    epochs: int | None = Field(default=None, ge=1, le=10_000)
    vectors: int | None = Field(default=None, ge=1, le=100_000)
    build_dir: Annotated[str, AfterValidator(check_path)] = "build"
    optimize: Literal["speed", "size", "balanced"] = "speed"
    kernels: dict[str, str] = Field(default_factory=dict)
    budget: _Budget = Field(default_factory=_Budget)
    tflm: _Tflm = Field(default_factory=_Tflm)
    sensor: _Sensor | None = None
    training: _Training | None = None
    features: dict[str, Any] = Field(default_factory=dict)
    stream: _Stream = Field(default_factory=_Stream)
    open_set: _OpenSet = Field(default_factory=_OpenSet)


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What to do, with every path absolute.

    Attributes:
        task: "kws" | "vibration" | "gesture". board: id or alias. on: target name, "sim" or a serial port.
        model: "ready" the shipped model | "train" the user's own | "auto".
        data: the user's recordings, or None for the built-in synthetic ones.
        framework: what the project is built on: "none" | "arduino" | "espidf" | "stm32cube"; None = the board's own.
        epochs: overrides the task's own number. vectors: how many `verify` compares; None lets the
            target decide (50, fewer where a simulator is slow).
        optimize: what kernels are chosen for: "speed" | "size" | "balanced".
        kernels: kernels asked for by name, {operator or step number: kernel}.
        ram_budget_bytes, flash_budget_bytes: None = what the chip has.
        tflm_tree: sources for --engine tflm on an STM32; None asks the environment.
        tflm_arena_bytes: of the interpreter, instead of the recorded size and its margin.
        sensor: None: samples come over the serial line only.
        event_threshold: a sum of outputs above it is an event; None leaves it to the task.
        features: constants of the task's front end that the user chose, by their names in its spec.
        training: a recipe and the means it is trained with; None trains what is usual for the task.
        made_none: gesture recordings without a class "none" get one, made of them.
        false_accepts: share of what is none of the gestures that may be taken for one.
        file: the tinygen.toml that was read, or None.
        task_by_default: nobody named a task.
        given: what the command line named, as one would type it again: {option: its values}.
    """

    task: str
    board: str
    on: str
    data: Path | None
    seed: int
    engine: str
    model: Literal["auto", "ready", "train"]
    framework: str | None
    epochs: int | None
    vectors: int | None
    build_dir: Path
    optimize: Literal["speed", "size", "balanced"]
    kernels: dict[str, str]
    ram_budget_bytes: int | None
    flash_budget_bytes: int | None
    tflm_tree: Path | None = None
    tflm_arena_bytes: int | None = None
    sensor: SensorChoice | None = None
    training: Choice | None = None
    features: Mapping[str, Any] = field(default_factory=dict)
    event_threshold: int | None = None
    file: Path | None = None
    made_none: bool = False
    false_accepts: float = 0.05
    task_by_default: bool = False
    given: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def words(self, *left_out: str) -> tuple[str, ...]:
        """The given options for another command of this very configuration.

        Args:
            left_out: options that command does not take ("--on").
        """
        always = {"--task": (self.task,), "--board": (self.board,)}
        options = {**always, **{option: values for option, values in self.given.items() if option not in always}}
        taken = {option: values for option, values in options.items() if option not in left_out}
        return tuple(word for option, values in taken.items() for value in values for word in (option, value))


def load_config(path: Path | None, overrides: Mapping[str, object], cwd: Path) -> Config:
    """Read the file (if any), put the command line's values over it and check everything at once.

    Args:
        path: the file named by the user; None takes `tinygen.toml` of `cwd` if it is there.
        overrides: values from the command line, by key ("budget.ram" for nested ones); None means not given.
        cwd: folder that relative paths of the command line start at; those of the file start at the file.

    Raises:
        TinygenError: unreadable file, bad TOML, or any wrong value, all of them named.
    """
    source = path or cwd / FILE_NAME
    values: dict[str, object] = {}
    if path is not None or source.is_file():
        values = _read(source)
    base = source.resolve().parent if values else cwd
    given = {key: value for key, value in overrides.items() if value is not None}
    bases = {key: (cwd if key in given else base) for key in ("data", "build_dir", "tflm.tree")}
    for key, value in given.items():
        table = values
        *parents, leaf = key.split(".")
        for parent in parents:
            inner = table.setdefault(parent, {})
            if not isinstance(inner, dict):
                break  # the file's own mistake; it is told below
            table = inner
        else:
            table[leaf] = value
    try:
        checked = _File.model_validate(values)
    except ValidationError as error:
        raise bad_input(_explain(error, given), where=_blamed(error, given, source)) from error
    data = None if checked.data is None else (bases["data"] / Path(checked.data).expanduser()).resolve()
    tree = None
    if checked.tflm.tree is not None:
        tree = (bases["tflm.tree"] / Path(checked.tflm.tree).expanduser()).resolve()
    by_default = "task" not in values
    task = _task_of(data) or checked.task if by_default else checked.task
    return Config(
        task=task,
        board=checked.board,
        on=checked.on,
        data=data,
        seed=checked.seed,
        engine=checked.engine,
        model=checked.model,
        framework=checked.framework,
        epochs=checked.epochs,
        vectors=checked.vectors,
        build_dir=(bases["build_dir"] / checked.build_dir).resolve(),
        optimize=checked.optimize,
        kernels=checked.kernels,
        ram_budget_bytes=checked.budget.ram,
        flash_budget_bytes=checked.budget.flash,
        tflm_tree=tree,
        tflm_arena_bytes=checked.tflm.arena,
        sensor=None if checked.sensor is None else SensorChoice(**checked.sensor.model_dump()),
        training=None if checked.training is None else Choice(**checked.training.model_dump()),
        features=front_end.checked(task, checked.features),
        event_threshold=checked.stream.threshold,
        made_none=checked.open_set.made,
        false_accepts=checked.open_set.false_accepts,
        file=source.resolve() if path is not None or source.is_file() else None,
        task_by_default=by_default,
        given=_typed(path, given),
    )


def _task_of(data: Path | None) -> str:
    """The task that a data set says it is for, "" where it says none.

    Raises:
        TinygenError: its dataset.toml is damaged.
    """
    facts = read_facts(data) if data is not None and data.is_dir() else None
    return facts.task if facts is not None and facts.task in get_args(_Task) else ""


def _option(key: str) -> str:
    """How a key is called on the command line: "budget.ram" is --ram, "tflm.tree" --tflm-tree."""
    table, _, leaf = key.rpartition(".")
    before = {"tflm": "tflm-", "stream": "event-"}.get(table, "")
    return f"--{before}{leaf.replace('_', '-')}"


def _typed(path: Path | None, given: Mapping[str, object]) -> dict[str, tuple[str, ...]]:
    typed: dict[str, tuple[str, ...]] = {} if path is None else {"--config": (str(path),)}
    for key, value in given.items():
        table, _, leaf = key.rpartition(".")
        if table == "kernels":
            typed["--kernel"] = (*typed.get("--kernel", ()), f"{leaf}={value}")
        else:
            typed[_option(key)] = (str(value),)
    return typed


def _read(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise bad_input("no such file", where=str(path), hint="`tinygen init` writes one") from error
    except (OSError, UnicodeDecodeError) as error:
        raise bad_input(f"cannot be read: {error}", where=str(path)) from error
    except tomllib.TOMLDecodeError as error:
        raise bad_input(f"is not TOML: {error}", where=path.name) from error


def _place(item: ErrorDetails) -> str:
    return ".".join(str(part) for part in item["loc"])


def _blamed(error: ValidationError, given: Mapping[str, object], source: Path) -> str:
    """The command line, the file, or both: wherever the wrong values stand."""
    typed = {_place(item) in given for item in error.errors(include_url=False)}
    return " and ".join(name for name, wrong in (("command line", True), (source.name, False)) if wrong in typed)


_TABLES: dict[str, type[BaseModel]] = {
    "budget": _Budget,
    "open_set": _OpenSet,
    "sensor": _Sensor,
    "stream": _Stream,
    "training": _Training,
    "tflm": _Tflm,
}


def _explain(error: ValidationError, given: Mapping[str, object]) -> str:
    lines = []
    for item in error.errors(include_url=False):
        place = _place(item)
        if place in given:
            place = _option(place)
        if item["type"] == "extra_forbidden":
            known = _TABLES.get(place.partition(".")[0] if "." in place else "", _File).model_fields
            lines.append(f"{place}: no such key; {did_you_mean(str(item['loc'][-1]), known)}")
        elif item["type"] == "literal_error":
            allowed = re.findall(r"'([^']+)'", item.get("ctx", {}).get("expected", ""))
            lines.append(f"{place}: '{item['input']}' is not known; {did_you_mean(str(item['input']), allowed)}")
        else:
            lines.append(f"{place}: {item['msg'].removeprefix('Value error, ')} (got {item['input']!r})")
    return "\n".join(lines) if len(lines) == 1 else f"{len(lines)} errors\n  " + "\n  ".join(lines)


def _features(task: str) -> str:
    """The table of the task's front end, every constant commented out with its default."""
    if task not in front_end.SPECS:
        return ""
    of_data = "" if task == "kws" else "; without them, what suits your recordings"
    lines = [f"# [features]                # constants of the front end, the same in training and firmware{of_data}"]
    for name, value in front_end.constants(task).items():
        text = str(value).lower() if isinstance(value, bool) else f'"{value}"' if isinstance(value, str) else value
        lines.append(f"# {name} = {text}")
    return "\n".join(lines) + "\n"


def template(task: str, board: str) -> str:
    """The file `tinygen init` writes: every key, explained."""
    return f"""\
# What tinygen makes here. Every key can be overridden on the command line (`tinygen run --board host`).
task = "{task}"            # kws | vibration | gesture
board = "{board}"     # `tinygen boards` lists them
on = "sim"                  # where it runs: sim (the board's first simulator) | host | unicorn | qemu | labwired |
                            # qemu-xtensa | board (wherever it is attached) | a serial port | a name of devices.toml
# data = "recordings"       # your own recordings; without it, built-in synthetic data
seed = 1                    # the same seed gives the same model
engine = "aot"              # aot: generated C++ without interpreter | tflm: TensorFlow Lite Micro's interpreter
model = "auto"              # ready: the shipped one | train: your own | auto: ready until your own is trained
# framework = "arduino"     # none | arduino | stm32cube | espidf, where the board has it; without it, the board's own
# epochs = 30               # instead of the task's own number
# vectors = 50              # how many held-out inputs `verify` compares (fewer by default where a simulator is slow)
build_dir = "build"
optimize = "speed"          # speed: fewest instructions | size: least code | balanced: fast where most time goes

# [kernels]                 # ask for a kernel by name; `tinygen compile --explain` lists them
# CONV_2D = "generic"       # for every step of an operator that it can take, or for one step: 3 = "generic"

# [training]                # kws: a recipe is trained in stages; each of these can be switched by itself
# recipe = "branched"       # ds_cnn | branched | broadcast; without this table: branched with branches = false
# averaging = true          # end with a moving average of the weights
# quantisation_aware = true # INT8's rounding in the loop
# teachers = 1              # imitate so many larger networks
# prune = 0.3               # share of channels driven to zero, for the compiler to remove
# synthesis = 0.2           # share of the words spoken by espeak-ng and flite in every epoch

{_features(task)}
# [stream]
# threshold = 500           # a sum of outputs above it is an event; `tinygen evaluate-stream --keep` writes it

# [open_set]                # gesture: what is none of the gestures
# made = true               # where no recording is labelled "none", make some of the gestures: unseen gestures are
                            # refused far more often, and so are some right ones (tests/bench/TRAINING.md)
# false_accepts = 0.05      # share of it that may be taken for a gesture; sets the least an event needs

[budget]                    # refuse what does not fit; default: what the chip has
# ram = "32K"
# flash = "256K"

# [tflm]                    # for engine = "tflm"
# tree = "tflm-tree"        # TensorFlow Lite Micro's sources (STM32), as its create_tflm_tree.py makes them
# arena = "24K"             # instead of the recorded size and its margin

# [sensor]                  # the device's own samples, for `record` and `stream --live`; default: the serial line only
# source = "imu"            # what the board's file describes: imu | adc | i2s | pdm
# device = "mpu6050"        # imu: mpu6050 | lsm6ds3 | lsm6ds33 | lsm6dsl | lsm6ds3tr-c | lsm6dso
# range_g = 8
# ring_s = 1.0              # room for so much signal in RAM: a clip survives a line slower than the sensor
"""
