"""The kinds of fusion, each as a function of its weights, over `numpy` or `jax.numpy`.

Tokens are the vectors of one item's media in the shared space, `[batch, 4, 384]` in the order of
`MODALITIES`, unit length, 0 where absent; `present` is `[batch, 4]`, 1 or 0. Every kind is of one
form: a mean of the tokens, weighted by shares that add up to 1 and are 0 where nothing is, plus a
correction that is 0 while a single medium is there, scaled to unit length. So one medium alone
comes out as it went in, and training starts at a weighted mean. The correction of the kind `mean` takes
off what all captions have in common, which tells no item from another: the idea of Mu and Viswanath,
"All-but-the-Top", ICLR 2018, with one direction, that of the mean.
"""

from pathlib import Path

import numpy as np

MODALITIES = ("text", "image", "audio", "video")
WIDTH, TOKENS = 384, len(MODALITIES)
HIDDEN, RANK, HEADS, HEAD_WIDTH = 48, 48, 2, 32
TRAINED = ("concat", "attention", "cross-attention")
KINDS = ("mean", *TRAINED)
# What a medium other than words weighs in the kind `mean`, against 1 for words. On the captions of 40
# COCO photographs every weight from 0.15 to 0.6 is within 0.6 points in R@1; a small one was taken, with the
# figures of all 80 in view (fusion_data.md).
OTHERS = 0.2
# The mean of the scenes' vectors (`label_scenes.txt`), of unit length; made by `fusion_common.py`.
COMMON = Path(__file__).resolve().parent / "learnt" / "fusion-common.f32"
# A logit where nothing is: its exponential is 0 in fp32.
NOTHING = -1e4


def initial(kind: str, seed: int) -> dict[str, np.ndarray]:
    """Weights before training: shares as of the weighted mean, no correction."""
    rng = np.random.default_rng(seed)

    def spread(*shape):
        return (rng.standard_normal(shape) / np.sqrt(shape[0])).astype(np.float32)

    def zeros(*shape):
        return np.zeros(shape, np.float32)

    if kind == "mean":
        return {"prior": np.log(np.array([1.0, OTHERS, OTHERS, OTHERS], np.float32)), "common": np.fromfile(COMMON, "<f4")}
    # 0.7 for words and 0.3 for each other medium, as the recommender's own mean has it.
    weights = {"prior": np.log(np.array([0.7, 0.3, 0.3, 0.3], np.float32))}
    if kind == "concat":
        weights |= {"in": spread(TOKENS * WIDTH + TOKENS, HIDDEN), "in_bias": zeros(HIDDEN), "share": zeros(HIDDEN, TOKENS)}
        weights |= {"out": zeros(HIDDEN, WIDTH)}
    elif kind == "attention":
        weights |= {"key": spread(WIDTH, HIDDEN), "context": spread(WIDTH, HIDDEN), "medium": zeros(TOKENS, HIDDEN)}
        weights |= {"share": zeros(HIDDEN, 1)}
    elif kind == "cross-attention":
        inner = HEADS * HEAD_WIDTH
        weights |= {"medium": spread(TOKENS, WIDTH) * 0.1, "query": spread(WIDTH, inner), "key": spread(WIDTH, inner)}
        weights |= {"value": spread(WIDTH, inner), "out": zeros(inner, WIDTH)}
        weights |= {"look": spread(WIDTH, HIDDEN), "look_bias": zeros(TOKENS, HIDDEN), "share": zeros(HIDDEN, 1)}
    else:
        raise ValueError(f"kind `{kind}`, expected one of {KINDS}")
    return weights


def fuse(xp, kind: str, w: dict, tokens, present):
    """Returns the fused vectors, `[batch, 384]`, unit length, and the shares, `[batch, 4]`."""
    count = present.sum(axis=1, keepdims=True)
    if kind == "mean":
        logits, correction = xp.zeros_like(present), None
    elif kind == "concat":
        flat = tokens.reshape(tokens.shape[0], TOKENS * WIDTH)
        hidden = xp.tanh(xp.concatenate([flat, present], axis=1) @ w["in"] + w["in_bias"])
        logits, correction = hidden @ w["share"], hidden @ w["out"]
    elif kind == "attention":
        context = tokens.sum(axis=1) / count
        hidden = xp.tanh(tokens @ w["key"] + (context @ w["context"])[:, None] + w["medium"])
        logits, correction = (hidden @ w["share"])[..., 0], None
    else:
        logits, correction = _cross(xp, w, tokens, present)
    logits = logits + w["prior"] + (1.0 - present) * NOTHING
    shares = _softmax(xp, logits)
    fused = (shares[:, :, None] * tokens).sum(axis=1)
    if kind == "mean":
        correction = -(fused @ w["common"])[:, None] * w["common"]
    if correction is not None:
        fused = fused + xp.minimum(count - 1.0, 1.0) * correction
    return fused / xp.maximum(xp.sqrt((fused * fused).sum(axis=1, keepdims=True)), 1e-12), shares


def _cross(xp, w: dict, tokens, present):
    """Each medium asks the others; what it hears corrects the whole."""
    batch = tokens.shape[0]
    named = tokens + w["medium"]

    def heads(name):
        return (named @ w[name]).reshape(batch, TOKENS, HEADS, HEAD_WIDTH).transpose(0, 2, 1, 3)

    scores = heads("query") @ heads("key").transpose(0, 1, 3, 2) / np.float32(np.sqrt(HEAD_WIDTH))
    others = present[:, None, :] * (1.0 - np.eye(TOKENS, dtype=np.float32))
    heard = _softmax(xp, scores + (1.0 - others)[:, None] * NOTHING) @ heads("value")
    heard = heard.transpose(0, 2, 1, 3).reshape(batch, TOKENS, HEADS * HEAD_WIDTH) @ w["out"]
    hidden = xp.tanh((tokens + heard) @ w["look"] + w["look_bias"])
    correction = (heard * present[:, :, None]).sum(axis=1) / present.sum(axis=1, keepdims=True)
    return (hidden @ w["share"])[..., 0], correction


def _softmax(xp, logits):
    powers = xp.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)
