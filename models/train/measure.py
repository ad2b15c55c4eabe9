"""Measures the shipped models on real data: the figures of ../README.md.

    measure.py

It runs the files as they are through onnxruntime, with the settings of each `model.toml`. The data
is not part of the project; it is looked for in `../shared/data` beside the repository, or under
`$ATTUNED_SHARED/data`. A part whose data is absent says so and is left out.
"""

import csv
import os
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image
from tokenizers import Tokenizer

import convert
import front_ends

SHARED = Path(os.environ.get("ATTUNED_SHARED", convert.MODELS.parent.parent / "shared")) / "data"


def _unit(x: np.ndarray) -> np.ndarray:
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def _rows(folder: Path, name: str) -> list[dict] | None:
    path = folder / name
    if not path.exists():
        print(f"left out: {path} is absent")
        return None
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


class Text:
    def __init__(self):
        folder = convert.MODELS / "minilm-l6-v2"
        self._session = onnxruntime.InferenceSession(folder / "model.onnx")
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))

    def embed(self, texts: list[str]) -> np.ndarray:
        vectors = []
        for text in texts:
            ids = np.array([self._tokenizer.encode(text).ids])
            vectors.append(self._session.run(None, {"input_ids": ids, "attention_mask": np.ones_like(ids)})[0][0])
        return np.stack(vectors)


class Labelled:
    """A model that names what it recognises."""

    def __init__(self, name: str):
        folder = convert.MODELS / name
        self.settings = convert.settings(name)
        self.session = onnxruntime.InferenceSession(folder / "model.onnx")
        self.labels = (folder / "labels.txt").read_text().splitlines()


class Bridged(Labelled):
    """A model whose labels are bridged into the text model's space."""

    def __init__(self, name: str):
        super().__init__(name)
        folder = convert.MODELS / name
        vectors = np.fromfile(folder / "label-vectors.f16", "<f2").astype(np.float32)
        self._vectors = vectors.reshape(len(self.labels), -1)

    def semantic(self, weights: np.ndarray) -> np.ndarray:
        """The convex combination of label vectors for one item's weights `[labels]`."""
        best = np.argsort(-weights, kind="stable")[: self.settings["bridge"]["top"]]
        return _unit(weights[best] @ self._vectors[best])


class Image224(Labelled):
    def _run(self, path: Path, output: str) -> np.ndarray:
        pixels = front_ends.resized(Image.open(path), self.settings["image"])
        tensor = front_ends.image_tensor(pixels, self.settings["image"])
        return self.session.run([output], {"image": tensor})[0][0]

    def logits(self, path: Path) -> np.ndarray:
        return self._run(path, "logits")

    def embed(self, path: Path) -> np.ndarray:
        return self._run(path, "semantic")


class Sound(Bridged):
    def outputs(self, path: Path) -> tuple[np.ndarray, np.ndarray]:
        """Pooled features and classes of a recording of at most a minute."""
        settings = self.settings["audio"]
        samples = front_ends.load_audio(path, settings)
        cut = front_ends.patches(front_ends.log_mel(samples, settings), settings)
        runs = [self.session.run(None, {"log_mel": patch}) for _, patch in cut]
        features, classes = (np.stack([run[i][0] for run in runs]) for i in range(2))
        loudnesses = np.array([front_ends.loudness(samples, start, settings) for start, _ in cut])
        weights = front_ends.pool_weights(loudnesses, features)
        return weights @ features, weights @ classes

    def embed(self, path: Path) -> np.ndarray:
        return self.semantic(self.outputs(path)[1] ** (1.0 / self.settings["bridge"]["temperature"]))


def _name(text: str) -> str:
    return text.lower().replace("_", " ").replace("-", " ").replace("'", "")


def imagenet(image: Image224) -> None:
    folder = SHARED / "image-imagenet-samples"
    rows = _rows(folder, "labels.csv")
    if rows is None:
        return
    names = [_name(label) for label in image.labels]
    first = top5 = 0
    for row in rows:
        best = [names[i] for i in np.argsort(-image.logits(folder / "images" / row["file"]))[:5]]
        first += best[0] == _name(row["label"])
        top5 += _name(row["label"]) in best
    print(f"ImageNet samples, {len(rows)}: top-1 {first / len(rows):.3f}, top-5 {top5 / len(rows):.3f}")


def _interval(of_photo: np.ndarray, draws: int = 4000) -> str:
    """The middle 95 % of the mean over photos drawn with replacement, seeded."""
    photos = len(of_photo)
    means = of_photo[np.random.default_rng(1).integers(0, photos, (draws, photos))].mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return f"[{low:.3f}, {high:.3f}]"


def captions(text: Text, image: Image224) -> None:
    folder = SHARED / "image-coco-captions"
    rows = _rows(folder, "captions.csv")
    if rows is None:
        return
    files = sorted({row["file"] for row in rows})
    of = np.array([files.index(row["file"]) for row in rows])
    queries = text.embed([row["caption"] for row in rows])
    photos = np.stack([image.embed(folder / "images" / file) for file in files])
    scores = queries @ photos.T
    rank = (scores > scores[np.arange(len(rows)), of][:, None]).sum(axis=1)
    back = [min(np.flatnonzero(of[np.argsort(-row)] == photo)) for photo, row in enumerate(scores.T)]
    for way, ranks, owners in (("caption -> photo", rank, of), ("photo -> caption", np.array(back), np.arange(len(files)))):
        shares = []
        for k in (1, 5, 10):
            hit = (ranks < k).astype(float)
            per_photo = np.array([hit[owners == photo].mean() for photo in range(len(files))])
            shares.append(f"R@{k} {hit.mean():.3f} {_interval(per_photo)}")
        print(f"COCO {way}, {len(rows)} captions, {len(files)} photos: {', '.join(shares)}")
    among = queries @ queries.T
    np.fill_diagonal(among, -2.0)
    print(f"COCO caption -> another caption of its photo: R@1 {(of[among.argmax(axis=1)] == of).mean():.3f}")


def everyday_sounds(sound: Sound) -> None:
    folder = SHARED / "audio-esc10"
    rows = _rows(folder, "labels.csv")
    if rows is None:
        return
    label, fold = (np.array([row[key] for row in rows]) for key in ("label", "fold"))
    features = _unit(np.stack([sound.outputs(folder / row["file"])[0] for row in rows]))
    scores = np.where(fold[:, None] == fold[None], -2.0, features @ features.T)
    best = np.argsort(-scores, axis=1)[:, :5]
    nearest, precision = (label[best[:, 0]] == label).mean(), (label[best] == label[:, None]).mean()
    print(f"ESC-10, {len(rows)} clips, across folds: 1-nearest-neighbour {nearest:.3f}, precision at 5 {precision:.3f}")


def named_sounds(text: Text, sound: Sound) -> None:
    folder = SHARED / "audio-esc10"
    rows = _rows(folder, "labels.csv")
    if rows is None:
        return
    label = np.array([row["label"] for row in rows])
    kinds = np.array(sorted(set(label)))
    clips = np.stack([sound.embed(folder / row["file"]) for row in rows])
    best = kinds[(clips @ text.embed([kind.replace("_", " ") for kind in kinds]).T).argmax(axis=1)]
    print(f"ESC-10, {len(rows)} clips: named by the nearest of ten words {(best == label).mean():.3f}")


def _kind(label: int) -> str:
    """AudioSet lists 13 kinds of speech first, and its 145 of music from the 133rd on."""
    return "speech" if label < 13 else "music" if 132 <= label < 277 else "other"


def kinds_of_sound(sound: Sound) -> None:
    folders = [SHARED / name for name in ("audio-esc10", "audio-fsdd", "audio-music-librosa")]
    if not all(folder.exists() for folder in folders):
        print(f"left out: one of {', '.join(map(str, folders))} is absent")
        return
    clips = [(folders[0] / row["file"], "other") for row in _rows(folders[0], "labels.csv")]
    clips += [(file, "speech") for file in sorted(folders[1].glob("*.wav"))]
    others = ("pibble", "glacier", "456440")
    for file in sorted(folders[2].glob("*.ogg")):
        is_speech, is_other = file.name.startswith("198-"), file.name.startswith(others)
        clips.append((file, "speech" if is_speech else "other" if is_other else "music"))
    right = {kind: [] for kind in ("speech", "music", "other")}
    for file, kind in clips:
        right[kind].append(_kind(int(sound.outputs(file)[1].argmax())) == kind)
    shares = ", ".join(f"{kind} {np.mean(hits):.3f} of {len(hits)}" for kind, hits in right.items())
    print(f"kinds of sound, {len(clips)} clips: {np.mean(sum(right.values(), [])):.3f}; {shares}")


# What a person would type, and the beginnings of the files that answer it.
_MUSIC = [
    ("classical violin and strings orchestra", ("Hungarian", "Kevin_MacLeod_-_P")),
    ("piano", ("442789",)),
    ("solo piano ragtime", ("442789",)),
    ("a violin playing", ("Hungarian",)),
    ("string orchestra", ("Hungarian", "Kevin_MacLeod_-_P")),
    ("electronic dance music with a beat", ("Kevin_MacLeod_-_V",)),
    ("a woman speaking", ("198",)),
    ("female voice", ("198",)),
    ("acoustic guitar", ("147793",)),
    ("slow soft waltz", ("147793",)),
    ("quiet ambient soundscape", ("glacier",)),
    ("techno synthesizer", ("Kevin_MacLeod_-_V", "147793")),
    ("classical symphony", ("Hungarian", "Kevin_MacLeod_-_P")),
    ("happy piano tune", ("442789",)),
    ("a person talking", ("198",)),
]


def music(text: Text, sound: Sound) -> None:
    folder = SHARED / "audio-music-librosa"
    if not folder.exists():
        print(f"left out: {folder} is absent")
        return
    files = sorted(folder.glob("*.ogg"))
    clips = np.stack([sound.embed(file) for file in files])
    ranks = []
    for query, answers in _MUSIC:
        order = np.argsort(-(text.embed([query]) @ clips.T)[0])
        ranks.append(1 + next(i for i, k in enumerate(order) if files[k].name.startswith(answers)))
    first = sum(rank == 1 for rank in ranks)
    print(f"music clips, {len(files)}: {first} of {len(ranks)} queries first, MRR {np.mean(1 / np.array(ranks)):.3f}")


def main() -> None:
    text, image, sound = Text(), Image224("efficientnet-lite0"), Sound("yamnet")
    imagenet(image)
    captions(text, image)
    everyday_sounds(sound)
    named_sounds(text, sound)
    kinds_of_sound(sound)
    music(text, sound)


if __name__ == "__main__":
    main()
