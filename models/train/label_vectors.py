"""The bridge to the shared space: one MiniLM vector a label (ConSE, Norouzi et al. 2013).

Each label is put into a prompt, embedded by the original weights, and the mean over all labels is
subtracted: what every label has in common (the prompt, "this is a picture") says nothing about
this one. The file holds fp16 little-endian `[labels, 384]`, row by row in the order of the labels.
"""

import numpy as np


def build(names: list[str], prompt: str, reference) -> bytes:
    """`prompt` has one `{}` for the label; `reference` is a `minilm_reference.Reference`."""
    vectors = reference.embed([prompt.format(name) for name in names])
    return (vectors - vectors.mean(axis=0)).astype("<f2").tobytes()
