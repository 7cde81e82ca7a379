"""Keras to a full-INT8 TFLite flatbuffer with a static batch of 1, and a look inside to prove that it is one."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tinygen.core.errors import ExitCode, TinygenError
from tinygen.core.hush import hushed
from tinygen.training.build import PlainNetwork

Float32 = npt.NDArray[np.float32]


def convert(network: PlainNetwork, representative: Float32) -> bytes:
    """Full INT8: int8 in and out, weights per channel, activation ranges from representative inputs.

    Args:
        network: with batch 1 and constant weights.
        representative: float32 [n, ...], real inputs.

    Raises:
        TinygenError: the converter failed.
    """
    shape = network.shape

    def examples() -> Iterator[list[Float32]]:
        for example in representative:
            yield [example.reshape(shape).astype(np.float32)]

    with hushed(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        function = tf.function(network.__call__, input_signature=[tf.TensorSpec(shape, tf.float32)])
        concrete = function.get_concrete_function()
        converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete])
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = examples
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = tf.int8
        converter.inference_output_type = tf.int8
        try:
            made: bytes = converter.convert()
        except (RuntimeError, ValueError) as error:
            raise TinygenError(ExitCode.OUR_BUG, f"TensorFlow could not convert the model: {error}") from error
    return made
