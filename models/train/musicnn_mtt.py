"""MusiCNN (MagnaTagATune) as ONNX: a 3-second log-mel patch in, 200 features and 50 tags out.

The result is that of the package's models.py; the form is chosen for speed on a CPU. Time is the
innermost axis, as librosa lays a spectrogram out. The original takes the maximum over frequency
after bias, ReLU and batch normalisation; here it is taken straight after the convolution, and the
rest is done on the far smaller result. That is the same where the normalisation's scale is
positive; where it is negative the maximum becomes a minimum, which is had by negating the kernel
before and the result after (`sign`).

Source: Pons et al., "End-to-end learning for music audio tagging at scale", ISMIR 2018, and the
package's models.py.
"""

import numpy as np
import onnx

from graph import Graph

FRAMES, MELS = 187, 96
FEATURES, TAGS = 200, 50
BATCH_NORM_EPSILON = 1e-3  # default of tf.compat.v1.layers.batch_normalization


def _affine(w: dict, norm: str) -> tuple[np.ndarray, np.ndarray]:
    """A batch normalisation at inference as (scale, shift)."""
    spread = np.sqrt(w[f"{norm}/moving_variance"].astype(np.float64) + BATCH_NORM_EPSILON)
    scale = w[f"{norm}/gamma"] / spread
    return scale, w[f"{norm}/beta"] - w[f"{norm}/moving_mean"] * scale


def _column(g: Graph, name: str, values: np.ndarray) -> str:
    return g.const(name, values.astype(np.float32).reshape(-1, 1))


def _front_end(g: Graph, x: str, w: dict, conv: str, norm: str) -> str:
    """One convolution over `[1, 1, mels, frames]`, its maximum over mels, ReLU, normalisation."""
    kernel = w[f"{conv}/kernel"].astype(np.float64).transpose(3, 2, 1, 0)  # [out, 1, mels, frames]
    scale, shift = _affine(w, norm)
    sign = np.where(scale < 0, -1.0, 1.0)
    width = kernel.shape[3]
    value = g.op(
        "Conv",
        x,
        g.weight(f"{conv}.weight", kernel * sign[:, None, None, None]),
        kernel_shape=list(kernel.shape[2:]),
        pads=[0, (width - 1) // 2, 0, width // 2],
    )
    value = g.op("ReduceMax", value, axes=[2], keepdims=0)
    if (sign < 0).any():
        value = g.op("Mul", value, _column(g, f"{conv}.sign", sign))
    value = g.op("Relu", g.op("Add", value, _column(g, f"{conv}.bias", w[f"{conv}/bias"])))
    value = g.op("Mul", value, _column(g, f"{norm}.scale", scale))
    return g.op("Add", value, _column(g, f"{norm}.shift", shift))


def _mid_end(g: Graph, x: str, w: dict, conv: str, norm: str) -> str:
    """One convolution of width 7 over time, ReLU, normalisation."""
    kernel = w[f"{conv}/kernel"][:, :, 0, :].transpose(2, 1, 0)  # [out, in, frames]
    weight = g.weight(f"{conv}.weight", kernel)
    bias = g.const(f"{conv}.bias", w[f"{conv}/bias"])
    value = g.op("Relu", g.op("Conv", x, weight, bias, kernel_shape=[7], pads=[3, 3]))
    scale, shift = _affine(w, norm)
    value = g.op("Mul", value, _column(g, f"{norm}.scale", scale))
    return g.op("Add", value, _column(g, f"{norm}.shift", shift))


def _back_end(g: Graph, x: str, w: dict) -> None:
    """Maximum and mean over time, then the two dense layers."""
    pooled = g.op(
        "Concat", g.op("ReduceMax", x, axes=[2], keepdims=0), g.op("ReduceMean", x, axes=[2], keepdims=0), axis=1
    )
    # The original flattens [channels, (max, mean)], so its rows alternate; here all maxima come first.
    scale, shift = _affine(w, "batch_normalization_9")
    kernel = w["dense/kernel"].astype(np.float64)
    bias = w["dense/bias"] + shift @ kernel
    kernel = kernel * scale[:, None]
    kernel = np.concatenate([kernel[0::2], kernel[1::2]])
    hidden = g.op("Add", g.op("MatMul", pooled, g.weight("dense.weight", kernel)), g.const("dense.bias", bias.astype(np.float32)))
    scale, shift = _affine(w, "batch_normalization_10")
    hidden = g.op("Mul", g.op("Relu", hidden), g.const("batch_normalization_10.scale", scale.astype(np.float32)))
    g.op("Add", hidden, g.const("batch_normalization_10.shift", shift.astype(np.float32)), output="features")
    logits = g.op("MatMul", "features", g.weight("dense_1.weight", w["dense_1/kernel"]))
    logits = g.op("Add", logits, g.const("dense_1.bias", w["dense_1/bias"]))
    g.op("Sigmoid", logits, output="tags")


def build(w: dict[str, np.ndarray], weights_dtype=np.float16) -> onnx.ModelProto:
    """Builds the model from the package's variables.

    Input `log_mel`, fp32 `[1, 96, 187]` (mel bands, then frames); outputs `features`, fp32
    `[1, 200]` (the penultimate layer), and `tags`, fp32 `[1, 50]`, each in 0..=1.
    """
    g = Graph("musicnn-mtt", weights_dtype)
    scale, shift = _affine(w, "batch_normalization")
    x = g.op("Unsqueeze", "log_mel", g.ints(1))
    x = g.op("Mul", x, g.scalar("batch_normalization.scale", scale[0]))
    x = g.op("Add", x, g.scalar("batch_normalization.shift", shift[0]))
    names = [("conv2d" if i == 0 else f"conv2d_{i}", f"batch_normalization_{i + 1}") for i in range(8)]
    front = g.op("Concat", *(_front_end(g, x, w, *name) for name in names[:5]), axis=1)
    first = _mid_end(g, front, w, *names[5])
    second = g.op("Add", _mid_end(g, first, w, *names[6]), first)
    third = g.op("Add", _mid_end(g, second, w, *names[7]), second)
    _back_end(g, g.op("Concat", front, first, second, third, axis=1), w)
    return g.finish(
        [("log_mel", "float32", [1, MELS, FRAMES])],
        [("features", "float32", [1, FEATURES]), ("tags", "float32", [1, TAGS])],
        "MusiCNN trained on MagnaTagATune",
    )
