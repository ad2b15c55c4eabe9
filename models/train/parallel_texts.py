"""Texts to learn the projection from: English ones, and English ones with their translations.

    parallel_texts.py --lists DIR --wordnet DIR --cldr DIR --out FILE.jsonl

One text a line: {"group", "language", "text", "english"}. What belongs together (a package, an
emoji) has one group, so that a split by group never parts it. Packages that have AppStream metadata
are left out, so that AppStream stays unseen.

Sources, all free to use and to build on:
- Debian's package descriptions and their translations (apt's `Translation-*` of bookworm, and its
  DEP-11 file for what to leave out): free software, as the packages they describe;
- WordNet 3.0, package wordnet-base 3.0-37 (WordNet licence): glosses and examples, English only;
- CLDR 48.2 annotations, npm package cldr-annotations-full (Unicode-3.0): names and keywords of emoji.
"""

import argparse
import gzip
import hashlib
import json
import re
from pathlib import Path

LANGUAGES = "zh_CN zh_TW ja ko de fr es it pt pt_BR nl sv da pl cs ru".split()
_CLDR = {"zh_CN": "zh", "zh_TW": "zh-Hant", "pt_BR": "pt"}
_DENSE = ("zh_CN", "zh_TW", "ja")  # written without spaces: wrapped lines are joined without one
GLOSSES, ENGLISH, TRANSLATED = 14_000, 5_000, 1_600  # the latter for each language


def order(key: str) -> str:
    """A fixed shuffle."""
    return hashlib.sha256(key.encode()).hexdigest()


def _stanzas(path: Path):
    import lz4.frame

    stanza = re.compile(r"Package: (\S+)\nDescription-md5: (\S+)\nDescription-\S+: (.*?)\n(?=\n|\Z)", re.DOTALL)
    for match in stanza.finditer(lz4.frame.decompress(path.read_bytes()).decode()):
        yield match.groups()


def _description(text: str, dense: bool) -> tuple[str, str]:
    """The short description, and the first paragraph of the long one."""
    short, _, long = text.partition("\n")
    lines = []
    for line in long.split("\n"):
        if line.strip() in ("", "."):
            break
        lines.append(line.strip())
    return short.strip(), ("" if dense else " ").join(lines)


def debian(lists: Path) -> list[dict]:
    (appstream,) = lists.glob("*_dep11_Components-amd64.yml.gz")
    packages = re.findall(r"^Package: (\S+)$", gzip.decompress(appstream.read_bytes()).decode(), re.MULTILINE)
    shown = set(packages)
    english, rows = {}, []
    for package, md5, text in _stanzas(next(lists.glob("*_Translation-en.lz4"))):
        if package not in shown:
            english[md5] = (package, _description(text, False))
    for md5 in sorted(english, key=order)[:ENGLISH]:
        package, (short, long) = english[md5]
        text = short if order(package) < "8" else long
        if text:
            rows.append({"group": package, "language": "en", "text": text, "english": text})
    for language in LANGUAGES:
        (path,) = lists.glob(f"*_Translation-{language.replace('_', '%5f')}.lz4")
        found = []
        for package, md5, text in _stanzas(path):
            if md5 not in english:
                continue
            ours, theirs = english[md5][1], _description(text, language in _DENSE)
            which = 0 if order(md5) < "8" else 1
            if ours[which] and theirs[which] and theirs[which] != ours[which]:
                pair = {"language": language, "text": theirs[which], "english": ours[which]}
                found.append({"group": package, **pair})
        rows += sorted(found, key=lambda row: order(row["group"] + row["text"]))[:TRANSLATED]
    return rows


def wordnet(folder: Path) -> list[dict]:
    rows = []
    for path in sorted(folder.glob("data.*")):
        for line in path.read_text().split("\n"):
            if line.startswith("  ") or "|" not in line:
                continue
            word = line.split()[4].replace("_", " ")
            gloss = line.partition("|")[2].strip()
            examples = re.findall(r'"([^"]+)"', gloss)
            meaning = gloss.partition('; "')[0]
            text = {0: f"{word}: {meaning}", 1: meaning}.get(int(order(gloss)[0], 16) % 3, examples[0] if examples else meaning)
            rows.append({"group": f"wn {word}", "language": "en", "text": text, "english": text})
    return sorted(rows, key=lambda row: order(row["text"]))[:GLOSSES]


def cldr(folder: Path) -> list[dict]:
    def read(language: str) -> dict:
        path = folder / "annotations" / language / "annotations.json"
        return json.loads(path.read_text())["annotations"]["annotations"]

    def words(entry: dict) -> list[str]:
        return [", ".join(entry[key]) for key in ("tts", "default") if entry.get(key)]

    ours, rows = read("en"), []
    for language in LANGUAGES:
        for emoji, entry in read(_CLDR.get(language, language)).items():
            if emoji not in ours or language == "pt_BR":
                continue
            for theirs, english in zip(words(entry), words(ours[emoji])):
                rows.append({"group": f"emoji {emoji}", "language": language, "text": theirs, "english": english})
    rows.sort(key=lambda row: order(row["language"] + row["text"]))
    return [row for row in rows if order(row["group"] + row["language"])[0] in "0123456"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--lists", type=Path, required=True, help="apt's lists, with translations")
    parser.add_argument("--wordnet", type=Path, required=True, help="usr/share/wordnet of wordnet-base")
    parser.add_argument("--cldr", type=Path, required=True, help="the unpacked cldr-annotations-full")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    rows = debian(arguments.lists) + wordnet(arguments.wordnet) + cldr(arguments.cldr)
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    arguments.out.write_text("\n".join(lines) + "\n")
    print(f"{len(rows)} texts, sha256 {hashlib.sha256(arguments.out.read_bytes()).hexdigest()}")


if __name__ == "__main__":
    main()
