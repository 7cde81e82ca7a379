"""All rewrites in the order they run, in one explicit tuple."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from tinygen.model.ir import Graph, PassLog, Rewritten
from tinygen.model.rewrite.base import Draft, Pass, draft_of, figures
from tinygen.model.rewrite.clamp import CLAMP
from tinygen.model.rewrite.constant_channels import CONSTANT_CHANNELS
from tinygen.model.rewrite.fold_constants import FOLD_CONSTANTS
from tinygen.model.rewrite.pad_into_conv import PAD_INTO_CONV
from tinygen.model.rewrite.streaming import STREAMING
from tinygen.model.rewrite.tables import TABLES

PASSES: tuple[Pass, ...] = (FOLD_CONSTANTS, PAD_INTO_CONV, CLAMP, TABLES, CONSTANT_CHANNELS)


def rewrite(graph: Graph, *, passes: Sequence[Pass] = PASSES, incremental: bool = False, time_axis: int = 1) -> Graph:
    """Apply rewrites that change no byte.

    Args:
        graph: as imported.
        passes: empty for the graph as it is.
        incremental: also turn the graph into one that takes one hop of new rows and keeps the rest as state.
        time_axis: of the model's input, 1 or 2, along which rows arrive.

    Raises:
        TinygenError: an operator is not supported, or `incremental` is asked for a model that does not allow it.
    """
    draft = draft_of(graph)
    draft.time_axis = time_axis
    log: list[PassLog] = []
    for one in (*passes, *((STREAMING,) if incremental else ())):
        log.append(_apply(one, draft))
    record = Rewritten(
        source=graph,
        passes=tuple(log),
        slices=dict(draft.slices),
        window_rows=draft.window_rows,
        hop_rows=draft.hop_rows,
        stands_for=dict(draft.stands_for),
        time_axis=time_axis,
    )
    return dataclasses.replace(draft.graph(graph), rewritten=record)


def _apply(one: Pass, draft: Draft) -> PassLog:
    before = figures(draft)
    draft.changes, draft.refusals = [], []
    one.run(draft)
    after = figures(draft) if draft.changes else before
    return PassLog(
        name=one.name,
        obligation=one.obligation,
        changes=tuple(draft.changes),
        refusals=tuple(draft.refusals),
        macs_before=before[0],
        macs_after=after[0],
        weights_before=before[1],
        weights_after=after[1],
    )
