"""Cases of weights with 4 bits: odd and even numbers of them, every value, one scale or one per channel."""

from __future__ import annotations

import numpy as np

from support.cases.base import Case, T, single
from tinygen.model.builder import Record


def cases() -> list[Case]:
    """CONV_2D, DEPTHWISE_CONV_2D, FULLY_CONNECTED."""
    rng = np.random.default_rng(12)
    found = []

    def weights(shape: tuple[int, ...], axis: int, many: bool) -> T:
        data = rng.integers(-8, 8, shape).astype(np.int8)
        scales = tuple(float(s) for s in rng.uniform(0.05, 0.2, shape[axis] if many else 1))
        return T(shape=shape, dtype="int4", scales=scales, axis=axis, data=data)

    for i in range(14):
        in_c, out_c, k = (int(n) for n in rng.integers(1, 6, 3))
        source = T(shape=(1, 6, 6, in_c), scale=0.03, zero_point=int(rng.integers(-128, 128)))
        fields = {"padding": 0, "stride_w": 1 + i % 2, "stride_h": 1 + i % 2, "fused_activation_function": i % 4}
        size = 6 if i % 2 == 0 else 3
        result = T(shape=(1, size, size, out_c), scale=0.2, zero_point=3)
        inputs = [source, weights((out_c, k, k, in_c), 0, i % 3 > 0)]
        found.append(single(f"conv_2d-int4-{i}", "CONV_2D", inputs, [result], Record("Conv2DOptions", fields)))
        many = 1 + i % 2
        result = T(shape=(1, size, size, in_c * many), scale=0.2, zero_point=-3)
        inputs = [source, weights((1, k, k, in_c * many), 3, i % 3 > 0)]
        options = Record("DepthwiseConv2DOptions", {**fields, "depth_multiplier": many})
        found.append(single(f"depthwise_conv_2d-int4-{i}", "DEPTHWISE_CONV_2D", inputs, [result], options))
        width = int(rng.integers(1, 40))
        source = T(shape=(1 + i % 2, width), scale=0.03, zero_point=int(rng.integers(-128, 128)))
        filters = weights((out_c, width), 0, False)
        data = rng.integers(-900, 900, out_c).astype(np.int32)
        bias = T(shape=(out_c,), dtype="int32", scales=(source.scale * filters.scales[0],), data=data)
        inputs = [source, filters, bias]
        result = T(shape=(1 + i % 2, out_c), scale=0.2, zero_point=9)
        options = Record("FullyConnectedOptions", {"fused_activation_function": i % 4})
        found.append(single(f"fully_connected-int4-{i}", "FULLY_CONNECTED", inputs, [result], options))
    return found
