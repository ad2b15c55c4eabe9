"""What film-leaky is worth, and what was tried beside it: measure_film.py [CLIPS]

Each clip of ../shared/data/video-clips gives two views; the film finds its other view among all. In
`parts` they are its first and last seven tenths, in `halves` its first and second half, in `whole` both are
all of it; with `+` one view is cropped at random to 75-90 % a side, and its brightness and contrast change.
The baseline is the middle frame of each view. Prints the share of right ones at rank 1, in both
directions, with a 95 % interval over a bootstrap of clips. Needs ffmpeg.
"""

import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image, ImageEnhance

import film_leaky

_MODELS = Path(__file__).resolve().parent.parent
_SIDE, _RATE, _MOST = 256, 8, 48
_RESAMPLES = 2000


def frames(clip: Path) -> np.ndarray:
    """All frames at 8 a second, or of a long clip some evenly, as 8-bit squares."""
    square = f"scale={_SIDE}:{_SIDE}:force_original_aspect_ratio=increase:flags=bicubic,crop={_SIDE}:{_SIDE}"
    command = ["ffmpeg", "-v", "error", "-nostdin", "-i", str(clip), "-an", "-vf", f"fps={_RATE},{square}"]
    raw = subprocess.run([*command, "-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:1"], check=True, capture_output=True).stdout
    pixels = np.frombuffer(raw, np.uint8).reshape(-1, _SIDE, _SIDE, 3)
    return pixels[:: -(-len(pixels) // _MOST)]


def changed(pixels: np.ndarray, random: np.random.Generator) -> list[Image.Image]:
    side = int(_SIDE * random.uniform(0.75, 0.9))
    left, top = random.integers(0, _SIDE - side + 1, 2)
    brightness, contrast = random.uniform(0.7, 1.35), random.uniform(0.7, 1.3)
    pictures = []
    for frame in pixels:
        picture = Image.fromarray(frame).crop((left, top, left + side, top + side)).resize((_SIDE, _SIDE), Image.BICUBIC)
        pictures.append(ImageEnhance.Contrast(ImageEnhance.Brightness(picture).enhance(brightness)).enhance(contrast))
    return pictures


def features(session: onnxruntime.InferenceSession, pictures: list[Image.Image]) -> np.ndarray:
    rows = []
    for picture in pictures:
        pixels = np.asarray(picture.crop((16, 16, 240, 240)), np.float32)
        image = ((pixels - 127) / 128).transpose(2, 0, 1)[None]
        rows.append(session.run(["features"], {"image": image})[0][0])
    return np.array(rows)


def _unit(x: np.ndarray, floor: float = 1e-9) -> np.ndarray:
    return x / np.sqrt((x * x).sum(-1, keepdims=True) + floor * floor)


def _sixteen(rows: np.ndarray) -> np.ndarray:
    return rows[np.arange(film_leaky.FRAMES) * len(rows) // film_leaky.FRAMES] if len(rows) < film_leaky.FRAMES else rows[
        ((np.arange(film_leaky.FRAMES) + 0.5) * len(rows) / film_leaky.FRAMES).astype(int)
    ]


def _roots(rows: np.ndarray) -> np.ndarray:
    return _unit(np.sqrt(np.maximum(_sixteen(rows), 0)))


def _beside(part):
    """The mean of the frames with another part of the same weight."""
    return lambda rows: _unit(np.concatenate([_unit(_roots(rows).mean(0)), part(_roots(rows))]))


def _signed_order(rows: np.ndarray) -> np.ndarray:
    """Approximate rank pooling: Bilen et al., "Dynamic image networks", CVPR 2016."""
    return _unit((2 * np.arange(1, len(rows) + 1) - len(rows) - 1) @ rows)


KINDS = {
    "middle frame": lambda rows: _unit(rows[len(rows) // 2]),
    "mean": lambda rows: _unit(_unit(_sixteen(rows)).mean(0)),
    "mean of roots": lambda rows: _unit(_roots(rows).mean(0)),
    "and deviation": _beside(lambda rows: _unit(rows.std(0))),
    "and step by step": _beside(lambda rows: _unit(np.abs(np.diff(rows, axis=0)).mean(0))),
    "and signed order": _beside(_signed_order),
    "film-leaky": lambda rows: film_leaky.reference(_unit(_sixteen(rows)), np.zeros((16, 384)), np.zeros(384))[0],
}

VIEWS = {"parts": ((0, 0.7), (0.3, 1)), "halves": ((0, 0.5), (0.5, 1)), "whole": ((0, 1), (0, 1))}


def _window(rows: np.ndarray, window: tuple[float, float]) -> np.ndarray:
    start = int(window[0] * len(rows))
    return rows[start : max(round(window[1] * len(rows)), start + 1)]


def right(kind, first: list[np.ndarray], second: list[np.ndarray]) -> np.ndarray:
    """For each clip, how often of the two directions it is found first."""
    a, b = (np.array([kind(rows) for rows in views]) for views in (first, second))
    likeness = a @ b.T
    own = np.arange(len(a))
    return ((likeness.argmax(1) == own).astype(float) + (likeness.argmax(0) == own)) / 2


def main() -> None:
    default = _MODELS.parent.parent / "shared/data/video-clips"
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else default
    session = onnxruntime.InferenceSession(str(_MODELS / "efficientnet-lite0/model.onnx"))
    random = np.random.default_rng(1)
    plain, other, labels = [], [], []
    for row in csv.DictReader((folder / "labels.csv").open()):
        if row["label"] == "edge":
            continue
        pixels = frames(folder / row["file"])
        plain.append(features(session, [Image.fromarray(frame) for frame in pixels]))
        other.append(features(session, changed(pixels, random)))
        labels.append(row["label"])
    signs = np.flatnonzero([label.startswith("asl_") for label in labels])
    for name, of in (("signs", signs), ("all", np.arange(len(labels)))):
        draws = random.integers(0, len(of), (_RESAMPLES, len(of)))
        for view, (first, second) in VIEWS.items():
            for change, rows in (("", plain), ("+", other)):
                if view == "whole" and not change:
                    continue
                print(f"{name} ({len(of)}), {view}{change}")
                for kind_name, kind in KINDS.items():
                    hits = right(kind, [_window(plain[at], first) for at in of], [_window(rows[at], second) for at in of])
                    low, high = np.quantile(hits[draws].mean(1), (0.025, 0.975))
                    print(f"    {kind_name:18} {hits.mean():.2f} [{low:.2f}, {high:.2f}]")


if __name__ == "__main__":
    main()
