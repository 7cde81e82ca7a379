"""Networks for spoken words, as data. Nothing is padded along time, so that all of them run incrementally.

Every recipe gives what comes before the mean over time and the dense layer; `with_head` adds those.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from tinygen.core.errors import bad_input, did_you_mean
from tinygen.tasks.shapes import Shape, after
from tinygen.tasks.spec import Layer, Means, Task


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """A network for any number of words.

    Attributes:
        name: in tinygen.toml.
        title: for people, with the paper it follows.
        body: shape of the features -> layers up to the last map.
    """

    name: str
    title: str
    body: Callable[[Shape], tuple[Layer, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The table [training] of tinygen.toml: a recipe and the means of training, each switched on by itself.

    Attributes:
        averaging: ends with a moving average of the weights.
        quantisation_aware: a tenth of the epochs more, with INT8's rounding in the loop.
        teachers: larger networks whose answers are imitated.
        prune: share of channels driven to zero.
        branches: parallel paths while training, where the recipe has them.
        synthesis: share of the words spoken by speech engines that each epoch takes besides the recordings.
    """

    recipe: str
    averaging: bool = True
    quantisation_aware: bool = True
    teachers: int = 0
    prune: float = 0.0
    branches: bool = True
    synthesis: float = 0.0


def conv(filters: int, kernel: tuple[int, int] = (1, 1), strides: tuple[int, int] = (1, 1), branches: int = 0) -> Layer:
    """A convolution with normalisation and rectifier."""
    return Layer(
        kind="conv2d", filters=filters, kernel=kernel, strides=strides, activation="relu", batch_norm=True,
        branches=branches,
    )  # fmt: skip


def depthwise(kernel: tuple[int, int], strides: tuple[int, int] = (1, 1), branches: int = 0) -> Layer:
    """A depthwise convolution with normalisation and rectifier."""
    return Layer(
        kind="depthwise_conv2d", kernel=kernel, strides=strides, activation="relu", batch_norm=True, branches=branches
    )


def _ds_cnn(shape: Shape) -> tuple[Layer, ...]:
    return (
        conv(32, (5, 4), (2, 2)),
        depthwise((3, 3), (2, 2)),
        conv(64),
        depthwise((3, 3)),
        conv(64),
        depthwise((3, 3)),
        conv(96),
        depthwise((3, 3)),
        conv(96),
    )


def _branched(shape: Shape) -> tuple[Layer, ...]:
    """Two dimensions while bands are many, then one convolution over all that is left of them, then time alone."""
    front = (conv(24, (5, 5), (2, 2)), depthwise((3, 3), (1, 2), 1), conv(32))
    whole = conv(64, (1, after(front, shape)[1]))
    later = [layer for _ in range(3) for layer in (depthwise((5, 1), branches=1), conv(64, branches=1))]
    return (*front, whole, *later)


def _broadcast_block(channels: int) -> Layer:
    bands = Layer(kind="depthwise_conv2d", kernel=(1, 3), padding="same", batch_norm=True)
    time = Layer(kind="broadcast_residual", inner=(depthwise((3, 1)), conv(channels)))
    return Layer(kind="residual", activation="relu", inner=(bands, time))


def _broadcast_change(channels: int, stride: int) -> tuple[Layer, ...]:
    """To another number of channels; bands are halved where `stride` is 2."""
    bands = Layer(kind="depthwise_conv2d", kernel=(1, 3), strides=(1, stride), batch_norm=True)
    time = Layer(kind="broadcast_residual", activation="relu", inner=(depthwise((3, 1)), conv(channels)))
    return (conv(channels), bands, time)


def _broadcast(shape: Shape) -> tuple[Layer, ...]:
    layers = [conv(16, (5, 5), (2, 2)), _broadcast_block(16)]
    layers += [*_broadcast_change(24, 2), _broadcast_block(24)]
    layers += [*_broadcast_change(40, 2), _broadcast_block(40)]
    return (*layers, conv(64, (1, after(layers, shape)[1])))


RECIPES: tuple[Recipe, ...] = (
    Recipe(name="ds_cnn", title="depthwise separable (Zhang et al. 2017, arXiv:1711.07128)", body=_ds_cnn),
    Recipe(
        name="branched",
        title="parallel paths while training, plain convolutions on the device (Ding et al. 2021, arXiv:2101.03697)",
        body=_branched,
    ),
    Recipe(name="broadcast", title="broadcast residuals (Kim et al. 2021, arXiv:2106.04140)", body=_broadcast),
)


_EPOCHS = 50

USUAL = Choice(recipe="branched", branches=False)
"""What kws is trained with where tinygen.toml has no table [training]."""


def find_recipe(name: str) -> Recipe:
    """The recipe with a name.

    Raises:
        TinygenError: there is none.
    """
    for recipe in RECIPES:
        if recipe.name == name:
            return recipe
    raise bad_input(f"there is no recipe '{name}'", hint=did_you_mean(name, [recipe.name for recipe in RECIPES]))


def with_head(body: tuple[Layer, ...], shape: Shape, n_labels: int) -> tuple[Layer, ...]:
    """A body with the mean over what is left of its map, and the dense layer over labels."""
    height, width, _ = after(body, shape)
    return (
        *body,
        Layer(kind="average_pool2d", kernel=(height, width), strides=(height, width)),
        Layer(kind="flatten"),
        Layer(kind="dropout", rate=0.2),
        Layer(kind="dense", filters=n_labels, activation="softmax"),
    )


def without_branches(layers: tuple[Layer, ...]) -> tuple[Layer, ...]:
    """The folded shape, trained as it is."""
    return tuple(replace(layer, branches=0, inner=without_branches(layer.inner)) for layer in layers)


def teacher_body(shape: Shape) -> tuple[Layer, ...]:
    """A network with two and a half times the parameters, whose answers a small one can imitate."""
    front = (conv(36, (5, 5), (2, 2)), depthwise((3, 3), (1, 2), 1), conv(48))
    whole = conv(112, (1, after(front, shape)[1]))
    later = [layer for _ in range(3) for layer in (depthwise((5, 1), branches=1), conv(112, branches=1))]
    return (*front, whole, *later)


def chosen(task: Task, choice: Choice) -> Task:
    """The task with another network, trained in stages.

    Raises:
        TinygenError: the task is not kws, or there is no such recipe.
    """
    if task.name != "kws":
        raise bad_input(
            f"recipes are for kws, this is '{task.name}'", where="training.recipe", hint="remove the table [training]"
        )
    body = find_recipe(choice.recipe).body(task.input_shape)
    means = Means(
        epochs=_EPOCHS,
        batch_size=64,
        learning_rate=1e-2,
        average=0.995 if choice.averaging else 0.0,
        rounding_epochs=_EPOCHS // 10 if choice.quantisation_aware else 0,
        teachers=choice.teachers,
        teacher_epochs=_EPOCHS,
        prune=choice.prune,
        branches=choice.branches,
        synthesis=choice.synthesis,
    )
    return replace(
        task,
        layers=with_head(body, task.input_shape, len(task.labels)),
        training=replace(task.training, epochs=_EPOCHS, means=means),
    )
