"""stream --live: the device listens to its own sensor, and its decisions are told as they come. Nothing is compared."""

from __future__ import annotations

import time
from collections.abc import Callable

from tinygen.core.values import Check, CheckStatus, Measurement, Report, Table
from tinygen.device import sensing
from tinygen.device.values import StreamEvent, StreamStatistics
from tinygen.pipeline.context import Context
from tinygen.pipeline.recording import connected, without_sensor

_PAUSE_S = 0.1
_SHOWN = 40


def listen(ctx: Context, seconds: float | None, say: Callable[[str], None]) -> Report:
    """Until the time is over, or Ctrl-C.

    Raises:
        TinygenError: nobody answers, the image has no sensor, or the sensor does not run.
    """
    events: list[StreamEvent] = []
    with connected(ctx, ctx.config.on) as client:
        hello = client.hello()
        sensor = sensing.state(client)
        if sensor.kind == "none":
            raise without_sensor(hello.board, ctx.config.on)
        client.stream_begin(sensor=True)
        say(f"listening to {sensor.name}, {sensor.rate_hz:g} Hz; Ctrl-C ends it")
        began = time.monotonic()
        try:
            while seconds is None or time.monotonic() - began < seconds:
                for event in client.stream_events():
                    events.append(event)
                    say(f"{event.instant / sensor.rate_hz:9.3f} s  {event.name or event.label}  (sum {event.score:,})")
                time.sleep(_PAUSE_S)
        except KeyboardInterrupt:
            pass
        told = client.stream_end()
    return _report(ctx, hello.task, sensor, events, told)


def _report(
    ctx: Context, task: str, sensor: sensing.SensorState, events: list[StreamEvent], told: StreamStatistics
) -> Report:
    origin = f"measured-on-{ctx.config.on}"
    lost = CheckStatus.FAILED if told.overruns else CheckStatus.PASSED
    rows = tuple((f"{e.instant / sensor.rate_hz:.3f}", e.name or str(e.label), str(e.score)) for e in events[:_SHOWN])
    return Report(
        kind="live",
        subject={"task": task, "board": ctx.board.id, "target": ctx.config.on, "sensor": sensor.name},
        checks=(
            Check(name="no sample lost", status=lost, reason=f"{told.overruns} of {told.instants:,} instants lost"),
        ),
        measurements=(
            Measurement(name="signal_s", value=round(told.instants / sensor.rate_hz, 3), unit="s", origin=origin),
            Measurement(name="inferences", value=told.inferences, unit="count", origin=origin),
            Measurement(name="events", value=told.events, unit="count", origin=origin),
            Measurement(name="saturated_samples", value=told.saturated, unit="count", origin=origin),
        ),
        tables=(Table(title="events", columns=("second", "label", "sum"), rows=rows),) if rows else (),
    )
