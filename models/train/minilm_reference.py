"""all-MiniLM-L6-v2 in plain numpy at fp64, from the package's own fp32 weights.

It is written from the BERT paper and the package's configuration, apart from the ONNX form, so
that the two can be compared. fp64 makes its results the same on every machine once rounded to
fp16 or fp32, which is why the label embeddings and golden vectors come from it.
"""

import numpy as np
from scipy.special import erf

from minilm import HEAD_WIDTH, HEADS, LAYER_NORM_EPSILON, LAYERS, TOKENS_MAX, WIDTH

_BATCH = 32


def _layer_norm(x: np.ndarray, w: dict, name: str) -> np.ndarray:
    centred = x - x.mean(axis=-1, keepdims=True)
    spread = np.sqrt((centred * centred).mean(axis=-1, keepdims=True) + LAYER_NORM_EPSILON)
    return centred / spread * w[f"{name}.weight"] + w[f"{name}.bias"]


def _linear(x: np.ndarray, w: dict, name: str) -> np.ndarray:
    return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]


def _attention(x: np.ndarray, w: dict, name: str) -> np.ndarray:
    heads = {}
    for part in ("query", "key", "value"):
        heads[part] = _linear(x, w, f"{name}.self.{part}").reshape(*x.shape[:2], HEADS, HEAD_WIDTH).transpose(0, 2, 1, 3)
    scores = heads["query"] @ heads["key"].transpose(0, 1, 3, 2) / np.sqrt(HEAD_WIDTH)
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights /= weights.sum(axis=-1, keepdims=True)
    return (weights @ heads["value"]).transpose(0, 2, 1, 3).reshape(x.shape)


class Reference:
    """The original weights and tokenizer as one function of a text."""

    layers, tokens_max = LAYERS, TOKENS_MAX

    def __init__(self, weights: dict[str, np.ndarray], tokenizer):
        self._w = {k: v.astype(np.float64) for k, v in weights.items() if v.dtype == np.float32}
        self._tokenizer = tokenizer

    def ids(self, text: str) -> list[int]:
        return self._tokenizer.encode(text).ids

    def embed_ids(self, ids: np.ndarray) -> np.ndarray:
        """Embeds sequences of one length, `[batch, tokens]`, as unit vectors `[batch, 384]`, fp64."""
        tokens = ids.shape[1]
        if not 1 <= tokens <= self.tokens_max:
            raise ValueError(f"{tokens} tokens, expected 1 to {self.tokens_max}")
        w = self._w
        x = w["embeddings.word_embeddings.weight"][ids]
        x = x + w["embeddings.position_embeddings.weight"][:tokens]
        x = _layer_norm(x + w["embeddings.token_type_embeddings.weight"][0], w, "embeddings.LayerNorm")
        for i in range(self.layers):
            layer = f"encoder.layer.{i}"
            attended = _linear(_attention(x, w, f"{layer}.attention"), w, f"{layer}.attention.output.dense")
            x = _layer_norm(attended + x, w, f"{layer}.attention.output.LayerNorm")
            hidden = _linear(x, w, f"{layer}.intermediate.dense")
            hidden = hidden * 0.5 * (1.0 + erf(hidden / np.sqrt(2.0)))
            x = _layer_norm(_linear(hidden, w, f"{layer}.output.dense") + x, w, f"{layer}.output.LayerNorm")
        mean = x.mean(axis=1)
        return mean / np.linalg.norm(mean, axis=1, keepdims=True)

    def embed(self, texts: list[str]) -> np.ndarray:
        """Embeds texts, `[texts, 384]`, fp64. Those of one length go together; none is padded."""
        ids = [self.ids(text) for text in texts]
        vectors = np.empty((len(texts), WIDTH))
        for length in sorted({len(i) for i in ids}):
            members = [k for k, i in enumerate(ids) if len(i) == length]
            for begin in range(0, len(members), _BATCH):
                part = members[begin : begin + _BATCH]
                vectors[part] = self.embed_ids(np.array([ids[k] for k in part]))
        return vectors
