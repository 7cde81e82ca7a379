"""What a search may choose from: the layers of a task's network as a few choices, each a name and its options.

Nothing is padded along time, so every candidate can run incrementally.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tinygen.core.errors import bad_input
from tinygen.tasks.shapes import Shape, after
from tinygen.tasks.spec import Layer, Task

Choose = Callable[[str, Sequence[int]], int]
"""(name of a choice, its options) -> the option that was taken."""


def layers_of(task: Task, choose: Choose) -> tuple[Layer, ...] | None:
    """The layers of one candidate, or None where its windows are longer than what is left of the input.

    Raises:
        TinygenError: the task has no space of candidates.
    """
    if task.name == "gesture":
        body = _gesture(task.input_shape, choose)
    elif task.name == "kws":
        body = _kws(task.input_shape, choose)
    else:
        raise bad_input(f"'{task.name}' has no networks to search among", hint="search kws or gesture")
    if body is None:
        return None
    height, width, _ = after(body, task.input_shape)
    if height < 1 or width < 1:
        return None
    pool = _pool(task, choose, (height, width))
    return (
        *body,
        Layer(kind="average_pool2d", kernel=pool, strides=pool),
        Layer(kind="flatten"),
        Layer(kind="dropout", rate=0.2),
        Layer(kind="dense", filters=len(task.labels), activation="softmax"),
    )


def _conv(filters: int, kernel: tuple[int, int] = (1, 1), strides: tuple[int, int] = (1, 1)) -> Layer:
    return Layer(kind="conv2d", filters=filters, kernel=kernel, strides=strides, activation="relu", batch_norm=True)


def _depthwise(kernel: tuple[int, int], strides: tuple[int, int] = (1, 1)) -> Layer:
    return Layer(kind="depthwise_conv2d", kernel=kernel, strides=strides, activation="relu", batch_norm=True)


def _gesture(shape: Shape, choose: Choose) -> tuple[Layer, ...] | None:
    """Convolutions along time, plain or separable; time is the width of height-1 images."""
    layers = [_conv(choose("first_filters", (8, 12, 16, 24, 32)), (1, choose("first_kernel", (3, 5, 7, 9))), (1, 2))]
    separable = choose("separable", (0, 1))
    for number in range(choose("blocks", (1, 2, 3))):
        kernel = choose(f"kernel_{number}", (3, 5, 7))
        filters = choose(f"filters_{number}", (12, 16, 24, 32, 48, 64))
        stride = choose(f"stride_{number}", (1, 2))
        if after(layers, shape)[1] < kernel:
            return None
        if separable:
            layers += [_depthwise((1, kernel), (1, stride)), _conv(filters)]
        else:
            layers.append(_conv(filters, (1, kernel), (1, stride)))
    return tuple(layers)


def _kws(shape: Shape, choose: Choose) -> tuple[Layer, ...] | None:
    """Two-dimensional convolutions, then one over all bands, then separable ones along time."""
    layers = [
        _conv(choose("first_filters", (8, 12, 16, 24)), (5, 5), (2, 2)),
        _depthwise((3, 3), (1, 2)),
        _conv(choose("second_filters", (16, 24, 32))),
    ]
    layers.append(_conv(choose("whole_filters", (32, 48, 64, 80)), (1, after(layers, shape)[1])))
    kernel = choose("kernel", (3, 5, 7))
    for number in range(choose("blocks", (1, 2, 3, 4))):
        if after(layers, shape)[0] < kernel:
            return None
        layers += [_depthwise((kernel, 1)), _conv(choose(f"filters_{number}", (32, 48, 64, 80, 96)))]
    return tuple(layers)


def _pool(task: Task, choose: Choose, left: tuple[int, int]) -> tuple[int, int]:
    """Windows of the mean in front of the dense layer: one over everything for words, some along time for gestures."""
    if task.name == "kws":
        return left
    pieces = choose("pieces", (1, 2, 4, 6))
    return (1, max(1, left[1] // pieces))
