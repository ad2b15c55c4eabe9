"""EfficientNet-Lite0 as ONNX: a normalised RGB picture in; 1280 features, 1000 logits and the
picture's direction in the shared space out.

Batch normalisation is folded into the convolutions. Sources: Tan and Le, "EfficientNet", ICML
2019; the blocks, the epsilon and the padding are those of the package `efficientnet-lite-pytorch`
(utils.py: `efficientnet_lite`, `Conv2dStaticSamePadding`).

Two ways lead to the shared space, and their directions are added. One is the convex combination of
the label vectors (ConSE, Norouzi et al. 2013). The other is a projection of the features (the idea
of ESZSL, Romera-Paredes and Torr, ICML 2015): ridge regression from the classifier's own weights,
which are what the network holds for a typical picture of each class, to the label vectors. It
needs no pictures, and it also sees what is common to classes none of which is certain.
"""

import numpy as np
import onnx

from graph import Graph

SIDE = 224
FEATURES, CLASSES = 1280, 1000
BATCH_NORM_EPSILON = 1e-3
# Of the way to the shared space, chosen on the captions of 40 COCO photographs; from 1.5 to 2 and
# from 0.5 to 3 they change R@5 by less than a point.
TEMPERATURE, RIDGE = 1.5, 1.0
# (repeats, kernel, first stride, expansion, channels out), utils.py: `efficientnet_lite`.
STAGES = [
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
]


def _same_padding(side: int, kernel: int, stride: int) -> tuple[list[int], int]:
    """TensorFlow's SAME for a square picture: ONNX pads (top, left, bottom, right), side out."""
    out = -(-side // stride)
    total = max((out - 1) * stride + kernel - side, 0)
    before, after = total // 2, total - total // 2
    return [before, before, after, after], out


def _conv_norm(g: Graph, x: str, w: dict, conv: str, norm: str, side: int, stride=1, depthwise=False):
    """A convolution with its batch normalisation folded in; returns the value and its side."""
    kernel = w[f"{conv}.weight"].astype(np.float64)
    spread = np.sqrt(w[f"{norm}.running_var"].astype(np.float64) + BATCH_NORM_EPSILON)
    scale = w[f"{norm}.weight"] / spread
    bias = w[f"{norm}.bias"] - w[f"{norm}.running_mean"] * scale
    pads, out = _same_padding(side, kernel.shape[2], stride)
    value = g.op(
        "Conv",
        x,
        g.weight(f"{conv}.weight", kernel * scale[:, None, None, None], channel_axis=0),
        g.const(f"{conv}.bias", bias.astype(np.float32)),
        kernel_shape=list(kernel.shape[2:]),
        strides=[stride, stride],
        pads=pads,
        group=kernel.shape[0] if depthwise else 1,
    )
    return value, out


def _relu6(g: Graph, x: str) -> str:
    return g.op("Clip", x, g.scalar("zero", 0.0), g.scalar("six", 6.0))


def _block(g: Graph, x: str, w: dict, block: str, side: int, stride: int, expansion: int, residual: bool):
    """An inverted residual block without squeeze-and-excitation."""
    entry = x
    if expansion != 1:
        x, side = _conv_norm(g, x, w, f"{block}._expand_conv", f"{block}._bn0", side)
        x = _relu6(g, x)
    x, side = _conv_norm(g, x, w, f"{block}._depthwise_conv", f"{block}._bn1", side, stride, depthwise=True)
    x, side = _conv_norm(g, _relu6(g, x), w, f"{block}._project_conv", f"{block}._bn2", side)
    return (g.op("Add", x, entry) if residual else x), side


def projection(classifier: np.ndarray, label_vectors: np.ndarray) -> np.ndarray:
    """`[1280, 384]` from the classifier's weights `[1000, 1280]` and the label vectors `[1000, 384]`."""
    prototypes = classifier.astype(np.float64) - classifier.mean(axis=0, dtype=np.float64)
    prototypes /= np.linalg.norm(prototypes, axis=1, keepdims=True)
    gram = prototypes.T @ prototypes + RIDGE * np.eye(FEATURES)
    return np.linalg.solve(gram, prototypes.T @ label_vectors.astype(np.float64))


def _direction(g: Graph, x: str, output: str | None = None) -> str:
    """`x`, `[1, values]`, scaled to unit length."""
    length = g.op("Sqrt", g.op("ReduceSum", g.op("Mul", x, x), g.ints(1), keepdims=1))
    return g.op("Div", x, g.op("Max", length, g.scalar("tiny", 1e-12)), output=output)


def _semantic(g: Graph, w: dict, label_vectors: np.ndarray) -> None:
    weights = g.op("Softmax", g.op("Div", "logits", g.scalar("temperature", TEMPERATURE)), axis=1)
    named = g.op("MatMul", weights, g.weight("label_vectors", label_vectors))
    seen = g.op("MatMul", "features", g.weight("projection", projection(w["_fc.weight"], label_vectors)))
    _direction(g, g.op("Add", _direction(g, named), _direction(g, seen)), output="semantic")


def build(w: dict[str, np.ndarray], label_vectors: np.ndarray, weights_dtype=np.float16) -> onnx.ModelProto:
    """Builds the model from the package's state dict and the label vectors `[1000, 384]`.

    Input `image`, fp32 `[1, 3, 224, 224]`, RGB, normalised; outputs `features`, fp32 `[1, 1280]`
    (the pooled last layer, each in 0..=6), `logits`, fp32 `[1, 1000]`, and `semantic`, fp32
    `[1, 384]`, of unit length.
    """
    g = Graph("efficientnet-lite0", weights_dtype)
    x, side = _conv_norm(g, "image", w, "_conv_stem", "_bn0", SIDE, stride=2)
    x = _relu6(g, x)
    block, channels = 0, 32
    for repeats, _kernel, first_stride, expansion, out in STAGES:
        for repeat in range(repeats):
            stride = first_stride if repeat == 0 else 1
            residual = stride == 1 and channels == out
            x, side = _block(g, x, w, f"_blocks.{block}", side, stride, expansion, residual)
            block, channels = block + 1, out
    x, side = _conv_norm(g, x, w, "_conv_head", "_bn1", side)
    x = g.op("GlobalAveragePool", _relu6(g, x))
    g.op("Reshape", x, g.ints(1, FEATURES), output="features")
    product = g.op("MatMul", "features", g.weight("_fc.weight", w["_fc.weight"].T, channel_axis=1))
    g.op("Add", product, g.const("_fc.bias", w["_fc.bias"]), output="logits")
    _semantic(g, w, label_vectors)
    return g.finish(
        [("image", "float32", [1, 3, SIDE, SIDE])],
        [
            ("features", "float32", [1, FEATURES]),
            ("logits", "float32", [1, CLASSES]),
            ("semantic", "float32", [1, label_vectors.shape[1]]),
        ],
        "EfficientNet-Lite0 on ImageNet-1k, with a projection to the space of all-MiniLM-L6-v2",
    )
