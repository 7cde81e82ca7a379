"""What a streamed signal shows: figures, costs per 10 ms, stages, events, memory."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tinygen.boards.spec import BoardSpec
from tinygen.boards.state import NoAreas, record_bytes, state_areas
from tinygen.core.values import Check, CheckStatus, Measurement, Table
from tinygen.device.client import Client
from tinygen.device.instruments import count_stages
from tinygen.device.link import Capabilities
from tinygen.device.sensing import line_rate
from tinygen.device.values import StreamEvent, StreamInfo, StreamStatistics
from tinygen.features import quantize, reference
from tinygen.features.spec import feature_shape, lead_in_frames, samples_per_inference
from tinygen.features.stages import stage_names
from tinygen.firmware.board_view import kept_areas
from tinygen.firmware.stream_view import learned_bytes, memory_bytes, state_bytes
from tinygen.pipeline.chain import Chain
from tinygen.pipeline.real_time import HOP_MS, shares

Int16 = npt.NDArray[np.int16]

_COUNTED_S = 2.0
_SHOWN_EVENTS = 40


def share(chain: Chain, score: int) -> str:
    """A sum as people read it."""
    if chain.rule.kind == "score":
        return (
            f"score {score / chain.rule.smoothing:,.0f}, threshold {chain.rule.threshold / chain.rule.smoothing:,.0f}"
        )
    return f"{score / (255 * chain.rule.smoothing):.0%}"


def counted(client: Client, chain: Chain, signal: Int16) -> StreamStatistics:
    """Figures of a short stream with the counter on; counting is slow in some simulators."""
    rows = feature_shape(chain.spec)[0]
    least = reference.row_end(chain.spec, 4 * max(rows, chain.rule.hop_rows))
    client.stream_begin(count=True)
    client.stream(signal[: max(least, round(_COUNTED_S * chain.spec.rate_hz))])
    return client.stream_end()


def stage_table(client: Client, chain: Chain, signal: Int16, capabilities: Capabilities) -> Table | None:
    """What each stage of the front end takes per 10 ms, over the loudest stretch; None where a signal is too short."""
    size = samples_per_inference(chain.spec)
    if len(signal) < size:
        return None
    starts = range(0, len(signal) - size + 1, size)
    loudest = max(starts, key=lambda at: int(np.abs(signal[at : at + size].astype(np.int32)).sum()))
    counts = count_stages(client, signal[loudest : loudest + size])
    per_row = chain.spec.rate_hz * HOP_MS / 1000 / (reference.row_end(chain.spec, 1) - reference.row_end(chain.spec, 0))
    share = per_row / (lead_in_frames(chain.spec) + chain.spec.n_frames) * capabilities.counter_scale
    rows = [
        (name, f"{round(ticks * share):,}")
        for name, ticks, marks in zip(stage_names(chain.spec), counts.ticks, counts.marks, strict=False)
        if marks
    ]
    title = f"front end per {HOP_MS} ms ({capabilities.counter_origin})"
    return Table(title=title, columns=("stage", capabilities.counter), rows=tuple(rows))


def memory_check(chain: Chain, info: StreamInfo) -> Check:
    """Planned RAM against what the device says."""
    planned = memory_bytes(chain.stream_view)
    if chain.board.chip.arch == "native":
        reason = f"planned {planned:,} bytes for 32-bit machines, {info.memory_bytes:,} here"
        return Check(name="stream memory", status=CheckStatus.PASSED, reason=reason)
    same = planned == info.memory_bytes
    status = CheckStatus.PASSED if same else CheckStatus.FAILED
    return Check(name="stream memory", status=status, reason=f"planned {planned:,}, device {info.memory_bytes:,} bytes")


def planned_memory(chain: Chain) -> tuple[Measurement, ...]:
    """RAM of the chain that is known before anything is built."""
    ring = 2 * chain.stream_view.channels * chain.stream_view.ring_instants
    return (
        Measurement(name="arena_bytes", value=chain.plan.arena_bytes, unit="bytes", origin="planned"),
        Measurement(name="state_bytes", value=chain.plan.state_bytes, unit="bytes", origin="planned"),
        Measurement(
            name="stream_bytes",
            value=memory_bytes(chain.stream_view),
            unit="bytes",
            origin="planned",
            note=f"ring of samples {ring:,}, sums, kept events, counters",
        ),
        *(
            Measurement(
                name="learned_bytes",
                value=size,
                unit="bytes",
                origin="planned",
                note="two copies of what is learned; outlive a reset",
            )
            for size in (learned_bytes(chain.stream_view),)
            if size
        ),
        *kept_in_flash(chain.board, state_bytes(chain.stream_view)),
    )


def kept_in_flash(board: BoardSpec, n_bytes: int) -> tuple[Measurement, ...]:
    """Flash that is reserved for what is learned, or why a loss of power loses it; nothing where nothing is learned."""
    if not n_bytes or board.chip.port != "stm32":
        return ()
    areas = kept_areas(board, n_bytes)
    if areas is None:
        why = "frameworks place the image themselves" if board.platformio.framework else no_areas(board, n_bytes)
        note = f"kept across a reset only: {why}"
        return (Measurement(name="state_flash_bytes", value=0, unit="bytes", origin="planned", note=note),)
    pause = f"the program stands still for up to {areas.stall_ms:,} ms" if areas.stall_ms else "without a pause"
    saves = areas.area_bytes // record_bytes(n_bytes)
    note = (
        f"from {areas.address:#010x} to the end, which the image cannot have; about {saves:,} saves between two "
        f"erasures, each {pause}; an area is good for {areas.endurance:,}"
    )
    return (
        Measurement(name="state_flash_bytes", value=areas.reserved_bytes, unit="bytes", origin="planned", note=note),
    )


def no_areas(board: BoardSpec, n_bytes: int) -> str:
    """Why nothing is kept in flash."""
    found = state_areas(board, n_bytes)
    return found.reason if isinstance(found, NoAreas) else ""


def figures(
    chain: Chain, told: StreamStatistics, audio_s: float, seconds: float, capabilities: Capabilities
) -> list[Measurement]:
    """What was streamed, and how fast."""
    origin = f"measured-on-{capabilities.name}"
    return [
        Measurement(name="audio_s", value=round(audio_s, 3), unit="s", origin="declared"),
        Measurement(name="rows", value=told.rows, unit="count", origin=origin),
        Measurement(name="inferences", value=told.inferences, unit="count", origin=origin),
        Measurement(name="events", value=told.events, unit="count", origin=origin),
        Measurement(name="overruns", value=told.overruns, unit="count", origin=origin, note="samples without room"),
        Measurement(name="saturated_samples", value=told.saturated, unit="count", origin=origin),
        Measurement(
            name="speed",
            value=round(audio_s / max(seconds, 1e-9), 2),
            unit="ratio",
            origin="measured-on-host",
            note=f"times real time, on {capabilities.name}",
        ),
    ]


def costs(chain: Chain, counted: StreamStatistics, capabilities: Capabilities) -> list[Measurement]:
    """Counter differences as work per 10 ms of signal, and as a share of the board's clock."""
    hops = counted.instants / chain.spec.rate_hz * 1000 / HOP_MS
    scale, unit = capabilities.counter_scale, capabilities.counter
    features, model = (ticks * scale / hops for ticks in (counted.feature_ticks, counted.inference_ticks))
    origin = capabilities.counter_origin
    found = [
        Measurement(name=f"{name}_per_hop", value=round(value), unit=unit, origin=origin, note=f"per {HOP_MS} ms")
        for name, value in (("features", features), ("inference", model), ("all", features + model))
    ]
    return found + shares(chain.board, features + model, unit, origin)


def event_table(chain: Chain, events: list[StreamEvent]) -> Table:
    """The first events."""
    rows = tuple(
        (f"{e.instant / chain.spec.rate_hz:.3f}", chain.rule.labels[e.label], share(chain, e.score), str(e.instant))
        for e in events[:_SHOWN_EVENTS]
    )
    return Table(title="events", columns=("second", "label", "mean", "instant"), rows=rows)


def notes(chain: Chain, events: list[StreamEvent], capabilities: Capabilities) -> tuple[str, ...]:
    """What must be said of a stream, for people."""
    notes = [quantize.note(chain.quantization), *chain.notes]
    if len(events) > _SHOWN_EVENTS:
        notes.append(f"the first {_SHOWN_EVENTS} of {len(events)} events are shown; --json has all")
    if not events:
        notes.append("weak: no event came of this signal, so only rows and outputs were compared")
    if capabilities.name == "serial":
        notes += _slow_line(chain)
    return tuple(notes)


def _slow_line(chain: Chain) -> list[str]:
    baud, rate_hz = chain.board.serial.baud, chain.spec.rate_hz
    carried = line_rate(baud, chain.spec.n_channels)
    if carried >= rate_hz:
        return []
    what = f"{baud:,} baud carry {carried:,.0f} of {rate_hz:,} instants a second"
    return [f"{what}: the line was waited for, {rate_hz / carried:.1f} times slower than real time"]
