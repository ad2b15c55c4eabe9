"""Fits the head of a text model that tells a text's sentiment, beside the lexicon.

    sentiment.py --downloads DIR --model NAME [--write]

Learns from sentences that people rated from -4 to 4 (Hutto and Gilbert 2014, in the source package
of vaderSentiment 3.3.2, MIT): snippets of film and product reviews, tweets, and editorials, which
count half. rating = weights . embedding + bias + weight . lexicon, by ridge regression; sentences are
split 6:2:2 by a hash, and the penalty is the one with the best correlation on the valid part. Only
English is learnt from; a multilingual model takes it to other languages. Writes
`learnt/sentiment-NAME.f32`: weights, bias, weight of the lexicon.
"""

import argparse
import hashlib
import io
import tarfile
from pathlib import Path

import numpy as np
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

import sources
import train_projection

LEARNT = Path(__file__).resolve().parent / "learnt"
# Sentences of each kind, and what one counts.
_KINDS = {"movieReviewSnippets": (2600, 1.0), "amazonReviewSnippets": (1400, 1.0), "tweets": (900, 1.0), "nytEditorialSnippets": (400, 0.5)}
_CHARACTERS_MAX = 300
PENALTIES = (0.3, 1.0, 3.0, 10.0, 30.0)
_CLEAR = 0.5  # a rating that says yes or no


def sentences(downloads: Path) -> list[tuple[str, float, str]]:
    """Kind, rating and text, those of each kind in a fixed shuffle."""
    data = sources.member(sources.VADER_RATED, "vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz", downloads)
    found = []
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for kind, (count, _) in _KINDS.items():
            text = archive.extractfile(f"hutto_ICWSM_2014/{kind}_GroundTruth.txt").read().decode(errors="replace")
            rows = [line.split("\t") for line in text.replace("\r", "").split("\n")]
            rows = sorted((row for row in rows if len(row) == 3), key=lambda row: _hash(row[2]))
            found += [(kind, float(rating), sentence[:_CHARACTERS_MAX]) for _, rating, sentence in rows[:count]]
    return found


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--downloads", type=Path, required=True)
    parser.add_argument("--model", choices=("minilm-l6-v2", "multilingual-e5-small"), required=True)
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    rows = sentences(arguments.downloads)
    texts = [text for *_, text in rows]
    tokenizer = train_projection.MODELS / "multilingual-e5-small/sentencepiece.model"
    minilm = arguments.model == "minilm-l6-v2"
    embeddings = train_projection.minilm(texts) if minilm else train_projection.multilingual(texts, tokenizer)
    words = SentimentIntensityAnalyzer()
    lexicon = np.array([words.polarity_scores(text)["compound"] for text in texts])
    x = np.hstack([embeddings.astype(np.float64), lexicon[:, None]])
    y = np.array([rating for _, rating, _ in rows])
    kinds = np.array([kind for kind, *_ in rows])
    weights = np.array([_KINDS[kind][1] for kind in kinds])
    part = np.array([int(_hash(text)[:8], 16) % 10 for text in texts])
    learn, valid, test = part < 6, (part >= 6) & (part < 8), part >= 8

    def fit(penalty: float) -> np.ndarray:
        total = weights[learn].sum()
        x_mean, y_mean = weights[learn] @ x[learn] / total, weights[learn] @ y[learn] / total
        centred = x[learn] - x_mean
        weighted = centred * weights[learn][:, None]
        ridge = np.diag([*[penalty] * (x.shape[1] - 1), 1e-3])
        solved = np.linalg.solve(weighted.T @ centred + ridge, weighted.T @ (y[learn] - y_mean))
        return np.array([*solved[:-1], y_mean - x_mean @ solved, solved[-1]])

    def rate(head: np.ndarray) -> np.ndarray:
        return x[:, :-1] @ head[:-2] + head[-2] + head[-1] * lexicon

    scored = [(np.corrcoef(rate(fit(penalty))[valid], y[valid])[0, 1], penalty) for penalty in PENALTIES]
    print(" ".join(f"{penalty}: {found:.4f}" for found, penalty in scored))
    head = fit(max(scored)[1])
    alone = lexicon[learn] @ y[learn] / (lexicon[learn] @ lexicon[learn])
    print(f"{arguments.model}: penalty {max(scored)[1]}, lexicon {head[-1]:.3f}; alone it is worth {alone:.3f}")
    for name, rated in (("VADER", lexicon), ("both", rate(head))):
        for kind in _KINDS:
            which = test & (kinds == kind)
            clear = which & (np.abs(y) >= _CLEAR)
            right = (np.sign(rated) == np.sign(y))[clear].mean()
            error = 1.96 * np.sqrt(right * (1 - right) / clear.sum())
            r = np.corrcoef(rated[which], y[which])[0, 1]
            print(f"  test {name:5} {kind:20} n {which.sum():3} r {r:.3f}  sign {right:.3f} +- {error:.3f} (n {clear.sum()})")
    if arguments.write:
        (LEARNT / f"sentiment-{arguments.model}.f32").write_bytes(head.astype("<f4").tobytes())


if __name__ == "__main__":
    main()
