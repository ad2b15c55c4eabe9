"""Learns the way from multilingual-e5-small's space to the shared space, and measures it.

    train_projection.py --texts FILE.jsonl --tokenizer FILE [--write]

`parallel_texts.py` makes the texts. Each is embedded by multilingual-e5-small as it stands, its
English counterpart by MiniLM, and ridge regression with a bias leads from the one to the other;
packages, emoji and words are split 8:2 by a hash of their name, and the penalty and the share of
the languages other than English are those with the best R@1 over the valid part. The result goes to
`learnt/multilingual-projection.f16`, `[385, 384]`, the bias last. Embeddings are kept beside the texts.
"""

import argparse
import hashlib
import json
from pathlib import Path

import numpy as np
import onnxruntime
import sentencepiece
from tokenizers import Tokenizer

MODELS = Path(__file__).resolve().parent.parent
LEARNT = MODELS / "train/learnt/multilingual-projection.f16"
PREFIX = "query: "
# Most texts of one language, of packages and of emoji; Chinese first.
_PACKAGES = {"en": 2500, "zh_CN": 1700, "ja": 900, "de": 800, "fr": 700, "es": 700, "zh_TW": 400, "ko": 350}
_OTHERS = 260
_GLOSSES = 5000
_CHARACTERS_MAX = 300
PENALTIES = (0.03, 0.1, 0.3, 1.0, 3.0)
SHARES = (1.0, 2.0)


def choose(rows: list[dict]) -> list[dict]:
    """The texts that are learnt from and chosen on."""
    parts: dict[tuple[str, str], list[dict]] = {}
    for row in rows:
        source = row["group"].split()[0] if row["group"].startswith(("wn ", "emoji ")) else "debian"
        parts.setdefault((row["language"], source), []).append(row)
    chosen = []
    for (language, source), part in sorted(parts.items()):
        most = _PACKAGES.get(language, _OTHERS)
        most = {"wn": _GLOSSES, "emoji": most // 2, "debian": most}[source]
        chosen += sorted(part, key=lambda row: _hash(row["group"] + row["text"]))[:most]
    cut = {"text": _CHARACTERS_MAX, "english": _CHARACTERS_MAX}
    return [{key: value[: cut.get(key)] for key, value in row.items()} for row in chosen]


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def is_valid(row: dict) -> bool:
    return int(_hash(row["group"])[:8], 16) % 5 == 0


def embed(session, ids: list[list[int]], pad: int) -> np.ndarray:
    vectors = np.empty((len(ids), 384), np.float32)
    order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
    for begin in range(0, len(order), 16):
        part = order[begin : begin + 16]
        longest = max(len(ids[i]) for i in part)
        tokens = np.full((len(part), longest), pad, np.int64)
        mask = np.zeros_like(tokens)
        for row, i in enumerate(part):
            tokens[row, : len(ids[i])] = ids[i]
            mask[row, : len(ids[i])] = 1
        vectors[part] = session.run(["embedding"], {"input_ids": tokens, "attention_mask": mask})[0]
    return vectors


def multilingual(texts: list[str], tokenizer: Path, prefix: str = PREFIX) -> np.ndarray:
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(tokenizer))
    session = _session("multilingual-e5-small")
    return embed(session, [[0, *pieces.encode(prefix + text)[:510], 2] for text in texts], 1)


def minilm(texts: list[str]) -> np.ndarray:
    tokenizer = Tokenizer.from_file(str(MODELS / "minilm-l6-v2/tokenizer.json"))
    return embed(_session("minilm-l6-v2"), [tokenizer.encode(text).ids for text in texts], 0)


def _session(model: str):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(MODELS / model / "model.onnx"), options)


def fit(x: np.ndarray, y: np.ndarray, weights: np.ndarray, penalty: float) -> np.ndarray:
    """Weighted ridge regression, `[inputs + 1, outputs]`; the bias, last, is not penalised."""
    total = weights.sum()
    x_mean, y_mean = weights @ x / total, weights @ y / total
    x, y = x - x_mean, y - y_mean
    weighted = x * weights[:, None]
    matrix = np.linalg.solve(weighted.T @ x + penalty * np.eye(x.shape[1]), weighted.T @ y)
    return np.vstack([matrix, y_mean - x_mean @ matrix])


def project(x: np.ndarray, projection: np.ndarray) -> np.ndarray:
    vectors = x @ projection[:-1] + projection[-1]
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def ranks(queries: np.ndarray, targets: np.ndarray, own: np.ndarray) -> np.ndarray:
    """How many targets are nearer to each query than its own."""
    scores = queries @ targets.T
    return (scores > scores[np.arange(len(own)), own][:, None] + 1e-6).sum(axis=1)


def recall(places: np.ndarray) -> str:
    return " ".join(f"R@{k} {(places < k).mean():.3f}" for k in (1, 5, 10))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--texts", type=Path, required=True)
    parser.add_argument("--tokenizer", type=Path, default=MODELS / "multilingual-e5-small/sentencepiece.model")
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    rows = choose([json.loads(line) for line in arguments.texts.read_text().splitlines()])
    english = sorted({row["english"] for row in rows})
    kept = arguments.texts.with_suffix(".npz")
    if not kept.exists():
        theirs = multilingual([row["text"] for row in rows], arguments.tokenizer)
        np.savez(kept, multilingual=theirs, minilm=minilm(english))
    vectors = np.load(kept)
    x, shared = vectors["multilingual"].astype(np.float64), vectors["minilm"].astype(np.float64)
    place = {text: i for i, text in enumerate(english)}
    own = np.array([place[row["english"]] for row in rows])
    valid = np.array([is_valid(row) for row in rows])
    foreign = np.array([row["language"] != "en" for row in rows])
    targets = np.unique(own[valid & foreign])
    print(f"{(~valid).sum()} texts to learn from, {valid.sum()} to choose on; {len(targets)} English ones to find")

    def score(projection: np.ndarray, which: np.ndarray) -> np.ndarray:
        return ranks(project(x[which], projection), shared[targets], np.searchsorted(targets, own[which]))

    best = (-1.0, None)
    for share in SHARES:
        weights = np.where(foreign, share, 1.0)[~valid]
        for penalty in PENALTIES:
            projection = fit(x[~valid], shared[own[~valid]], weights, penalty)
            found = (score(projection, valid & foreign) < 1).mean()
            print(f"share {share:3.1f} penalty {penalty:5.1f} R@1 {found:.4f}")
            best = max(best, (found, (share, penalty)), key=lambda pair: pair[0])
    share, penalty = best[1]
    projection = fit(x[~valid], shared[own[~valid]], np.where(foreign, share, 1.0)[~valid], penalty)
    plain = fit(x[~valid & ~foreign], shared[own[~valid & ~foreign]], np.ones((~valid & ~foreign).sum()), penalty)
    print(f"chosen: share {share}, penalty {penalty}")
    for name, learnt in (("all languages", projection), ("English alone", plain)):
        print(f"valid, learnt from {name}: {recall(score(learnt, valid & foreign))}")
    for language in sorted({row["language"] for row in rows} - {"en"}):
        which = valid & np.array([row["language"] == language for row in rows])
        print(f"  {language:6} n {which.sum():4} {recall(score(projection, which))}")
    cosine = (project(x[valid & ~foreign], projection) * shared[own[valid & ~foreign]]).sum(axis=1)
    print(f"English texts: cosine to MiniLM {cosine.mean():.3f}")
    if arguments.write:
        LEARNT.parent.mkdir(exist_ok=True)
        LEARNT.write_bytes(projection.astype("<f2").tobytes())


if __name__ == "__main__":
    main()
