"""The names of the labels, read from the packages as facts, never run."""

import ast
import csv
import io

# Two ImageNet classes carry the same name in the source: 264 is the dog, 474 the garment.
_RENAMED = {264: "Cardigan Welsh corgi"}
# Names among the words of AudioSet's classes.
_PROPER = {"Africa", "America", "Asia", "Bollywood", "Carnatic", "Christian", "Christmas", "Doppler", "Eastern", "French", "Hammond", "Latin", "Middle"}


def _assigned(source: bytes, name: str) -> list[str]:
    """The list literal that a Python source assigns to `name` at its top level."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and node.targets[0].id == name:
            return ast.literal_eval(node.value)
    raise KeyError(name)


def imagenet(meta: bytes) -> list[str]:
    """The 1000 ImageNet class names, from torchvision's `_meta.py`, in the order of the logits."""
    names = _assigned(meta, "_IMAGENET_CATEGORIES")
    for index, name in _RENAMED.items():
        names[index] = name
    return _checked(names, 1000)


def audioset(class_map: bytes) -> list[str]:
    """The 521 classes of YAMNet, from its `yamnet_class_map.csv`, in the order of the sigmoids, in
    lower case but for names and letters that stand for words."""
    names = [row["display_name"] for row in csv.DictReader(io.StringIO(class_map.decode()))]
    return _checked([" ".join(map(_lower, name.split(" "))) for name in names], 521)


def _lower(word: str) -> str:
    return word if word in _PROPER or word.isupper() and len(word) > 1 else word.lower()


def _checked(names: list[str], expected: int) -> list[str]:
    if len(names) != expected or len(set(names)) != expected:
        raise ValueError(f"{len(set(names))} distinct labels of {len(names)}, expected {expected}")
    return names
