"""Trains the three kinds of fusion, seeded, in minutes on two cores.

    fusion_train.py --downloads DIR [--write]

Tasks, jointly: of the views of one item, one in words is kept back as if somebody asked with it,
and the fused vector of the others is to be nearer to it than those of the other items of the
batch, and it to that one (contrastive, both ways); and the fused vector is to lie near the mean of
all the item's words (reconstruction). Media are dropped at random. There are no interactions: no
data set that has them may be used in what is shipped.

Besides its drawing, an item has pictures, sounds and films that are simulated, as the drawings are
further from photographs than words are: a noisy reading of the item's words by the bridge, whose
noise is set so that a simulated picture is as near to its captions as a real photograph's vector
is to its own (cosine 0.40 +- 0.16).

Training stops when the valid items no longer gain. It prints the figures that `fusion_data.md`
records, and with `--write` replaces the shipped networks, their hashes and golden vectors. The
last bits of what is trained depend on the machine, so the files are not compared.
"""

import argparse
import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax

import convert
import fusion
import fusion_data
import fusion_kinds

SEED = 20261122
BATCH, STEPS, EVERY, PATIENCE = 256, 3000, 50, 8
LEARNING_RATE, TEMPERATURE = 1e-3, 0.05
RECONSTRUCTION, CORRECTION = 0.5, 0.5
DROPPED = 0.25
# How a reading of words by labels errs: certainty, noise on each label, noise on the result.
_PICTURE, _SOUND = (15.0, 2.2, 0.3), (15.0, 3.5, 0.6)
_SOUND_LABELS = 300


def _unit(x: np.ndarray) -> np.ndarray:
    return x / np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), 1e-12)


class Batches:
    """Draws items with their media, and asks for each with a view that was kept back."""

    def __init__(self, items: fusion_data.Items, part: int, seed: int):
        chosen = items.part == part
        self._views, self._pictures = items.views[chosen], items.pictures[chosen]
        self._there = np.abs(self._views).sum(axis=2) > 0
        self._rng = np.random.default_rng(seed)
        self._labels = convert.shipped_label_vectors().astype(np.float32)
        self._of_sound = np.random.default_rng(SEED).permutation(len(self._labels))[:_SOUND_LABELS]

    def __len__(self) -> int:
        return len(self._views)

    def _read(self, words: np.ndarray, labels: np.ndarray, errs: tuple[float, float, float]) -> np.ndarray:
        certainty, on_labels, on_result = errs
        logits = certainty * words @ _unit(labels).T + on_labels * self._rng.standard_normal((len(words), len(labels)))
        weights = np.exp(logits - logits.max(axis=1, keepdims=True))
        named = _unit((weights / weights.sum(axis=1, keepdims=True)) @ labels)
        return _unit(named + on_result * _unit(self._rng.standard_normal(named.shape))).astype(np.float32)

    def draw(self, n: int, drop: float = DROPPED, only_real: bool = False):
        """Returns tokens, present, the asking views, and the mean of all words of each item."""
        rng = self._rng
        at = rng.choice(len(self), n, replace=n > len(self))
        keys = np.where(self._there[at], rng.random((n, 3)), 2.0)
        order = np.argsort(keys, axis=1)
        views = self._views[at]
        own, asked = (views[np.arange(n), order[:, k]] for k in range(2))
        mean = _unit(views.sum(axis=1))
        tokens = np.zeros((n, fusion_kinds.TOKENS, fusion_kinds.WIDTH), np.float32)
        simulated = self._read(mean, self._labels, _PICTURE)
        drawn = np.ones((n, 1), bool) if only_real else rng.random((n, 1)) < 0.5
        tokens[:, 0], tokens[:, 1] = own, np.where(drawn, self._pictures[at], simulated)
        present = np.zeros((n, fusion_kinds.TOKENS), np.float32)
        present[:, :2] = 1.0
        if not only_real:
            tokens[:, 2] = self._read(mean, self._labels[self._of_sound], _SOUND)
            frames = self._read(mean, self._labels, _PICTURE) + self._read(mean, self._labels, _PICTURE)
            tokens[:, 3] = _unit(frames + 0.3 * tokens[:, 2])
            present[:, 2:] = rng.random((n, 2)) < 0.25
        kept = present * (rng.random(present.shape) >= drop)
        present = np.where(kept.sum(axis=1, keepdims=True) > 0, kept, present)
        return tokens * present[:, :, None], present, asked, mean


def _loss(kind: str, w: dict, tokens, present, asked, mean):
    fused, shares = fusion_kinds.fuse(jnp, kind, w, tokens, present)
    scores = fused @ asked.T / TEMPERATURE
    own = jnp.arange(len(asked))
    contrast = -(jax.nn.log_softmax(scores, axis=1)[own, own] + jax.nn.log_softmax(scores, axis=0)[own, own]).mean() / 2
    rebuilt = (1.0 - (fused * mean).sum(axis=1)).mean()
    plain = (shares[:, :, None] * tokens).sum(axis=1)
    plain = plain / jnp.maximum(jnp.sqrt((plain * plain).sum(axis=1, keepdims=True)), 1e-12)
    moved = (1.0 - (fused * plain).sum(axis=1)).mean()
    return contrast + RECONSTRUCTION * rebuilt + CORRECTION * moved


def reciprocal_rank(kind: str, w: dict, tokens, present, asked) -> float:
    """The mean reciprocal rank of the items by their asking views."""
    fused, _ = fusion_kinds.fuse(np, kind, w, tokens, present)
    scores = asked @ fused.T
    ranks = (scores > np.diagonal(scores)[:, None]).sum(axis=1)
    return float((1.0 / (1.0 + ranks)).mean())


def train(kind: str, items: fusion_data.Items) -> dict[str, np.ndarray]:
    batches = Batches(items, 0, SEED)
    valid = Batches(items, 1, SEED + 1).draw(len(Batches(items, 1, 0)))
    weights = {name: jnp.asarray(value) for name, value in fusion_kinds.initial(kind, SEED).items()}
    optimiser = optax.adamw(optax.cosine_decay_schedule(LEARNING_RATE, STEPS), weight_decay=1e-2)
    state = optimiser.init(weights)

    @jax.jit
    def step(weights, state, *batch):
        value, gradient = jax.value_and_grad(lambda w: _loss(kind, w, *batch))(weights)
        change, state = optimiser.update(gradient, state, weights)
        return optax.apply_updates(weights, change), state, value

    best, best_loss, since = None, np.inf, 0
    valid_loss = jax.jit(lambda w: _loss(kind, w, *valid))
    for number in range(STEPS + 1):
        if number % EVERY == 0:
            loss = float(valid_loss(weights))
            if loss < best_loss - 1e-4:
                best, best_loss, since = weights, loss, 0
            else:
                since += 1
            if since == PATIENCE:
                break
        weights, state, _ = step(weights, state, *batches.draw(BATCH))
    print(f"{kind}: {number} steps, valid loss {best_loss:.4f}")
    return {name: np.asarray(value) for name, value in best.items()}


def write(kind: str, weights: dict[str, np.ndarray]) -> None:
    """Replaces the folder's network, the hash in its `model.toml`, and its golden vectors."""
    model = f"fusion-{kind}"
    # What is golden is the weights as stored.
    stored = {name: value.astype(np.float16).astype(np.float32) if value.size > 4096 else value for name, value in weights.items()}
    convert.write(model, {"model.onnx": fusion.build(kind, stored).SerializeToString(deterministic=True)})
    rows = [{key: [float(f"{v:.7g}") for v in value.reshape(-1)] for key, value in case.items()} for case in fusion.cases(kind, stored, SEED)]
    lines = [json.dumps(row, separators=(",", ":")) for row in rows]
    golden = convert.MODELS / model / "golden"
    golden.mkdir(exist_ok=True)
    (golden / "cases.json").write_text("[\n" + ",\n".join(lines) + "\n]\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--downloads", type=Path, required=True, help="where packages are kept")
    parser.add_argument("--write", action="store_true", help="write the networks and their hashes")
    arguments = parser.parse_args()
    items = fusion_data.read(arguments.downloads)
    print(f"{len(items.part)} items, {np.bincount(items.part)} to train, to stop, to report")
    trained = {kind: train(kind, items) for kind in fusion_kinds.TRAINED}
    if arguments.write:
        for kind, weights in {"mean": fusion_kinds.initial("mean", SEED), **trained}.items():
            write(kind, weights)
    mean = fusion_kinds.initial("mean", 0)
    for part, name in ((1, "valid"), (2, "test")):
        for real in (True, False):
            tokens, present, asked, _ = Batches(items, part, SEED + 2).draw(int((items.part == part).sum()), 0.0, real)
            media = "words and drawing" if real else "words and simulated media"
            alone = [present * np.eye(4, dtype=np.float32)[m] for m in range(2)]
            figures = {
                "words alone": reciprocal_rank("mean", mean, tokens * alone[0][:, :, None], alone[0], asked),
                "picture alone": reciprocal_rank("mean", mean, tokens * alone[1][:, :, None], alone[1], asked),
                "mean": reciprocal_rank("mean", mean, tokens, present, asked),
                **{kind: reciprocal_rank(kind, w, tokens, present, asked) for kind, w in trained.items()},
            }
            print(f"{name}, {media}: " + ", ".join(f"{kind} {value:.3f}" for kind, value in figures.items()))


if __name__ == "__main__":
    main()
