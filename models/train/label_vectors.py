"""The bridge to the shared space: one MiniLM vector a label (ConSE, Norouzi et al. 2013).

Each label is put into a prompt, embedded by the original weights, and the mean over all labels is
subtracted: what every label has in common (the prompt, "this is a picture") says nothing about
this one. With scenes, the mean of a label's scenes, centred in the same way, is added. Values are
fp16 little-endian `[labels, 384]`, row by row in the order of the labels.
"""

import numpy as np


def build(names: list[str], prompt: str, reference) -> bytes:
    """`prompt` has one `{}` for the label; `reference` is a `minilm_reference.Reference`."""
    return vectors(names, prompt, reference).tobytes()


def vectors(names: list[str], prompt: str, reference, scenes: list[list[str]] | None = None) -> np.ndarray:
    """The same as an array; `scenes` holds one or more captions a label."""
    found = _centred(reference.embed([prompt.format(name) for name in names]))
    if scenes is not None:
        captions = sorted({caption for of_label in scenes for caption in of_label})
        embedded = dict(zip(captions, reference.embed(captions)))
        means = [np.mean([embedded[caption] for caption in of_label], axis=0) for of_label in scenes]
        found = found + _centred(np.stack(means))
    return found.astype("<f2")


def _centred(vectors: np.ndarray) -> np.ndarray:
    return vectors - vectors.mean(axis=0)
