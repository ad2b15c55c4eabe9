"""Writes the English lexicon and the emoji's from VADER's, in the form the program reads.

    lexicon.py --downloads DIR [--write]

Without `--write` the files are compared with what is there. From `vaderSentiment` 3.3.2 (MIT; Hutto
and Gilbert 2014): terms without spaces with their mean ratings; negations, boosters and dampeners;
and for each emoji the sum of the ratings of the words that name it.
"""

import argparse
import re
from pathlib import Path

import sources

FOLDER = Path(__file__).resolve().parent.parent.parent / "daemon/encoders/src/sentiment"
_HEAD = "# From vaderSentiment 3.3.2, Copyright (c) 2016 C.J. Hutto, MIT: see LICENSE. Made by models/train/lexicon.py.\n"


def build(downloads: Path) -> dict[str, str]:
    def member(name: str) -> str:
        return sources.member(sources.VADER, f"vaderSentiment/{name}", downloads).decode()

    rated = {}
    for line in member("vader_lexicon.txt").rstrip("\n").split("\n"):
        if line.strip():
            term, rating = line.strip().split("\t")[:2]
            rated[term] = float(rating)
    code = member("vaderSentiment.py").replace("\r\n", "\n")
    constants = {"B_INCR": 0.293, "B_DECR": -0.293}
    for name in ("NEGATE", "BOOSTER_DICT"):
        literal = re.search(rf"^{name} = \\\n(.*?[\]}}])\n", code, re.MULTILINE | re.DOTALL).group(1)
        constants[name] = eval(literal, {}, {key: constants[key] for key in ("B_INCR", "B_DECR")})
    boosters = constants["BOOSTER_DICT"]
    english = {term: f"{rating:g}" for term, rating in rated.items() if " " not in term}
    english |= {word: "more" if by > 0 else "less" for word, by in boosters.items() if " " not in word}
    # "no" is one too before a word with a rating, which is where it is read.
    english |= dict.fromkeys([*constants["NEGATE"], "no"], "not") | {"but": "but"}
    emoji = {}
    for line in member("emoji_utf8_lexicon.txt").rstrip("\n").split("\n"):
        face, name = line.strip().split("\t")[:2]
        rating = sum(rated.get(word, 0.0) for word in re.split(r"[^a-z']+", name.lower()))
        if len(face) == 1 and rating:
            emoji[face] = f"{rating:.1f}"
    return {
        f"{name}.txt": _HEAD + "".join(f"{word} {value}\n" for word, value in sorted(entries.items()))
        for name, entries in (("en", english), ("emoji", emoji))
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--downloads", type=Path, required=True)
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    for name, text in build(arguments.downloads).items():
        if arguments.write:
            (FOLDER / name).write_text(text)
        if (FOLDER / name).read_text() != text:
            raise SystemExit(f"{name} is not what the package gives")
        print(f"same    {name} {text.count(chr(10))} lines")


if __name__ == "__main__":
    main()
