"""Makes the golden vectors: what the original libraries and weights give for a few inputs.

    make_golden.py --downloads DIR [--write]

Texts are the project's own; sounds and two pictures are computed here; the photographs are public
domain or CC0 and come from scikit-image. The networks' outputs come from the original fp32 weights
(numpy at fp64 for MiniLM and YAMNet, written apart from the ONNX form; onnxruntime with fp32
weights for EfficientNet-Lite0), the front ends' from `tokenizers`, Pillow and librosa. Nothing
comes from the runtime under test.

Without `--write` the shipped files are compared with what is computed: integers, pictures and
sounds must be equal, vectors must agree within 1e-4 of their length, as libraries may round
differently on another machine.
"""

import argparse
import io
import json
import wave
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image

import convert
import efficientnet_lite0
import film_leaky
import front_ends
import sources
import yamnet_reference

_HERE = Path(__file__).resolve().parent
_TOLERANCE = 1e-4
# A text of far more than 256 tokens, so that truncation shows.
_LONG = "The tram climbs the hill, stops at the old theatre, and goes on to the harbour. " * 24
_ODD = [
    "",
    " ",
    "line\nbreak\u0000and\u200bzero width",
    "\ufeffmark \u0001\u0002\u001f\u007f\u0085 controls\r\n\t\v\f end\u200e\u200f\u202e",
    "private \ue000 \U000f0000, none \ufffe \uffff, replacement \ufffd",
    "a" * 101 + " " + "w" * 2000,
    "\u6f22" * 700,
    "\u0301\u0308 alone",
    "\u0007",
]


def _numbers(vector: np.ndarray) -> list[float]:
    """fp32 with seven significant digits."""
    return [float(f"{value:.7g}") for value in np.asarray(vector, np.float64).reshape(-1)]


def _json(cases: list[dict]) -> bytes:
    """One case a line."""
    lines = [json.dumps(case, ensure_ascii=False, separators=(",", ":")) for case in cases]
    return ("[\n" + ",\n".join(lines) + "\n]\n").encode()


def text(downloads: Path) -> dict[str, bytes]:
    reference = convert.text_reference(downloads)
    sentences = (_HERE / "golden_sentences.txt").read_text().removesuffix("\n").split("\n")
    sentences += [*_ODD, _LONG]
    vectors = reference.embed(sentences)
    cases = [
        {"text": sentence, "ids": reference.ids(sentence), "embedding": _numbers(vector)}
        for sentence, vector in zip(sentences, vectors)
    ]
    return {"cases.json": _json(cases)}


def multilingual_text(downloads: Path) -> dict[str, bytes]:
    """Ids by the SentencePiece library, of all texts; embeddings of every other one."""
    reference = convert.multilingual_reference(downloads)
    sentences = (_HERE / "golden_sentences.txt").read_text().removesuffix("\n").split("\n")
    cases = []
    for at, sentence in enumerate([*sentences, *_ODD, _LONG]):
        case = {"text": sentence, "ids": reference.ids(sentence)}
        if at % 2 == 0 and case["ids"]:
            vector = reference.embed([sentence])
            case |= {"embedding": _numbers(vector), "semantic": _numbers(reference.semantic(vector))}
        cases.append(case)
    return {"cases.json": _json(cases)}


def _shapes(width: int, height: int) -> Image.Image:
    """Gradients, sharp edges and a fine grid, which resampling filters treat differently."""
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    red = x * 255 // (width - 1)
    green = y * 255 // (height - 1)
    blue = np.where((x // 3 + y // 3) % 2 == 0, 230, 25)
    disc = (x - width // 3) ** 2 + (y - height // 2) ** 2 < (min(width, height) // 4) ** 2
    pixels = np.stack([np.where(disc, 250, red), np.where(disc, 240, green), np.where(disc, 10, blue)], axis=2)
    return Image.fromarray(pixels.astype(np.uint8))


def _png(picture: Image.Image) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, "PNG", optimize=True)
    return stream.getvalue()


def image(downloads: Path) -> dict[str, bytes]:
    settings = convert.settings("efficientnet-lite0")["image"]
    # Label vectors are fp16 to begin with, and convert.py compares those that are shipped.
    vectors = convert.shipped_label_vectors()
    model = efficientnet_lite0.build(convert.efficientnet_weights(downloads), vectors, np.float32)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    cat, coffee, rocket = (
        sources.member(sources.SCIKIT_IMAGE, f"skimage/data/{name}", downloads)
        for name in ("chelsea.png", "coffee.png", "rocket.jpg")
    )
    files = {
        "cat.png": cat,
        "coffee-portrait.png": _png(Image.open(io.BytesIO(coffee)).crop((150, 0, 420, 400))),
        "rocket.jpg": rocket,
        "shapes.png": _png(_shapes(333, 500)),
        "shapes-small.png": _png(_shapes(90, 64)),
    }
    cases = []
    for name in list(files):
        pixels = front_ends.resized(Image.open(io.BytesIO(files[name])), settings)
        features, logits, semantic = session.run(None, {"image": front_ends.image_tensor(pixels, settings)})
        raw = Path(name).stem + ".rgb"
        files[raw] = pixels.tobytes()
        outputs = {"features": features, "logits": logits, "semantic": semantic}
        cases.append({"file": name, "resized_rgb": raw, **{key: _numbers(value) for key, value in outputs.items()}})
    files["cases.json"] = _json(cases)
    return files


def _plucked(rate: int) -> np.ndarray:
    """4.2 seconds of a plucked melody: decaying harmonics, as a guitar's."""
    notes = [(0.0, 196.0), (0.6, 246.94), (1.2, 293.66), (1.8, 392.0), (2.4, 293.66), (3.0, 246.94), (3.6, 196.0)]
    time = np.arange(int(4.2 * rate)) / rate
    sound = np.zeros_like(time)
    for start, frequency in notes:
        age = time - start
        for harmonic in range(1, 9):
            wave_ = np.sin(2 * np.pi * frequency * harmonic * age) / harmonic
            sound += np.where(age >= 0, wave_ * np.exp(-np.maximum(age, 0) * (2.0 + harmonic)), 0.0)
    return 0.3 * sound


def _beat(rate: int) -> np.ndarray:
    """1.5 seconds of a beat: noise bursts on a low thump, shorter than one patch."""
    time = np.arange(int(1.5 * rate)) / rate
    phase = time % 0.375
    noise = np.random.Generator(np.random.PCG64(7)).integers(-32768, 32768, len(time)) / 32768.0
    return 0.4 * noise * np.exp(-phase * 40.0) + 0.5 * np.sin(2 * np.pi * 60.0 * phase) * np.exp(-phase * 12.0)


def _stereo(rate: int) -> np.ndarray:
    """1.5 seconds in two channels that differ: a rising sweep, and tones with some above 8 kHz."""
    time = np.arange(int(1.5 * rate)) / rate
    left = 0.5 * np.sin(2 * np.pi * (200.0 * time + 2400.0 * time * time))
    right = sum(0.2 * np.sin(2 * np.pi * frequency * time) for frequency in (440.0, 3100.0, 9500.0))
    return np.stack([left, right], axis=1)


def _wav(samples: np.ndarray, rate: int) -> bytes:
    stream = io.BytesIO()
    with wave.open(stream, "wb") as file:
        file.setnchannels(1 if samples.ndim == 1 else samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.rint(np.clip(samples, -1, 1) * 32767.0).astype("<i2").tobytes())
    return stream.getvalue()


# The settings with which librosa's own spectrogram is compared: those of MusiCNN, whose package
# computes them so.
_SLANEY = {"sample_rate_hz": 16000, "n_fft": 512, "hop": 256, "mels": 96, "f_min_hz": 0.0, "f_max_hz": 8000.0}
_SLANEY |= {"power": 2.0, "center": True, "pad": "constant"}


def audio(downloads: Path) -> dict[str, bytes]:
    settings = convert.settings("yamnet")["audio"]
    reference = yamnet_reference.Reference(convert.yamnet_weights(downloads))
    rate = settings["sample_rate_hz"]
    files = {
        "plucked.wav": _wav(_plucked(rate), rate),
        "beat.wav": _wav(_beat(rate), rate),
        "stereo-44k.wav": _wav(_stereo(44100), 44100),
    }
    cases = []
    for name in list(files):
        samples = front_ends.load_audio(io.BytesIO(files[name]), settings)
        mel = front_ends.log_mel(samples, settings)
        cut = front_ends.patches(mel, settings)
        outputs = [reference.run(patch[0].T) for _, patch in cut]
        features, classes = (np.stack([output[i] for output in outputs]) for i in range(2))
        loudnesses = np.array([front_ends.loudness(samples, start, settings) for start, _ in cut])
        weights = front_ends.pool_weights(loudnesses, features)
        stem = Path(name).stem
        files[f"{stem}.f32"] = mel.astype("<f4").tobytes()
        case = {"file": name, "log_mel": f"{stem}.f32", "layout": "mels_frames", "frames": mel.shape[1]}
        if name == "beat.wav":
            files[f"{stem}-slaney.f32"] = front_ends.slaney_log_mel(samples, _SLANEY).astype("<f4").tobytes()
            case["slaney_log_mel"] = f"{stem}-slaney.f32"
        if name == "stereo-44k.wav":
            files[f"{stem}-16k.f32"] = samples.astype("<f4").tobytes()
            case["resampled"] = f"{stem}-16k.f32"
        case |= {"first_features": _numbers(features[0]), "first_classes": _numbers(classes[0])}
        case |= {"features": _numbers(weights @ features), "classes": _numbers(weights @ classes)}
        cases.append(case)
    files["cases.json"] = _json(cases)
    return files


def _agrees(found, expected) -> bool:
    """Compares two decoded JSON values: numbers as vectors, all else exactly."""
    if isinstance(expected, dict):
        return found.keys() == expected.keys() and all(_agrees(found[k], v) for k, v in expected.items())
    if isinstance(expected, list) and expected and isinstance(expected[0], float):
        return _vectors_agree(np.array(found), np.array(expected))
    if isinstance(expected, list):
        return len(found) == len(expected) and all(map(_agrees, found, expected))
    return found == expected


def _vectors_agree(found: np.ndarray, expected: np.ndarray) -> bool:
    same_shape = found.shape == expected.shape
    return same_shape and np.linalg.norm(found - expected) <= _TOLERANCE * np.linalg.norm(expected)


def _file_agrees(name: str, found: bytes, expected: bytes) -> bool:
    if name.endswith(".json"):
        return _agrees(json.loads(found), json.loads(expected))
    if name.endswith(".f32"):
        return _vectors_agree(np.frombuffer(found, "<f4"), np.frombuffer(expected, "<f4"))
    return found == expected


def film(_downloads: Path) -> dict[str, bytes]:
    """Frames and a sound by rule, so that they need not be kept: a test makes the same."""
    frame, unit = np.arange(film_leaky.FRAMES)[:, None], np.arange(film_leaky.FEATURES)
    features = (frame * 37 + unit * 11 + frame * unit) % 29 / 29
    place = np.arange(film_leaky.SEMANTIC)
    semantics = (frame * 17 + place * 5) % 31 / 31 - 0.5
    sound = place * 7 % 19 / 19 - 0.5
    semantics /= np.linalg.norm(semantics, axis=1, keepdims=True)
    cases = []
    for name, seen, heard in (("both", 1, 1), ("seen", 1, 0), ("heard", 0, 1)):
        film, semantic = film_leaky.reference(seen * features, seen * semantics, heard * sound)
        cases.append({"given": name, "film": _numbers(film), "semantic": _numbers(semantic)})
    return {"cases.json": _json(cases)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--downloads", type=Path, required=True, help="where packages are kept")
    parser.add_argument("--write", action="store_true", help="write the files")
    arguments = parser.parse_args()
    same = True
    makers = {
        "minilm-l6-v2": text,
        "multilingual-e5-small": multilingual_text,
        "efficientnet-lite0": image,
        "yamnet": audio,
        "film-leaky": film,
    }
    for model, make in makers.items():
        folder = convert.MODELS / model / "golden"
        for name, content in make(arguments.downloads).items():
            if arguments.write:
                folder.mkdir(exist_ok=True)
                (folder / name).write_bytes(content)
            agrees = _file_agrees(name, content, (folder / name).read_bytes())
            same &= agrees
            print(f"{'agrees ' if agrees else 'DIFFERS'} {model}/golden/{name} {len(content)} bytes")
    if not same:
        raise SystemExit("a golden file differs from what the original libraries give")


if __name__ == "__main__":
    main()
