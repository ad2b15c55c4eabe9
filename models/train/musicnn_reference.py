"""MusiCNN in plain numpy, step for step as the package's models.py writes it.

It keeps the original's axes (time, frequency, channel) and order of operations, so that the
rewritten form in musicnn_mtt.py can be proved equal to it.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

EPSILON = 1e-3  # default of tf.compat.v1.layers.batch_normalization


class Reference:
    """The package's variables as a function of one patch."""

    def __init__(self, variables: dict[str, np.ndarray]):
        self._w = {k: v.astype(np.float64) for k, v in variables.items() if v.dtype == np.float32}

    def _norm(self, x: np.ndarray, name: str) -> np.ndarray:
        w = self._w
        spread = np.sqrt(w[f"{name}/moving_variance"] + EPSILON)
        return (x - w[f"{name}/moving_mean"]) / spread * w[f"{name}/gamma"] + w[f"{name}/beta"]

    def _conv_relu(self, x: np.ndarray, name: str) -> np.ndarray:
        """`[time, frequency, 1]` -> `[time, frequency, filters]`, padding valid."""
        kernel = self._w[f"{name}/kernel"]
        windows = sliding_window_view(x[:, :, 0], kernel.shape[:2])
        return np.maximum(np.tensordot(windows, kernel[:, :, 0], 2) + self._w[f"{name}/bias"], 0.0)

    def _front_block(self, x: np.ndarray, conv: str, norm: str) -> np.ndarray:
        return self._norm(self._conv_relu(x, conv), norm).max(axis=1)

    def _mid_block(self, x: np.ndarray, conv: str, norm: str) -> np.ndarray:
        padded = np.pad(x, [(3, 3), (0, 0)])[:, :, None]
        return self._norm(self._conv_relu(padded, conv), norm)[:, 0]

    def run(self, patch: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Takes a log-mel patch `[frames, mels]`; returns features `[200]` and tags `[50]`."""
        x = self._norm(patch.astype(np.float64)[:, :, None], "batch_normalization")
        padded = np.pad(x, [(3, 3), (0, 0), (0, 0)])
        blocks = [
            self._front_block(padded, "conv2d", "batch_normalization_1"),
            self._front_block(padded, "conv2d_1", "batch_normalization_2"),
        ]
        for i, length in ((2, 128), (3, 64), (4, 32)):
            same = np.pad(x, [((length - 1) // 2, length // 2), (0, 0), (0, 0)])
            blocks.append(self._front_block(same, f"conv2d_{i}", f"batch_normalization_{i + 1}"))
        front = np.concatenate(blocks, axis=1)
        first = self._mid_block(front, "conv2d_5", "batch_normalization_6")
        second = self._mid_block(first, "conv2d_6", "batch_normalization_7") + first
        third = self._mid_block(second, "conv2d_7", "batch_normalization_8") + second
        features = np.concatenate([front, first, second, third], axis=1)
        pooled = np.stack([features.max(axis=0), features.mean(axis=0)], axis=1).reshape(-1)
        w = self._w
        pooled = self._norm(pooled, "batch_normalization_9")
        hidden = np.maximum(pooled @ w["dense/kernel"] + w["dense/bias"], 0.0)
        penultimate = self._norm(hidden, "batch_normalization_10")
        logits = penultimate @ w["dense_1/kernel"] + w["dense_1/bias"]
        return penultimate, 1.0 / (1.0 + np.exp(-logits))
