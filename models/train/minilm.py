"""all-MiniLM-L6-v2 as one ONNX graph: token ids in, unit sentence embedding out.

What differs in form, not in result, from BERT as published: query, key and value are one matrix
product, whose query part carries the 1/sqrt(head size); the embedding of token type 0, the only
one in use, is added to the positions; pooling and normalisation are in the graph.

Sources: Devlin et al., "BERT", NAACL 2019, for the encoder; the package's config.json for its
sizes, and its 1_Pooling/config.json and modules.json for mean pooling and L2.
"""

import numpy as np
import onnx
from onnx import TensorProto

from graph import Graph

LAYERS, HEADS, WIDTH = 6, 12, 384
HEAD_WIDTH = WIDTH // HEADS
TOKENS_MAX = 256  # sentence_bert_config.json: max_seq_length
LAYER_NORM_EPSILON = 1e-12  # config.json: layer_norm_eps
POOL_EPSILON = 1e-9  # sentence-transformers' Pooling clamps the token count at 1e-9
NORM_EPSILON = 1e-12  # torch.nn.functional.normalize clamps the norm at 1e-12


def pack_rows(table: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Packs each row into 10-bit integers with a scale of its own.

    Returns the upper 8 bits as int8 `[rows, width]`, the lower 2 bits as uint8
    `[rows, width / 4]`, and the scales as fp32 `[rows, 1]`. Byte `j` of the lower bits holds the
    columns `j`, `j + width/4`, `j + width/2` and `j + 3 width/4`, from the most significant pair
    down. A value is `(4 * upper + lower) * scale`.

    Plain int8 leaves a cosine to the fp32 embeddings as low as 0.99990 on short texts in rare
    scripts; the two extra bits leave 0.999996 and cost 2.9 MB.
    """
    table = table.astype(np.float64)
    scale = (np.maximum(np.abs(table).max(axis=1, keepdims=True), 1e-12) / 511.0).astype(np.float32)
    values = np.rint(table / scale).astype(np.int16)
    quarters = np.split((values & 3).astype(np.uint8), 4, axis=1)
    lower = quarters[0] << 6 | quarters[1] << 4 | quarters[2] << 2 | quarters[3]
    return (values >> 2).astype(np.int8), lower, scale


def _unpack_rows(g: Graph, ids: str, table: np.ndarray) -> str:
    # Gather comes first, so that only the rows of this text are widened.
    upper, lower, scale = (
        g.op("Gather", g.const(f"words.{part}", array), ids, axis=0)
        for part, array in zip(("upper", "lower", "scale"), pack_rows(table))
    )
    rest, pairs = g.op("Cast", lower, to=TensorProto.FLOAT), []
    for weight in (64.0, 16.0, 4.0):
        unit = g.scalar(f"unit_{weight:.0f}", weight)
        pairs.append(g.op("Floor", g.op("Div", rest, unit)))
        rest = g.op("Sub", rest, g.op("Mul", pairs[-1], unit))
    lower = g.op("Concat", *pairs, rest, axis=-1)
    upper = g.op("Mul", g.op("Cast", upper, to=TensorProto.FLOAT), g.scalar("unit_4", 4.0))
    return g.op("Mul", g.op("Add", upper, lower), scale)


def _layer_norm(g: Graph, x: str, w: dict, prefix: str) -> str:
    scale = g.const(f"{prefix}.weight", w[f"{prefix}.weight"])
    bias = g.const(f"{prefix}.bias", w[f"{prefix}.bias"])
    return g.op("LayerNormalization", x, scale, bias, axis=-1, epsilon=LAYER_NORM_EPSILON)


def _linear(g: Graph, x: str, name: str, weight: np.ndarray, bias: np.ndarray) -> str:
    product = g.op("MatMul", x, g.weight(f"{name}.weight", weight.T))
    return g.op("Add", product, g.const(f"{name}.bias", bias.astype(np.float32)))


def _attention(g: Graph, x: str, mask_bias: str, w: dict, layer: str) -> str:
    parts = [f"{layer}.attention.self.{part}" for part in ("query", "key", "value")]
    scales = (1.0 / np.sqrt(HEAD_WIDTH), 1.0, 1.0)
    weight = np.concatenate([w[f"{p}.weight"].astype(np.float64) * s for p, s in zip(parts, scales)])
    bias = np.concatenate([w[f"{p}.bias"].astype(np.float64) * s for p, s in zip(parts, scales)])
    fused = _linear(g, x, f"{layer}.attention.qkv", weight, bias)
    heads = g.op("Reshape", fused, g.ints(0, 0, 3 * HEADS, HEAD_WIDTH))
    heads = g.op("Transpose", heads, perm=[0, 2, 1, 3])
    query, key, value = (
        g.op("Slice", heads, g.ints(i * HEADS), g.ints((i + 1) * HEADS), g.ints(1)) for i in range(3)
    )
    scores = g.op("MatMul", query, g.op("Transpose", key, perm=[0, 1, 3, 2]))
    weights = g.op("Softmax", g.op("Add", scores, mask_bias), axis=-1)
    context = g.op("Transpose", g.op("MatMul", weights, value), perm=[0, 2, 1, 3])
    context = g.op("Reshape", context, g.ints(0, 0, WIDTH))
    name = f"{layer}.attention.output.dense"
    return _linear(g, context, name, w[f"{name}.weight"], w[f"{name}.bias"])


def _gelu(g: Graph, x: str) -> str:
    erf = g.op("Erf", g.op("Mul", x, g.scalar("inverse_sqrt2", np.sqrt(0.5))))
    gate = g.op("Add", erf, g.scalar("one", 1.0))
    return g.op("Mul", g.op("Mul", x, gate), g.scalar("half", 0.5))


def _embeddings(g: Graph, ids: str, w: dict) -> str:
    words = _unpack_rows(g, ids, w["embeddings.word_embeddings.weight"])
    positions = w["embeddings.position_embeddings.weight"][:TOKENS_MAX].astype(np.float64)
    positions = positions + w["embeddings.token_type_embeddings.weight"][0]
    length = g.op("Slice", g.op("Shape", ids), g.ints(1), g.ints(2), g.ints(0))
    positions = g.op("Slice", g.weight("positions", positions), g.ints(0), length, g.ints(0))
    return _layer_norm(g, g.op("Add", words, positions), w, "embeddings.LayerNorm")


def build(w: dict[str, np.ndarray], weights_dtype=np.float16) -> onnx.ModelProto:
    """Builds the model from the package's tensors.

    Inputs `input_ids` and `attention_mask`, int64 `[batch, tokens]`, tokens in 1..=256; output
    `embedding`, fp32 `[batch, 384]`, of unit length.
    """
    g = Graph("minilm-l6-v2", weights_dtype)
    mask = g.op("Cast", "attention_mask", to=TensorProto.FLOAT)
    absent = g.op("Sub", g.scalar("one", 1.0), g.op("Unsqueeze", mask, g.ints(1, 2)))
    mask_bias = g.op("Mul", absent, g.scalar("minus_large", -1e9))
    x = _embeddings(g, "input_ids", w)
    for i in range(LAYERS):
        layer = f"encoder.layer.{i}"
        attended = _attention(g, x, mask_bias, w, layer)
        x = _layer_norm(g, g.op("Add", attended, x), w, f"{layer}.attention.output.LayerNorm")
        inner = f"{layer}.intermediate.dense"
        hidden = _gelu(g, _linear(g, x, inner, w[f"{inner}.weight"], w[f"{inner}.bias"]))
        outer = f"{layer}.output.dense"
        hidden = _linear(g, hidden, outer, w[f"{outer}.weight"], w[f"{outer}.bias"])
        x = _layer_norm(g, g.op("Add", hidden, x), w, f"{layer}.output.LayerNorm")
    mask = g.op("Unsqueeze", mask, g.ints(2))
    total = g.op("ReduceSum", g.op("Mul", x, mask), g.ints(1), keepdims=0)
    count = g.op("Max", g.op("ReduceSum", mask, g.ints(1), keepdims=0), g.scalar("pool_epsilon", POOL_EPSILON))
    mean = g.op("Div", total, count)
    square = g.op("ReduceSum", g.op("Mul", mean, mean), g.ints(1), keepdims=1)
    norm = g.op("Max", g.op("Sqrt", square), g.scalar("norm_epsilon", NORM_EPSILON))
    g.op("Div", mean, norm, output="embedding")
    tokens = ["batch", "tokens"]
    return g.finish(
        [("input_ids", "int64", tokens), ("attention_mask", "int64", tokens)],
        [("embedding", "float32", ["batch", WIDTH])],
        "all-MiniLM-L6-v2: mean pooling over the mask, unit length",
    )
