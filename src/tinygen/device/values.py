"""What a device says, as values."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

# Tensor indices of READ_TENSOR beside 0..observed_count-1.
INPUT_TENSOR = 0xFFFF
OUTPUT_TENSOR = 0xFFFE


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A linked program for one board, in plain values.

    Attributes:
        elf: the file.
        symbols: {name: address}, Thumb bit cleared.
        build_id: 32 hex digits the device will say in its hello; "" when not known.
        flash: a file with what a simulated board keeps over a loss of power, from one session to the next; None: each
            session begins with blank flash.
    """

    elf: Path
    symbols: dict[str, int]
    build_id: str
    flash: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """Who answers. Sizes in bytes; `samples_per_inference` counts instants, not channels.

    Attributes:
        reset_cause: why it started last: one of messages.RESET_CAUSES.
        watchdog_ms: nominal, 0 without one.
        unique_id: the chip's own number in hex digits, "" where the port knows none.
        image, weights: what the look at start found: "intact", "damaged", or "no digest" in the image.
    """

    protocol: int
    runtime: int
    build_id: str
    board: str
    task: str
    engine: str
    max_payload: int
    counter_kind: str
    arena_bytes: int
    weights_bytes: int
    input_bytes: int
    output_bytes: int
    step_count: int
    observed_count: int
    selftest_count: int
    rate_hz: int
    channels: int
    samples_per_inference: int
    frames: int
    frame_values: int
    feature_state_bytes: int
    feature_stages: int = 0
    reset_cause: str = "unknown"
    watchdog_ms: int = 0
    image: str = "no digest"
    weights: str = "no digest"
    unique_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class InferResult:
    """One inference.

    Attributes:
        output: all output bytes; b"" when the inference was stopped early.
        label, score: what the decision rule made of the output; -1 and 0 when stopped early.
        counter: the device's counter over an undisturbed run, or None when it was not asked for. Its unit is the
            target's to say (Capabilities.counter, counter_scale).
        steps_done: steps executed in the last run.
        input_crc: CRC-32 of the model input the device used; the client has compared it with what it wrote.
    """

    output: bytes
    label: int
    score: int
    counter: int | None
    steps_done: int
    input_crc: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RawResult:
    """A recording went through the front end of the device. The model input is now readable (INPUT_TENSOR)."""

    instants: int
    frames: int
    input_crc: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A byte that is not what it should be: int8 values."""

    vector: int
    index: int
    expected: int
    actual: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfTestResult:
    """The vectors compiled into the image, run on the device."""

    vectors: int
    differing_bytes: int
    first: Difference | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryResult:
    """RAM and flash the program uses, as the device itself knows it, in bytes, and the counters of its receiver.

    `stack_bytes` and `stack_used_bytes` are 0 where the port cannot know. `app_bytes` holds the protocol's buffers with
    the copy of the model input.
    """

    arena_bytes: int
    weights_bytes: int
    feature_state_bytes: int
    app_bytes: int
    stack_bytes: int
    stack_used_bytes: int
    receive_overruns: int
    frames_good: int
    frames_bad: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """Text the device sent on its own."""

    level: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamEvent:
    """A decision the device told on its own.

    Attributes:
        number: events since the stream began, from 0.
        instant: sample instants since it began, up to and with the newest one that was looked at.
        label: index; `name` in words ("" where it was read back later).
        score: sum of the label's values over the last inferences.
    """

    number: int
    instant: int
    label: int
    score: int
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamScores:
    """What a stream's decision looks at, as it stands.

    Attributes:
        instants: sample instants since the stream began. inferences: so many.
        sums: (label in words, sum of its values over the last inferences), in the device's order.
    """

    instants: int
    inferences: int
    sums: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreStatus:
    """What outlives a loss of power.

    Attributes:
        place: "nowhere" (RAM that a reset does not clear at best), "flash", "nvs", "file".
        found: what the start met there: one of messages.STORE_FOUND.
        outcome: of the last write since then: one of messages.STORE_OUTCOMES.
        kept: it would bring back exactly what is learned now.
        sequence: of the record that holds: so many were ever written; 0 without one.
        erases: of the area that was erased most. endurance: erases it is good for, 0 where the place sees to that.
        stall_ms: the longest the program stands still during a write, by the datasheet.
        writes_left: records until the next erasure.
    """

    place: str = "nowhere"
    found: str = "nothing"
    outcome: str = "none"
    kept: bool = False
    sequence: int = 0
    erases: int = 0
    endurance: int = 0
    stall_ms: int = 0
    writes_left: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LearningStatus:
    """What the device has learned. `torn`: a write was cut off by the last reset, the state before it holds."""

    phase: str
    torn: bool
    values: int
    count: int
    threshold: int
    score: int
    state_bytes: int
    digest: int
    store: StoreStatus = StoreStatus()


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamInfo:
    """How the device streams: rows, integers of its decision, RAM in bytes."""

    window_rows: int
    hop_rows: int
    smoothing: int
    watched: int
    threshold: int
    release: int
    ring_instants: int
    memory_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamStatistics:
    """A whole stream. Ticks are the device's counter's, 0 unless counted; `overruns` counts instants without room.

    The digests are zlib.crc32 over every row and every output in order, 0 unless asked for.
    """

    instants: int
    rows: int
    inferences: int
    events: int
    overruns: int
    saturated: int
    feature_ticks: int
    inference_ticks: int
    row_digest: int
    output_digest: int
