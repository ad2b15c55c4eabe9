"""The kinds of fusion as ONNX: the vectors of an item's media in, the fused one and shares out.

The networks are those of `fusion_kinds.py`, which says what they do; `fusion_train.py` trained
their weights. Inputs `tokens`, fp32 `[1, 4, 384]`, text, image, audio, video, 0 where absent, and
`present`, fp32 `[1, 4]`, 1 or 0; outputs `fused`, fp32 `[1, 384]`, of unit length, and `shares`,
fp32 `[1, 4]`, together 1 and 0 where nothing is.
"""

import numpy as np
import onnx

import fusion_kinds
from fusion_kinds import HEAD_WIDTH, HEADS, NOTHING, TOKENS, WIDTH
from graph import Graph


def _sum(g: Graph, x: str, axis: int, keepdims: int = 1) -> str:
    return g.op("ReduceSum", x, g.ints(axis), keepdims=keepdims)


def _concat(g: Graph, w: dict) -> tuple[str, str]:
    flat = g.op("Concat", g.op("Reshape", "tokens", g.ints(1, TOKENS * WIDTH)), "present", axis=1)
    hidden = g.op("Tanh", g.op("Add", g.op("MatMul", flat, g.weight("in", w["in"])), g.const("in_bias", w["in_bias"])))
    return g.op("MatMul", hidden, g.const("share", w["share"])), g.op("MatMul", hidden, g.weight("out", w["out"]))


def _attention(g: Graph, w: dict, count: str) -> tuple[str, None]:
    context = g.op("Div", _sum(g, "tokens", 1, keepdims=0), count)
    context = g.op("Reshape", g.op("MatMul", context, g.weight("context", w["context"])), g.ints(1, 1, -1))
    keys = g.op("Add", g.op("MatMul", "tokens", g.weight("key", w["key"])), context)
    hidden = g.op("Tanh", g.op("Add", keys, g.const("medium", w["medium"])))
    return g.op("Reshape", g.op("MatMul", hidden, g.const("share", w["share"])), g.ints(1, TOKENS)), None


def _cross(g: Graph, w: dict, count: str) -> tuple[str, str]:
    named = g.op("Add", "tokens", g.const("medium", w["medium"]))

    def heads(name: str, order: list[int]) -> str:
        product = g.op("MatMul", named, g.weight(name, w[name]))
        return g.op("Transpose", g.op("Reshape", product, g.ints(1, TOKENS, HEADS, HEAD_WIDTH)), perm=order)

    scores = g.op("MatMul", heads("query", [0, 2, 1, 3]), heads("key", [0, 2, 3, 1]))
    scores = g.op("Mul", scores, g.scalar("scale", 1.0 / np.sqrt(HEAD_WIDTH)))
    row = g.op("Reshape", "present", g.ints(1, 1, 1, TOKENS))
    others = g.op("Mul", row, g.const("not_itself", 1.0 - np.eye(TOKENS, dtype=np.float32)))
    absent = g.op("Mul", g.op("Sub", g.scalar("one", 1.0), others), g.scalar("nothing", NOTHING))
    heard = g.op("MatMul", g.op("Softmax", g.op("Add", scores, absent), axis=3), heads("value", [0, 2, 1, 3]))
    heard = g.op("Reshape", g.op("Transpose", heard, perm=[0, 2, 1, 3]), g.ints(1, TOKENS, HEADS * HEAD_WIDTH))
    heard = g.op("MatMul", heard, g.weight("out", w["out"]))
    look = g.op("MatMul", g.op("Add", "tokens", heard), g.weight("look", w["look"]))
    hidden = g.op("Tanh", g.op("Add", look, g.const("look_bias", w["look_bias"])))
    logits = g.op("Reshape", g.op("MatMul", hidden, g.const("share", w["share"])), g.ints(1, TOKENS))
    of_present = g.op("Mul", heard, g.op("Reshape", "present", g.ints(1, TOKENS, 1)))
    return logits, g.op("Div", _sum(g, of_present, 1, keepdims=0), count)


def build(kind: str, w: dict[str, np.ndarray], weights_dtype=np.float16) -> onnx.ModelProto:
    """Builds the model of a kind from its weights."""
    g = Graph(f"fusion-{kind}", weights_dtype)
    count = _sum(g, "present", 1)
    if kind == "mean":
        logits, correction = None, None
    elif kind == "concat":
        logits, correction = _concat(g, w)
    elif kind == "attention":
        logits, correction = _attention(g, w, count)
    else:
        logits, correction = _cross(g, w, count)
    absent = g.op("Mul", g.op("Sub", g.scalar("one", 1.0), "present"), g.scalar("nothing", NOTHING))
    prior = g.op("Add", absent, g.const("prior", w["prior"].reshape(1, TOKENS)))
    logits = prior if logits is None else g.op("Add", logits, prior)
    # The exponential of `NOTHING` is exactly 0 in fp32, and the product makes sure of it.
    g.op("Mul", g.op("Softmax", logits, axis=1), "present", output="shares")
    whole = g.op("Reshape", g.op("MatMul", g.op("Reshape", "shares", g.ints(1, 1, TOKENS)), "tokens"), g.ints(1, WIDTH))
    if kind == "mean":
        common = g.const("common", w["common"].reshape(1, WIDTH))
        correction = g.op("Neg", g.op("Mul", _sum(g, g.op("Mul", whole, common), 1), common))
    if correction is not None:
        more = g.op("Min", g.op("Sub", count, g.scalar("one", 1.0)), g.scalar("one", 1.0))
        whole = g.op("Add", whole, g.op("Mul", correction, more))
    length = g.op("Sqrt", _sum(g, g.op("Mul", whole, whole), 1))
    g.op("Div", whole, g.op("Max", length, g.scalar("tiny", 1e-12)), output="fused")
    return g.finish(
        [("tokens", "float32", [1, TOKENS, WIDTH]), ("present", "float32", [1, TOKENS])],
        [("fused", "float32", [1, WIDTH]), ("shares", "float32", [1, TOKENS])],
        f"Fusion of an item's media in the space of all-MiniLM-L6-v2: {kind}",
    )


def cases(kind: str, w: dict[str, np.ndarray], seed: int) -> list[dict]:
    """Tokens at random with what `fusion_kinds` gives for them at fp64, for the golden vectors."""
    rng = np.random.default_rng(seed)
    wide = {name: value.astype(np.float64) for name, value in w.items()}
    found = []
    for present in ([1, 0, 0, 0], [0, 1, 0, 0], [1, 1, 0, 0], [0, 1, 1, 0], [1, 1, 1, 1]):
        mask = np.array([present], np.float64)
        tokens = rng.standard_normal((1, TOKENS, WIDTH)) + 2.0 * rng.standard_normal((1, 1, WIDTH))
        tokens = (tokens / np.linalg.norm(tokens, axis=2, keepdims=True) * mask[:, :, None]).astype(np.float32)
        fused, shares = fusion_kinds.fuse(np, kind, wide, tokens.astype(np.float64), mask)
        found.append({"tokens": tokens[0], "present": mask[0], "fused": fused[0], "shares": shares[0]})
    return found
