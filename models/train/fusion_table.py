"""The table of fusion on photographs: does joining a photo and its words find it better?

    fusion_table.py

An item is a COCO photo with its first caption; its other captions ask for it among all photos. The
shipped ONNX files are run through onnxruntime. Differences are to the words alone, which is the
better single medium; intervals are the middle 95 % of draws with replacement, once of queries and
once of photos with their queries. As 80 photos are few, every caption also takes its turn as the
item's words; those queries are not independent, so photos are drawn.

The data is looked for as in `measure.py`.
"""

import csv

import numpy as np
import onnxruntime

import convert
import fusion_kinds
import measure

_DRAWS = 4000


def _ranks(items: np.ndarray, queries: np.ndarray) -> np.ndarray:
    """`items` `[photos, 384]`, `queries` `[photos, asked, 384]`; ranks from 0, `[photos, asked]`."""
    scores = queries @ items.T
    own = scores[np.arange(len(items)), :, np.arange(len(items))]
    return (scores > own[..., None]).sum(axis=2)


def _interval(values: np.ndarray) -> str:
    rng = np.random.default_rng(1)
    means = values[rng.integers(0, len(values), (_DRAWS, len(values)))].mean(axis=1)
    low, high = 100 * np.percentile(means, [2.5, 97.5])
    return f"[{low:+.1f}, {high:+.1f}]"


def _vectors() -> tuple[np.ndarray, np.ndarray] | None:
    """Captions `[photos, 5, 384]` and photos `[photos, 384]`; kept, as both networks take a while."""
    folder = measure.SHARED / "image-coco-captions"
    if not (folder / "captions.csv").exists():
        print(f"left out: {folder} is absent")
        return None
    with (folder / "captions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    text, image = measure.Text(), measure.Image224("efficientnet-lite0")
    files = sorted({row["file"] for row in rows})
    captions = [text.embed([row["caption"] for row in rows if row["file"] == file])[:5] for file in files]
    return np.stack(captions), np.stack([image.embed(folder / "images" / file) for file in files])


class Fusion:
    """A shipped model of fusion."""

    def __init__(self, kind: str):
        self._session = onnxruntime.InferenceSession(convert.MODELS / f"fusion-{kind}" / "model.onnx")

    def __call__(self, words: np.ndarray | None, pictures: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """Fused vectors `[items, 384]` and shares `[items, 4]` of items with these media."""
        fused = []
        for item in range(len(words if words is not None else pictures)):
            tokens = np.zeros((1, fusion_kinds.TOKENS, fusion_kinds.WIDTH), np.float32)
            present = np.zeros((1, fusion_kinds.TOKENS), np.float32)
            for place, medium in enumerate((words, pictures)):
                if medium is not None:
                    tokens[0, place], present[0, place] = medium[item], 1.0
            fused.append(self._session.run(["fused", "shares"], {"tokens": tokens, "present": present}))
        return np.concatenate([f for f, _ in fused]), np.concatenate([s for _, s in fused])


def table(captions: np.ndarray, pictures: np.ndarray) -> None:
    photos, per_photo = captions.shape[:2]

    def ranks(fuse) -> np.ndarray:
        """`[turns, photos, queries]`; the first turn is that of the first captions."""
        turns = range(per_photo)
        return np.stack([_ranks(fuse(captions[:, turn]), np.delete(captions, turn, axis=1)) for turn in turns])

    words_alone = ranks(lambda words: words)

    def row(name: str, found: np.ndarray) -> None:
        hit = found < 1
        gain = hit[0].astype(float) - (words_alone[0] < 1)
        all_gain = (hit.astype(float) - (words_alone < 1)).mean(axis=(0, 2))
        shares = " ".join(f"{(found[0] < k).mean():.3f}" for k in (1, 5, 10))
        by_query, by_photo = _interval(gain.reshape(-1)), _interval(gain.mean(axis=1))
        turns = f"{hit.mean():.3f} {100 * all_gain.mean():+.1f} {_interval(all_gain)}"
        print(f"{name:34} {shares}  {100 * gain.mean():+.1f} {by_query} {by_photo}  {turns}  {(1 / (1 + found)).mean():.3f}")

    print(f"{photos} photos; R@1 R@5 R@10 of first captions, gain in R@1 with intervals over queries and over photos;")
    print("R@1, gain and interval over photos, and mean reciprocal rank with every caption in turn")
    row("words alone", words_alone)
    row("picture alone", ranks(lambda words: pictures))
    for kind in fusion_kinds.KINDS:
        fusion = Fusion(kind)
        row(kind, ranks(lambda words: fusion(words, pictures)[0]))
        shares = fusion(captions[:, 0], pictures)[1].mean(axis=0)
        row(f"{kind}, picture missing", ranks(lambda words: fusion(words, None)[0]))
        row(f"{kind}, words missing", ranks(lambda words: fusion(None, pictures)[0]))
        print(f"{'':34} shares: words {shares[0]:.2f}, picture {shares[1]:.2f}")


def main() -> None:
    vectors = _vectors()
    if vectors is not None:
        table(*vectors)


if __name__ == "__main__":
    main()
