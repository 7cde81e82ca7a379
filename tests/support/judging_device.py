"""Bearings judged on the device: each learns its own normal in the firmware, and its end of life is scored there.

Every figure is of scores the simulated device computed itself, in the image of a real board; each is compared with the
same integers in Python. Each bearing is a step of the store, so an interrupted judgement is taken up where it was.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tinygen.config import load_config
from tinygen.core.canonical import digest_tree, pretty_json
from tinygen.core.errors import bad_input
from tinygen.core.files import write_atomic
from tinygen.core.progress import Progress, silent
from tinygen.core.resources import resource_dir, source_dir
from tinygen.core.store import Store
from tinygen.core.values import Check, CheckStatus, Measurement, Report, Table
from tinygen.datasets.adapt import HEALTHY
from tinygen.datasets.load import load_dataset
from tinygen.datasets.values import Dataset
from tinygen.device.client import Client
from tinygen.features import quantize, reference
from tinygen.features.spec import BandEnergySpec
from tinygen.model import compile as compiler
from tinygen.model import importer
from tinygen.model.builder import ModelBuilder, Record
from tinygen.pipeline import chain as chains
from tinygen.pipeline import learning_verb, proof, streaming
from tinygen.pipeline.chain import Chain
from tinygen.pipeline.context import Context
from tinygen.pipeline.vibration_views import END_OF_LIFE, FALSE_ALARMS, OWN_SNAPSHOTS, SEED
from tinygen.tasks import learning, thresholds, vibration
from tinygen.tasks.spec import DecisionRule, StreamPlan
from tinygen.tasks.stream import rule_of

BOARD = "nucleo_f446re"
ON = "unicorn"
LEAST_AUC = 0.97

_STEP, _ZERO_POINT = 11.0, -60  # as in `judging_vibration`
_ANY_THRESHOLD = 1000  # of the model's own score, which nobody asks for once something is learned

Int16 = npt.NDArray[np.int16]


@dataclass(frozen=True, slots=True, kw_only=True)
class OnDevice:
    """One bearing, as the device scored it.

    Attributes:
        auc: of the end of life against the snapshots that were learned.
        auc_others: against the healthy snapshots that were not.
        threshold: what the device set itself.
        caught: of the end of life, how many lie above it. false: of the other healthy snapshots.
        scored: snapshots. differing: scores that are not those of Python's integers.
    """

    bearing: str
    auc: float
    auc_others: float
    threshold: int
    caught: int
    false: int
    others: int
    scored: int
    differing: int


def device_report(data: Path, store: Store, progress: Progress = silent) -> Report:
    """Judge every bearing of a folder on the device.

    Args:
        data: holds femto_*.npz.
        store: keeps each bearing; its folder's parent holds the image.
        progress: told how far it is.

    Raises:
        TinygenError: no bearing there; a tool is missing; the device did not answer.
    """
    files = sorted(data.glob("femto_*.npz"))
    if not files:
        raise bad_input("no files femto_*.npz", where=str(data))
    ctx = Context(config=load_config(None, {"board": BOARD, "build_dir": str(store.root.parent)}, data), offline=True)
    code = digest_tree([source_dir(room) for room in ("features", "tasks", "firmware")], suffixes=(".py",))
    runtime = digest_tree([resource_dir("firmware") / "include", resource_dir("firmware") / "features"])
    found: list[OnDevice] = []
    for i, path in enumerate(files):
        progress("judging on the device", i, len(files), path.stem)
        dataset = load_dataset("vibration", path, store.root, SEED)
        inputs = {"bearing": dataset.digest, "board": BOARD, "code": code, "runtime": runtime}

        def make(folder: Path, dataset: Dataset = dataset) -> None:
            chain = learning_chain(ctx, spec_of(dataset))
            inner = streaming.within(ctx, chain)
            with proof.connected(inner, chains.built(inner, chain), ON) as (_, client):
                judged = judge(client, chain, dataset)
            write_atomic(folder / "judged.json", pretty_json(asdict(judged)).encode())

        result = store.step("judge-device", inputs, make)
        found.append(OnDevice(**json.loads((result.path / "judged.json").read_text())))
    progress("judging on the device", len(files), len(files), "")
    return _report(data, found)


def spec_of(dataset: Dataset) -> BandEnergySpec:
    """The vibration task's front end for these recordings."""
    first = dataset.recordings[0]
    return vibration.condition_front_end(
        rate_hz=first.rate_hz, n_channels=first.signal.shape[1], samples=first.signal.shape[0]
    )


def judge(client: Client, chain: Chain, dataset: Dataset) -> OnDevice:
    """Let the device learn a bearing's first snapshots, set its threshold, and score the others.

    Args:
        client: a device with the image of `chain`; what it has learned is forgotten.
        chain: from `learning_chain`.
        dataset: one bearing, its recordings in the order of life.

    Raises:
        TinygenError: too few snapshots; the device did not answer, or learned another number of them.
    """
    signals: Int16 = np.stack([r.signal for r in dataset.recordings])
    healthy = sum(r.label == HEALTHY for r in dataset.recordings)
    if healthy <= OWN_SNAPSHOTS:
        raise bad_input(f"has {healthy} healthy snapshots, more than {OWN_SNAPSHOTS} are needed", where=dataset.name)
    rows = quantize.apply(reference.frames_batch(chain.spec, signals), chain.quantization)[:, 0]
    client.learn("forget")
    client.learn("learn")
    for snapshot in signals[:OWN_SNAPSHOTS]:
        _one(client, snapshot)
    if client.learn("status").count != OWN_SNAPSHOTS:
        raise bad_input(f"the device learned {client.learn('status').count} snapshots", where=dataset.name)
    threshold = learning_verb.freeze_at(client, FALSE_ALARMS).threshold
    asked = [*range(healthy), *range(len(signals) - END_OF_LIFE, len(signals))]
    scores = np.array([_one(client, signals[i]) for i in asked])
    expected = learning.scores(learning.learn(rows[:OWN_SNAPSHOTS]), rows)[asked]
    same_limit = threshold == learning.threshold_at(
        rows[:OWN_SNAPSHOTS], thresholds.spreads_for(FALSE_ALARMS, learning.kept_count(OWN_SNAPSHOTS))
    )
    learned, others, worn = scores[:OWN_SNAPSHOTS], scores[OWN_SNAPSHOTS:healthy], scores[healthy:]
    return OnDevice(
        bearing=dataset.recordings[0].group,
        auc=_area(learned, worn),
        auc_others=_area(others, worn),
        threshold=threshold,
        caught=int((worn > threshold).sum()),
        false=int((others > threshold).sum()),
        others=len(others),
        scored=len(scores),
        differing=int((scores != expected).sum()) + (not same_limit),
    )


def _one(client: Client, snapshot: Int16) -> int:
    """One snapshot int16 [instants, channels] as a stream of its own: the newest score."""
    client.stream_begin()
    client.stream(snapshot)
    client.stream_end()
    return client.learn("status").score


def _area(normal: npt.NDArray[np.int64], worn: npt.NDArray[np.int64]) -> float:
    both = np.concatenate([normal, worn])
    return thresholds.auc(both, np.arange(len(both)) >= len(normal))


def learning_chain(ctx: Context, spec: BandEnergySpec) -> Chain:
    """Front end, a model, and the engine that learns; what is learned takes the model's place."""
    tflite = _model(spec)
    graph = importer.load(tflite, "bearing")
    labels = (HEALTHY, vibration.ANOMALY)
    return Chain(
        name="bearing",
        slug="bearing",
        tflite=tflite,
        graph=graph,
        plan=compiler.plan(graph, ctx.board.chip),
        board=ctx.board,
        spec=spec,
        quantization=quantize.for_input(spec, _STEP * spec.feature_scale, _ZERO_POINT),
        decision=DecisionRule(kind="reconstruction", labels=labels, threshold=_ANY_THRESHOLD),
        rule=rule_of(
            StreamPlan(smoothing=1, refractory_s=0.0),
            labels=labels,
            rate_hz=spec.rate_hz,
            window_rows=1,
            hop_rows=1,
            score_threshold=_ANY_THRESHOLD,
        ),
    )


def _model(spec: BandEnergySpec) -> bytes:
    """The shape of the task's model with made-up weights."""
    values = spec.n_channels * spec.values_per_channel
    builder = ModelBuilder(description="one dense layer")
    rng = np.random.default_rng(SEED)
    step = [_STEP * spec.feature_scale]
    source = builder.tensor("bands", "int8", (1, values), scales=step, zero_points=[_ZERO_POINT])
    weights = rng.integers(-127, 128, (values, values)).astype(np.int8)
    kernel = builder.tensor("weights", "int8", (values, values), scales=[0.001], data=weights)
    zeros = np.zeros(values, np.int32)
    bias = builder.tensor("bias", "int32", (values,), scales=[0.001 * step[0]], data=zeros)
    output = builder.tensor("again", "int8", (1, values), scales=step, zero_points=[_ZERO_POINT])
    builder.op("FULLY_CONNECTED", [source, kernel, bias], [output], Record("FullyConnectedOptions", {}))
    return builder.finish([source], [output])


def _report(data: Path, found: list[OnDevice]) -> Report:
    worst = min(found, key=lambda one: (one.auc, one.auc_others))
    differing, scored = sum(one.differing for one in found), sum(one.scored for one in found)
    enough = CheckStatus.PASSED if worst.auc >= LEAST_AUC else CheckStatus.FAILED
    equal = CheckStatus.FAILED if differing else CheckStatus.PASSED
    origin = f"simulated-on-{ON}"
    return Report(
        kind="judge-device",
        subject={"task": "vibration", "board": BOARD, "target": ON, "data": data.name, "bearings": str(len(found))},
        checks=(
            Check(
                name=f"own machine: worst AUC at least {LEAST_AUC}",
                status=enough,
                reason=f"{worst.bearing}: {worst.auc:.4f} ({len(found)} bearings, scored on the device)",
            ),
            Check(
                name="scores",
                status=equal,
                reason=f"{scored} scores and {len(found)} thresholds, {differing} differ from Python's integers",
            ),
        ),
        measurements=(
            Measurement(name="worst_auc", value=round(worst.auc, 4), unit="ratio", origin=origin),
            Measurement(
                name="worst_auc_of_others",
                value=round(min(one.auc_others for one in found), 4),
                unit="ratio",
                origin=origin,
                note="against healthy snapshots it did not learn",
            ),
            Measurement(
                name="false_alarms",
                value=sum(one.false for one in found),
                unit="count",
                origin=origin,
                note=f"single scores above, of {sum(one.others for one in found)} healthy snapshots it did not learn",
            ),
        ),
        tables=(
            Table(
                title=f"the first {OWN_SNAPSHOTS} snapshots are normal; the last {END_OF_LIFE} are its end of life",
                columns=("bearing", "AUC", "AUC, other healthy", "threshold", "end of life above", "healthy above"),
                rows=tuple(
                    (
                        one.bearing,
                        f"{one.auc:.4f}",
                        f"{one.auc_others:.4f}",
                        f"{one.threshold:,}",
                        f"{one.caught} of {END_OF_LIFE}",
                        f"{one.false} of {one.others}",
                    )
                    for one in found
                ),
            ),
        ),
        details={"bearings": [asdict(one) for one in found]},
    )
