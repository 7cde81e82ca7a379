"""Features, model and decision as one chain: from a task's own model, or from a published wake word."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tinygen.boards.spec import BoardSpec
from tinygen.config import Config
from tinygen.core.canonical import digest_bytes
from tinygen.core.errors import bad_input
from tinygen.core.files import place_tree
from tinygen.features.quantize import InputQuantization, for_input
from tinygen.features.spec import FeatureSpec, lead_in_frames, without_lead_in
from tinygen.firmware.decision_view import render_decision
from tinygen.firmware.features_view import render_features
from tinygen.firmware.library_view import identifier
from tinygen.firmware.model_view import compiler_level
from tinygen.firmware.project_view import STACK_BYTES, render_project
from tinygen.firmware.sensors.plan import source_plan
from tinygen.firmware.stream_view import StreamView, render_stream, state_bytes, stream_view
from tinygen.firmware.values import RenderedTree
from tinygen.model import importer
from tinygen.model.ir import Graph, Plan, Quantization
from tinygen.pipeline import engines, firmware_steps
from tinygen.pipeline.context import PROJECT_KEEPS, Context
from tinygen.pipeline.steps import converted
from tinygen.tasks import thresholds, wakeword
from tinygen.tasks.spec import DecisionRule
from tinygen.tasks.stream import StreamRule, rule_of
from tinygen.toolchain import build as builder
from tinygen.toolchain.values import Firmware
from tinygen.verify import stream as expecting
from tinygen.verify.oracle_child import outputs_in_child


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Chain:
    """Everything between samples and events.

    Attributes:
        name: for people. slug: for folders and the hello.
        graph: as imported; the plan's may be rewritten.
        spec: the device's front end; n_frames is what the compiled model takes per inference.
        ring_s: so much of the signal waits in the device at least.
        notes: what of tinygen.toml it does not take.
    """

    name: str
    slug: str
    tflite: bytes
    graph: Graph
    plan: Plan
    board: BoardSpec
    spec: FeatureSpec
    quantization: InputQuantization
    decision: DecisionRule
    rule: StreamRule
    ring_s: float = 0.0
    notes: tuple[str, ...] = ()

    @property
    def input_quantization(self) -> Quantization:
        """Of the model's one input."""
        return firmware_steps.quantization_of(self.graph.tensors[self.graph.inputs[0]])

    @property
    def output_quantization(self) -> Quantization:
        """Of the model's one output."""
        return firmware_steps.quantization_of(self.graph.tensors[self.graph.outputs[0]])

    @property
    def stream_view(self) -> StreamView:
        """Constants of the streaming engine, and so its memory."""
        return stream_view(
            self.spec,
            self.rule,
            real_zero=self.input_quantization.zero_point,
            input_rows=self.spec.n_frames,
            ring_s=self.ring_s,
            quantization=self.quantization,
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BuiltChain:
    """A linked image of the chain."""

    chain: Chain
    firmware: Firmware


def of_task(ctx: Context, streaming: str) -> Chain:
    """The task's own model.

    Args:
        ctx: names task and board.
        streaming: "full" or "incremental".

    Raises:
        TinygenError: as `steps.converted`; the model does not fit, or cannot run incrementally.
    """
    made = converted(ctx)
    task = made.task
    graph = importer.load(made.model.tflite, f"{task.name}.tflite")
    incremental = streaming == "incremental"
    plan = engines.planned(ctx, graph, made.model.tflite, ctx.board, incremental=incremental)
    in_q = firmware_steps.quantization_of(graph.tensors[graph.inputs[0]])
    rule = firmware_steps.stream_rule(ctx, made, in_q.scale)
    spec = task.features
    if incremental:
        rewritten = plan.graph.rewritten
        hop = rewritten.hop_rows if rewritten is not None else 0
        if not hop:
            raise bad_input("cannot run incrementally", where=task.name, hint="use --streaming full")
        rule = rule_of(
            task.stream,
            labels=task.labels,
            rate_hz=spec.rate_hz,
            window_rows=task.features.n_frames,
            hop_rows=hop,
            lead_in_rows=lead_in_frames(task.features),
            label_threshold=made.model.decision.threshold,
        )
        rule = thresholds.carried(rule, ctx.config.event_threshold)
        spec = without_lead_in(replace(spec, n_frames=hop))
    return Chain(
        name=task.name,
        slug=f"{task.name}-{streaming}",
        tflite=made.model.tflite,
        graph=graph,
        plan=plan,
        board=ctx.board,
        spec=spec,
        quantization=for_input(task.features, in_q.scale, in_q.zero_point),
        decision=made.model.decision,
        rule=rule,
        ring_s=ctx.ring_s,
    )


def of_wakeword(ctx: Context, path: Path, formula: str = "scale") -> Chain:
    """A published wake word.

    Args:
        ctx: names the board.
        path: its manifest.
        formula: how features reach the input, "scale" or "micro_speech".

    Raises:
        TinygenError: manifest or model cannot be read, or the model has another form than published ones.
    """
    word = wakeword.read_manifest(path)
    try:
        tflite = word.model.read_bytes()
    except OSError as error:
        raise bad_input(f"cannot be read: {error.strerror}", where=str(word.model)) from error
    graph = importer.load(tflite, word.model.name)
    source, output = graph.tensors[graph.inputs[0]], graph.tensors[graph.outputs[0]]
    if len(graph.inputs) != 1 or source.dtype != "int8" or len(source.shape) != 3 or source.shape[0] != 1:
        raise bad_input(
            f"its input is {source.dtype} {list(source.shape)}, needed: int8 [1, rows, bands]", where=path.name
        )
    if len(graph.outputs) != 1 or output.dtype not in ("int8", "uint8") or output.n_elements != 1:
        raise bad_input(f"its output is {output.dtype} {list(output.shape)}, needed: one probability", where=path.name)
    in_q, out_q = firmware_steps.quantization_of(source), firmware_steps.quantization_of(output)
    spec = wakeword.front_end(word, source.shape[1], source.shape[2])
    spec = replace(spec, input_formula="micro_speech" if formula == "micro_speech" else "scale")
    rule = wakeword.rule_of(
        word,
        rows=source.shape[1],
        scale=out_q.scale,
        zero_point=out_q.zero_point,
        unsigned=output.dtype == "uint8",
    )
    # [features] and [stream] of tinygen.toml are the task's; a wake word takes what stands beside it when it is named.
    typed = ctx.config.event_threshold if "--event-threshold" in ctx.config.given else None
    return Chain(
        name=word.name,
        slug=f"{identifier(word.name)[:40]}-{digest_bytes(tflite)[:8]}",
        tflite=tflite,
        graph=graph,
        plan=engines.planned(ctx, graph, tflite, ctx.board),
        board=ctx.board,
        spec=spec,
        quantization=for_input(spec, in_q.scale, in_q.zero_point),
        decision=DecisionRule(kind="argmax", labels=(word.name,), unsigned_output=output.dtype == "uint8"),
        rule=thresholds.carried(rule, typed),
        ring_s=ctx.ring_s,
        notes=_left_out(ctx.config, typed),
    )


def _left_out(config: Config, typed: int | None) -> tuple[str, ...]:
    """What a wake word does not take of tinygen.toml, said where something stands there."""
    found = []
    if config.features:
        names = ", ".join(config.features)
        found.append(f"not used: [features] of tinygen.toml ({names}): a wake word brings its own front end")
    if config.event_threshold is not None and typed is None:
        found.append("not used: [stream] threshold of tinygen.toml, the task's: give a wake word --event-threshold")
    return tuple(found)


def rendered(ctx: Context, chain: Chain) -> RenderedTree:
    """The project of a chain, without self-test vectors.

    Raises:
        TinygenError: the model does not fit the board.
    """
    plan, tensors = chain.plan, chain.plan.graph.tensors
    copies = sum(tensors[i].n_bytes for i in plan.graph.inputs) + 2 * plan.state_bytes
    firmware_steps.check_fits(ctx, plan, chain.board, {"stack": STACK_BYTES, "copies of input and state": copies})
    files = {
        **engines.engine_for(ctx, plan, chain.tflite, chain.board).files,
        **render_features(chain.spec, chain.quantization),
        **render_decision(
            chain.decision,
            input_elements=tensors[plan.graph.inputs[0]].n_elements,
            output_elements=tensors[plan.graph.outputs[0]].n_elements,
            in_q=chain.input_quantization,
            out_q=chain.output_quantization,
        ),
        **render_stream(
            chain.spec,
            chain.rule,
            real_zero=chain.input_quantization.zero_point,
            input_rows=chain.spec.n_frames,
            ring_s=chain.ring_s,
            quantization=chain.quantization,
        ),
    }
    return render_project(
        chain.board,
        chain.slug,
        ctx.config.engine,
        files,
        level=compiler_level(plan),
        source=source_plan(chain.board, chain.spec, ctx.config.sensor),
        state_bytes=state_bytes(chain.stream_view),
    )


def built(ctx: Context, chain: Chain, output: Path | None = None) -> BuiltChain:
    """The linked image of a chain.

    Args:
        ctx: with the chain's slug as its task.
        chain: what to build.
        output: another folder for the project than the build folder's.

    Raises:
        TinygenError: as `rendered`; a tool is missing, or the compiler failed.
    """
    tree = rendered(ctx, chain)
    folder = output or ctx.project_dir
    place_tree(folder, tree.files, named=output is not None, keep=PROJECT_KEEPS)
    firmware = builder.build(
        folder, chain.board, build_id=tree.build_id, offline=ctx.offline, werror=ctx.werror, log=ctx.log("build"),
        progress=ctx.progress,
    )  # fmt: skip
    return BuiltChain(chain=chain, firmware=firmware)


def expected(chain: Chain, signal: npt.NDArray[np.int16]) -> expecting.Expected:
    """What the device must say about a signal int16 [instants, n_channels]; outputs are TFLM's interpreter's.

    Raises:
        TinygenError: the oracle is missing or refuses the model; the signal does not suit the front end.
    """
    made = expecting.rows_of(chain.spec, chain.quantization, chain.rule, chain.input_quantization.zero_point, signal)
    outputs = outputs_in_child(chain.tflite, chain.graph, made.windows)
    return expecting.decided(chain.rule, made, outputs, chain.input_quantization, chain.output_quantization)
