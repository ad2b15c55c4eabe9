"""The names of the labels, read from the packages as facts, never run."""

import ast

# Two ImageNet classes carry the same name in the source: 264 is the dog, 474 the garment.
_RENAMED = {264: "Cardigan Welsh corgi"}


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


def magnatagatune(configuration: bytes) -> list[str]:
    """The 50 tags, from musicnn's `configuration.py`, in the order of the sigmoids."""
    return _checked(_assigned(configuration, "MTT_LABELS"), 50)


def _checked(names: list[str], expected: int) -> list[str]:
    if len(names) != expected or len(set(names)) != expected:
        raise ValueError(f"{len(set(names))} distinct labels of {len(names)}, expected {expected}")
    return names
