"""YAMNet in plain numpy, step for step as the original's features.py and yamnet.py write it.

It keeps the original's axes (time, frequency, channel), its order of operations and fp64, so that
the rewritten form in yamnet.py and the daemon's spectrogram can be proved equal to it. It was
compared once with TensorFlow 2 running the package's own SavedModel; ../README.md says how near
they are.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

import yamnet

# params.py
SAMPLE_RATE, WINDOW, HOP, FFT = 16_000, 400, 160, 512
MEL_MIN_HZ, MEL_MAX_HZ, LOG_OFFSET = 125.0, 7500.0, 0.001


def _mel(hertz):
    """HTK's scale, as tf.signal has it."""
    return 1127.0 * np.log1p(np.asarray(hertz) / 700.0)


def mel_weights() -> np.ndarray:
    """`[bins, bands]`: tf.signal.linear_to_mel_weight_matrix. Its triangles are straight in mels,
    not in Hz as librosa's are, and its first bin, the mean, weighs nothing."""
    bins = _mel(np.linspace(0.0, SAMPLE_RATE / 2, FFT // 2 + 1)[1:])[:, None]
    edges = np.linspace(_mel(MEL_MIN_HZ), _mel(MEL_MAX_HZ), yamnet.MELS + 2)
    low, centre, high = edges[:-2], edges[1:-1], edges[2:]
    weights = np.maximum(0.0, np.minimum((bins - low) / (centre - low), (high - bins) / (high - centre)))
    return np.concatenate([np.zeros((1, yamnet.MELS)), weights])


def log_mel(samples: np.ndarray) -> np.ndarray:
    """Samples in -1..=1 to `[frames, bands]`; fewer than one window are filled with silence."""
    padded = np.pad(samples.astype(np.float64), (0, max(0, WINDOW - len(samples))))
    frames = sliding_window_view(padded, WINDOW)[::HOP]
    hann = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(WINDOW) / WINDOW)
    magnitudes = np.abs(np.fft.rfft(frames * hann, FFT, axis=1))
    return np.log(magnitudes @ mel_weights() + LOG_OFFSET)


class Reference:
    """The package's variables as a function of one patch."""

    def __init__(self, variables: dict[str, np.ndarray]):
        self._w = {name: value.astype(np.float64) for name, value in variables.items()}

    def _norm_relu(self, x: np.ndarray, layer: int) -> np.ndarray:
        spread = np.sqrt(self._w[f"{layer}/moving_variance"] + yamnet.BATCH_NORM_EPSILON)
        return np.maximum((x - self._w[f"{layer}/moving_mean"]) / spread + self._w[f"{layer}/beta"], 0.0)

    def _windows(self, x: np.ndarray, stride: int) -> np.ndarray:
        """`[time, frequency, channels]` -> `[.., .., channels, 3, 3]`, padded as "same"."""
        pads = [yamnet._pads(size, stride) for size in x.shape[:2]]
        return sliding_window_view(np.pad(x, [*pads, (0, 0)]), (3, 3), axis=(0, 1))[::stride, ::stride]

    def run(self, patch: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Takes a log-mel patch `[frames, bands]`; returns features `[1024]` and classes `[521]`."""
        w = self._w
        x = patch.astype(np.float64)[:, :, None]
        x = self._norm_relu(np.einsum("tfcij,ijco->tfo", self._windows(x, 2), w["0/kernel"]), 1)
        layer = 2
        for stride in yamnet.STRIDES:
            kernel = w[f"{layer}/depthwise_kernel"][:, :, :, 0]
            x = self._norm_relu(np.einsum("tfcij,ijc->tfc", self._windows(x, stride), kernel), layer + 1)
            x = self._norm_relu(x @ w[f"{layer + 2}/kernel"][0, 0], layer + 3)
            layer += 4
        features = x.mean(axis=(0, 1))
        logits = features @ w[f"{layer}/kernel"] + w[f"{layer}/bias"]
        return features, 1.0 / (1.0 + np.exp(-logits))
