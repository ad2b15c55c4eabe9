"""Film as ONNX: 16 frames in the order of time and the sound track in, one film out.

Nothing in it is learnt. A leaky integrator goes over the frames (h = 0.7 h + 0.3 x); what counts is
where the frames lie on the whole (their mean) and how each departs from what the integrator holds
when it comes (mean of |x - h|, unit by unit). The second says what moves and when: a film played
backwards gives another one. As frames are 16, the recurrence is written as one constant 16 x 16 matrix.

Features are taken by their square roots (Hellinger), which keeps a few strong units from hiding the
rest: Perronnin et al., "Improving the Fisher kernel for large-scale image classification", ECCV 2010.

What was tried beside it is in measure_film.py's table in ../README.md.
"""

import numpy as np
import onnx

from graph import Graph

FRAMES = 16
FEATURES = 1280  # of efficientnet-lite0
SEMANTIC = 384
LEAK = 0.3
SOUND_IN_EMBEDDING = 0.3
SOUND_IN_SEMANTIC = 0.25
# Departures shorter than about this are noise of the codec and stay short: a still is no motion.
STILL = 0.1
DIM = 2 * FEATURES + SEMANTIC


def departure() -> np.ndarray:
    """The matrix that takes frames `[16, dim]` to x - h, where h is held before x comes."""
    held = np.zeros((FRAMES, FRAMES))
    held[0, 0] = 1.0
    state = np.zeros(FRAMES)
    state[0] = 1.0
    for frame in range(1, FRAMES):
        held[frame] = state
        state = (1.0 - LEAK) * state
        state[frame] += LEAK
    return np.eye(FRAMES) - held


def _unit(g: Graph, x: str, axis: int, floor: float) -> str:
    """x / sqrt(|x|^2 + floor^2)."""
    square = g.op("ReduceSum", g.op("Mul", x, x), g.ints(axis), keepdims=1)
    length = g.op("Sqrt", g.op("Add", square, g.scalar(f"floor_{floor:g}", floor * floor)))
    return g.op("Div", x, length)


def _mean(g: Graph, x: str) -> str:
    return g.op("ReduceMean", x, axes=[0], keepdims=1)


def build() -> onnx.ModelProto:
    """Inputs `features` `[16, 1280]` and `semantics` `[16, 384]` of the frames, and `sound`
    `[1, 384]`, the semantic vector of the sound track; what is absent is zeros. Outputs `film`
    `[1, 2944]` and `semantic` `[1, 384]`."""
    g = Graph("film-leaky", np.float32)
    roots = _unit(g, g.op("Sqrt", g.op("Relu", "features")), 1, 1e-6)
    departures = g.op("Abs", g.op("MatMul", g.const("departure", departure().astype(np.float32)), roots))
    parts = [_unit(g, _mean(g, roots), 1, 1e-6), _unit(g, _mean(g, departures), 1, STILL)]
    heard = _unit(g, "sound", 1, 1e-6)
    g.op("Concat", *parts, g.op("Mul", heard, g.scalar("sound_in_embedding", SOUND_IN_EMBEDDING)), axis=1, output="film")
    seen = _unit(g, _mean(g, "semantics"), 1, 1e-6)
    g.op("Add", seen, g.op("Mul", heard, g.scalar("sound_in_semantic", SOUND_IN_SEMANTIC)), output="semantic")
    return g.finish(
        [
            ("features", "float32", [FRAMES, FEATURES]),
            ("semantics", "float32", [FRAMES, SEMANTIC]),
            ("sound", "float32", [1, SEMANTIC]),
        ],
        [("film", "float32", [1, DIM]), ("semantic", "float32", [1, SEMANTIC])],
        "A leaky integrator over the frames of a film; nothing learnt",
    )


def reference(features: np.ndarray, semantics: np.ndarray, sound: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same by the recurrence itself, at fp64: unit vectors of film and semantic."""

    def unit(x: np.ndarray, floor: float = 1e-6) -> np.ndarray:
        return x / np.sqrt((x * x).sum() + floor * floor)

    frames = [unit(np.sqrt(np.maximum(frame, 0.0))) for frame in features.astype(np.float64)]
    state, motion = frames[0], np.zeros(features.shape[1])
    for frame in frames:
        motion += np.abs(frame - state) / len(frames)
        state = (1.0 - LEAK) * state + LEAK * frame
    heard = unit(sound.astype(np.float64).reshape(-1))
    film = np.concatenate([unit(np.mean(frames, 0)), unit(motion, STILL), SOUND_IN_EMBEDDING * heard])
    semantic = unit(semantics.astype(np.float64).mean(0)) + SOUND_IN_SEMANTIC * heard
    return unit(film), unit(semantic)
