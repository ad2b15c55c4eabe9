"""YAMNet as ONNX: a log-mel patch of 0.96 seconds in, 1024 features and 521 classes of sound out.

The result is that of the original's yamnet.py (MobileNet v1 over a patch, its mean, one dense
layer); the form is chosen for speed on a CPU. Each batch normalisation is folded into the
convolution before it. The original lays a patch out as `[frames, bands]`; here time is the
innermost axis, as librosa lays a spectrogram out, and the kernels' two axes are exchanged instead.

Sources: Plakal and Ellis, YAMNet, https://github.com/tensorflow/models/tree/master/research/audioset/yamnet;
Howard et al., "MobileNets: Efficient Convolutional Neural Networks for Mobile Vision
Applications", 2017.
"""

import numpy as np
import onnx

from graph import Graph

FRAMES, MELS = 96, 64
FEATURES, CLASSES = 1024, 521
BATCH_NORM_EPSILON = 1e-4  # yamnet's params.py: batchnorm_epsilon
# yamnet.py: _YAMNET_LAYER_DEFS, the strides of the 13 pairs of depthwise and pointwise convolution.
STRIDES = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1)
# What stands around a layer's number and variable in the checkpoint of the package's SavedModel.
_BEFORE, _AFTER = "layer-1/layer/_func/_yamnet/layer_with_weights-", "/.ATTRIBUTES/VARIABLE_VALUE"


def layers(variables: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """YAMNet's own variables, as `<layer>/<variable>`: its layers with weights are numbered in
    the order in which they run. What the package trained on top of them is left out."""
    inside = {name: value for name, value in variables.items() if name.startswith(_BEFORE)}
    return {name.removeprefix(_BEFORE).removesuffix(_AFTER): value for name, value in inside.items()}


def _pads(size: int, stride: int) -> tuple[int, int]:
    """TensorFlow's padding "same" for a kernel of 3: what is odd goes to the end."""
    whole = max((-(-size // stride) - 1) * stride + 3 - size, 0)
    return whole // 2, whole - whole // 2


class _Layers:
    """Adds one convolution after the other, keeping count of layers and sizes."""

    def __init__(self, g: Graph, w: dict):
        self._g, self._w = g, w
        self._layer, self._size = 0, (MELS, FRAMES)

    def conv(self, x: str, variable: str, stride: int, depthwise: bool = False) -> str:
        """A convolution without bias, its batch normalisation (which has no scale), ReLU."""
        name, norm = f"{self._layer}/{variable}", self._layer + 1
        kernel = self._w[name].astype(np.float64)  # [frames, bands, in, out], or [.., out, 1]
        kernel = kernel.transpose(2, 3, 1, 0) if depthwise else kernel.transpose(3, 2, 1, 0)
        spread = np.sqrt(self._w[f"{norm}/moving_variance"].astype(np.float64) + BATCH_NORM_EPSILON)
        shift = self._w[f"{norm}/beta"] - self._w[f"{norm}/moving_mean"] / spread
        side = kernel.shape[2]
        (top, bottom), (left, right) = ((0, 0), (0, 0)) if side == 1 else (_pads(size, stride) for size in self._size)
        self._size = tuple(-(-size // stride) for size in self._size)
        self._layer += 2
        value = self._g.op(
            "Conv",
            x,
            self._g.weight(f"{name}.weight", kernel / spread[:, None, None, None]),
            self._g.const(f"{name}.bias", shift.astype(np.float32)),
            kernel_shape=[side, side],
            strides=[stride, stride],
            pads=[top, left, bottom, right],
            group=kernel.shape[0] if depthwise else 1,
        )
        return self._g.op("Relu", value)


def build(w: dict[str, np.ndarray], weights_dtype=np.float16) -> onnx.ModelProto:
    """Builds the model from the variables that `layers` gives.

    Input `log_mel`, fp32 `[batch, 64, 96]` (mel bands, then frames); outputs `features`, fp32
    `[batch, 1024]` (the penultimate layer), and `classes`, fp32 `[batch, 521]`, each in 0..=1.
    """
    g = Graph("yamnet", weights_dtype)
    network = _Layers(g, w)
    x = g.op("Unsqueeze", "log_mel", g.ints(1))
    x = network.conv(x, "kernel", 2)
    for stride in STRIDES:
        x = network.conv(x, "depthwise_kernel", stride, depthwise=True)
        x = network.conv(x, "kernel", 1)
    g.op("ReduceMean", x, axes=[2, 3], keepdims=0, output="features")
    dense = f"{2 + 4 * len(STRIDES)}"
    logits = g.op("MatMul", "features", g.weight("dense.weight", w[f"{dense}/kernel"]))
    logits = g.op("Add", logits, g.const("dense.bias", w[f"{dense}/bias"]))
    g.op("Sigmoid", logits, output="classes")
    return g.finish(
        [("log_mel", "float32", ["batch", MELS, FRAMES])],
        [("features", "float32", ["batch", FEATURES]), ("classes", "float32", ["batch", CLASSES])],
        "YAMNet trained on AudioSet",
    )
