"""Measures how a cosine tells a match from an accident, and writes the recommender's constants.

    relevance.py [--program ATTUNED] [--write]

One logistic regression for each kind of pair (words and a picture, a picture and a picture ...):
from the cosine, from the mean and deviation of the query's cosines to all items of the kind, and
from how many these are, to the log-odds that the item is a right answer. Fitted on one half of real data, measured on the
other; the halves are told apart by a hash of the items' names. `--write` replaces
`daemon/recommender/src/relevance/calibration.rs`.

The vectors are made by the program itself (`attuned encode`), so whatever its models are, this
fits them: run it again after every change of a model. The data is not part of the project; it is
looked for in `../shared/data` beside the repository, or under `$ATTUNED_SHARED/data`.
"""

import argparse
import csv
import json
import os
import random
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np

import fusion_kinds

ROOT = Path(__file__).resolve().parent.parent.parent
TARGET = ROOT / "daemon/recommender/src/relevance/calibration.rs"
DATA = Path(os.environ.get("ATTUNED_SHARED", ROOT.parent / "shared")) / "data"

# Cosine of two labels from which on their pictures are related, and below which they are not.
RELATED, UNRELATED = 0.5, 0.3
# Living things whose pictures are related whatever they are called: where the offsets of a group's
# names in WordNet 3.0 begin and end.
GROUPS = {
    "bird": [(1514668, 1622779), (1795545, 1860187), (2002556, 2058221)], "fish": [(1440764, 1498041), (2514041, 2655020)],
    "amphibian": [(1629819, 1644900)], "reptile": [(1664065, 1756291)], "spider": [(1768244, 1784675)],
    "crustacean": [(1978287, 1990800)], "whale": [(2066245, 2077923)], "dog": [(2085620, 2120505)],
    "cat": [(2123045, 2130308)], "bear": [(2132136, 2134418)], "insect": [(2165105, 2281787)],
    "hoofed animal": [(2389026, 2437616)], "monkey": [(2480495, 2500267)], "fruit": [(7714571, 7768694)],
}
# As in `relevance.rs`.
UNRELATED_PRIOR = 20
ORIGINS = ["text", "image", "audio", "video", "several"]
# Catalogues are drawn in these sizes.
SIZES = [5, 20, 80, 400, 1200]
# Queries drawn for each pair and size.
DRAWS = 400
# The cut is where both rates are equally far above these, the second by what is asked with. Whoever
# asks with a picture wants the nearest rather than nothing, and of what is near a photograph people
# disagree whether it is alike; which sounds are alike the sounds' own space says better. Words must be surer,
# as a mixed catalogue gives an accident a chance with every kind of item.
KEPT, LEFT_OUT = 0.95, {"text": 0.97, "several": 0.94, "audio": 0.85, "image": 0.5, ("audio", "audio"): 0.95}
# In a medium's own space only what is surely alike counts, as the shared space is asked as well: of
# queries without an answer this share is below the cut, and a unit of the cosine is worth this.
OWN_LEFT_OUT, OWN_SLOPE = 0.97, 12.0
# The ridge on standardised features.
RIDGE = 0.01
# Where a unit of the cosine is worth fewer log-odds, the pair tells nothing by itself, and what was
# measured of the likest pair stands for it.
SLOPE_MIN = 4.0

# What a rule may look at, of cosine, mean, deviation and size: the first unless another is better by
# more than this. Pictures among pictures have a background that says how many like them are there.
COLUMNS, WORTH_MIN = ([0, 1, 2, 3], [0, 3], [0]), 0.005

OFF_TOPIC = """tax return form 1040|how do I renew my passport|quarterly earnings report of a bank
quantum chromodynamics on a lattice|mitochondrial DNA sequencing protocol|statute of limitations in contract law
kubernetes ingress controller configuration|interest rates of the central bank|symptoms of appendicitis
COBOL mainframe migration|peer review of a journal article|invoice number 48213 overdue
parliamentary election results 1974|thermodynamics of ideal gases|insurance claim for water damage
how to file for bankruptcy|periodic table of the elements|grammar of the ancient Greek aorist
employment contract notice period|vaccination certificate|stock market index futures|etymology of a word
blood pressure medication side effects|philosophy of Immanuel Kant|Treaty of Westphalia|refinancing a mortgage
semiconductor doping profile|proof of Fermat's last theorem|import numpy as np|SELECT * FROM users WHERE id = 1
capital of Burkina Faso|tectonic plate subduction|antitrust regulation|molecular weight of sodium chloride
voter registration deadline|pension fund contributions|null pointer exception|password reset link expired
my order has not arrived|lorem ipsum dolor sit amet|medieval tax law|gene expression in yeast
supply chain logistics|linear regression assumptions|gdp per capita growth|marginal utility theory
macroeconomic policy|radioactive decay of uranium|court of appeal ruling|sulphuric acid titration
epistemology seminar notes|patent infringement lawsuit|quarantine regulations of 1918|audit of annual accounts
endocrine disorders in adults|Bayesian inference with conjugate priors|inflation adjusted wages|notary public
municipal zoning ordinance|customs declaration form|dental insurance premium|chemical equilibrium constant
kidney transplant waiting list|social security number|diplomatic immunity|antibiotic resistance
shareholder meeting minutes|warranty terms and conditions|visa application fee|income statement
boolean satisfiability problem|Gregorian calendar reform|compound interest formula|probate of a will""".replace("\n", "|").split("|")
CONSONANTS, VOWELS = "bcdfghjklmnpqrstvwxz", "aeiouy"
PLAIN_WORDS = """gravel ontology theorem velvet banana purple seventeen lever syntax marble quorum tangent
copper verdict sponge axiom ledger turnip clause vortex plinth subsidy enzyme tariff gusset morale quartz
rebate tendon syllable fulcrum decimal mortar treason gelatin invoice cadence rhombus surplus membrane""".split()


def odd_half(name):
    """Whether a name belongs to the half that is measured on: by bit 32 of its FNV-1a hash."""
    value = 0xCBF29CE484222325
    for byte in name.encode():
        value = ((value ^ byte) * 0x100000001B3) % 2**64
    return bool(value >> 32 & 1)


def unit(x):
    return x / np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), 1e-12)


class Encoder:
    """Vectors by the program, kept in memory."""

    def __init__(self, program):
        self._program, self._known = program, {}

    def __call__(self, modality, contents):
        new = [c for c in dict.fromkeys(contents) if (modality, c) not in self._known]
        for start in range(0, len(new), 400):
            some = new[start : start + 400]
            option = "--text" if modality == "text" else f"--{modality}"
            arguments = [f"{option}={content}" for content in some]
            run = subprocess.run([self._program, "encode", "--json", *arguments], stdout=subprocess.PIPE, check=False)
            lines = run.stdout.decode().splitlines()
            if len(lines) != len(some):
                sys.exit(f"{self._program} encoded {len(lines)} of {len(some)} inputs")
            for content, line in zip(some, lines):
                made = json.loads(line)
                vectors = unit(np.array(made["semantic"], np.float32)), unit(np.array(made["embedding"], np.float32))
                self._known[modality, content] = vectors
        semantic, own = zip(*(self._known[modality, content] for content in contents))
        return np.stack(semantic), np.stack(own)


def rows(path):
    with (DATA / path).open(newline="") as file:
        return list(csv.DictReader(file))


def off_topic(seed):
    """Queries that match nothing: other matters, words at random, letters at random."""
    dice = random.Random(seed)
    odd = seed % 2
    queries = [query for query in OFF_TOPIC if zlib.crc32(query.encode()) % 2 == odd]
    queries += [" ".join(dice.sample(PLAIN_WORDS, 3)) for _ in range(len(queries) // 4)]
    letters = lambda: "".join(dice.choice(CONSONANTS + VOWELS) for _ in range(dice.randint(4, 8)))
    queries += [" ".join(letters() for _ in range(dice.randint(1, 3))) for _ in range(len(queries) // 5)]
    return queries


class Pair:
    """Queries, items, and which item answers which query.

    `classes` says that the answers to a query are all items of its class, so that a catalogue
    without the class has none; `share`, how many of the draws it gets, fewer for one word that may
    be seen in a corner of a photograph; `itself`, that each query is among the items and asks for others;
    `unclear`, which items neither answer a query nor are wrong, and stay out of its catalogues.
    """

    def __init__(self, name, query, item, queries, items, right, off, classes=False, itself=False, share=1.0, unclear=None):
        self.share, self.unclear = share, unclear
        self.name, self.query, self.item, self.classes, self.itself = name, query, item, classes, itself
        self.queries, self.items, self.right, self.off = queries, items, right, off

    def samples(self, dice):
        """Rows of cosine, mean, deviation; answer, weight and kind of each; the size of the catalogue."""
        found = []
        for size in SIZES:
            if size > len(self.items) * 1.3:
                continue
            for _ in range(int(DRAWS * self.share)):
                k = dice.integers(len(self.queries))
                right = self.right[k]
                if len(right) == 0:
                    continue
                unclear = [] if self.unclear is None else self.unclear[k]
                others = np.setdiff1d(np.arange(len(self.items)), [*right, *unclear, *([k] if self.itself else [])])
                drawn = dice.choice(others, min(size, len(others)), replace=False)
                # Of a class, a catalogue holds a few.
                few = dice.choice(right, min(len(right), 1 + size // 20, 5), replace=False)
                items = self.items[np.r_[few, drawn]]
                cosines = items @ self.queries[k]
                best, wrong = cosines[: len(few)].max(), cosines[len(few) :]
                if (cosines > best).sum() < 10:
                    found.append((*background(cosines), best, 1, 1.0, 0, size))
                found.append((*background(cosines), dice.choice(wrong), 0, 1.0, 1, size))
                if self.classes:
                    found.append((*background(wrong), wrong.max(), 0, 0.3, 2, size))
                if len(self.off):
                    cosines = items @ self.off[dice.integers(len(self.off))]
                    found.append((*background(cosines), cosines.max(), 0, 1.0, 3, size))
        table = np.array(found)
        return table[:, [3, 0, 1, 2]], table[:, 4], table[:, 5], table[:, 6].astype(int), table[:, 7].astype(int)


USUAL = (0.01, 0.055)


def background(cosines, usual=USUAL):
    count = len(cosines) + UNRELATED_PRIOR
    mean = (cosines.sum() + UNRELATED_PRIOR * usual[0]) / count
    square = ((cosines**2).sum() + UNRELATED_PRIOR * (usual[0] ** 2 + usual[1] ** 2)) / count
    return mean, np.sqrt(max(square - mean**2, 0.0)), np.log(count)


def fit(x, y, weights):
    """Logistic regression by Newton's method; both answers weigh the same."""
    centre, scale = x.mean(0), x.std(0) + 1e-9
    z = np.c_[(x - centre) / scale, np.ones(len(x))]
    weights = weights / np.where(y == 1, weights[y == 1].sum(), weights[y == 0].sum())
    ridge = np.r_[np.full(x.shape[1], RIDGE), 0.0]
    b = np.zeros(z.shape[1])
    for _ in range(50):
        p = 1 / (1 + np.exp(-np.clip(z @ b, -30, 30)))
        gradient = z.T @ (weights * (p - y)) + ridge * b
        hessian = (z * (weights * p * (1 - p))[:, None]).T @ z + np.diag(ridge + 1e-9)
        step = np.linalg.solve(hessian, gradient)
        b -= step
        if np.abs(step).max() < 1e-8:
            break
    slopes = b[:-1] / scale
    return np.r_[slopes, b[-1] - slopes @ centre]


def fit_of(columns, x, y, weights):
    """The same from some of the columns; the others weigh nothing."""
    fitted = fit(x[:, columns], y, weights)
    rule = np.zeros(x.shape[1] + 1)
    rule[[*columns, -1]] = fitted
    return rule


def log_odds(x, rule):
    return x @ rule[:-1] + rule[-1]


def cut(scores, kind, left_out):
    """The log-odds at which right answers are kept and off-topic queries left out equally well, and how well."""
    right, off = scores[kind == 0], scores[(kind == 3) | ((kind == 2) if not (kind == 3).any() else False)]
    places = np.unique(np.r_[right, off])
    kept = np.array([(right >= place).mean() for place in places])
    out = np.array([(off < place).mean() for place in places])
    worth = np.minimum(kept - KEPT, out - left_out)
    return places[np.argmax(worth)], worth.max()


def calibrated(key, x, y, weights, kind):
    """The constants of a kind of pair."""
    if key[1].startswith("own"):
        threshold = np.quantile(x[kind >= 2, 0], OWN_LEFT_OUT)
        return np.array([OWN_SLOPE, 0, 0, 0, -OWN_SLOPE * threshold])
    best = None
    for columns in COLUMNS:
        rule = fit_of(columns, x, y, weights)
        place, worth = cut(log_odds(x, rule), kind, LEFT_OUT.get(key, LEFT_OUT[key[0]]))
        if best is None or (rule[0] >= SLOPE_MIN and worth > best[0] + WORTH_MIN):
            rule[-1] -= place
            best = worth, rule
    return best[1]


def rates(scores, kind, size, sizes=None):
    """Shares at log-odds 0: kept right answers, off-topic queries and absent classes without any."""
    told = []
    for which, above in ((0, True), (3, False), (2, False)):
        chosen = (kind == which) if sizes is None else (kind == which) & (size == sizes)
        told.append(float(((scores[chosen] >= 0) == above).mean()) if chosen.any() else float("nan"))
    return told


def fused(words, pictures):
    """Items of words and a picture, as the model of fusion that is used joins them."""
    tokens = np.zeros((len(words), fusion_kinds.TOKENS, fusion_kinds.WIDTH), np.float32)
    tokens[:, 0], tokens[:, 1] = words, pictures
    present = np.tile(np.array([1, 1, 0, 0], np.float32), (len(words), 1))
    return fusion_kinds.fuse(np, "mean", fusion_kinds.initial("mean", 0), tokens, present)[0]


def pairs(encode, half):
    """Everything to fit or measure on; `half` is 0 or 1."""
    mine = lambda name: odd_half(name) == bool(half)
    off = encode("text", off_topic(half))[0]
    found = []

    def add(name, query, item, queries, items, right, off=off, classes=False, share=1.0):
        right = [np.asarray(places) for places in right]
        found.append(Pair(name, query, item, queries, items, right, off, classes, share=share))

    # Photographs and what people wrote of them; the objects in them are queries of one word.
    captions = {}
    for row in rows("image-coco-captions/captions.csv"):
        if mine(row["file"]):
            captions.setdefault(row["file"], []).append(row["caption"].strip())
    files = sorted(captions)
    objects = {row["file"]: set(row["objects"].split("|")) for row in rows("image-coco-captions/labels.csv")}
    photos = encode("image", [str(DATA / "image-coco-captions/images" / file) for file in files])[0]
    first = encode("text", [captions[file][0] for file in files])[0]
    rest = [(place, text) for place, file in enumerate(files) for text in captions[file][1:]]
    others = encode("text", [text for _, text in rest])[0]
    own = [[place] for place, _ in rest]
    both = fused(first, photos)
    names = sorted(set().union(*(objects[file] for file in files)))
    named = encode("text", names)[0]
    having = [[place for place, file in enumerate(files) if name in objects[file]] for name in names]
    for item, items in (("image", photos), ("text", first), ("several", both)):
        add("caption", "text", item, others, items, own)
        add("object", "text", item, named, items, having, classes=True, share=0.3)
    add("photo, caption", "image", "text", photos, others, [np.flatnonzero([p == k for p, _ in rest]) for k in range(len(files))], off=np.empty((0, 384)))
    add("photo and caption, caption", "several", "text", both, others, [np.flatnonzero([p == k for p, _ in rest]) for k in range(len(files))], off=off)

    # Descriptions of software, asked for by a summary and by a keyword; of films nobody asks.
    software = [json.loads(line) for line in (DATA / "items-appstream/items.jsonl").open()]
    software = [item for item in software if mine(item["id"])]
    texts = [f"{item['name']['C']}. {item['description'].get('C', '')}"[:600] for item in software]
    described = encode("text", texts)[0]
    summaries = encode("text", [item["summary"]["C"] for item in software])[0]
    add("summary", "text", "text", summaries, described, [[k] for k in range(len(software))], off=np.r_[off, others[::4]])
    words = [(k, w) for k, item in enumerate(software) for w in (item.get("keywords") or [])[:1] if w.isascii() and len(w) > 2]
    keywords = encode("text", [word for _, word in words])[0]
    add("keyword", "text", "text", keywords, described, [[k] for k, _ in words], off=np.r_[off, others[::4]], share=0.3)
    with_icon = [k for k, item in enumerate(software) if (DATA / "items-appstream/icons" / str(item.get("icon"))).is_file()][:300]
    icons = encode("image", [str(DATA / "items-appstream/icons" / software[k]["icon"]) for k in with_icon])[0]
    iconed = fused(described[with_icon], icons)
    add("summary", "text", "several", summaries[with_icon], iconed, [[k] for k in range(len(with_icon))], off=np.r_[off, others[::4]])
    add("software, software", "several", "several", fused(summaries[with_icon], icons), iconed, [[k] for k in range(len(with_icon))], off=both)
    add("photo, software", "image", "text", photos, others, [np.flatnonzero([p == k for p, _ in rest]) for k in range(len(files))], off=icons)

    # Pictures of named classes.
    labelled = [row for row in rows("image-imagenet-samples/labels.csv") if mine(row["file"])]
    pictures = encode("image", [str(DATA / "image-imagenet-samples/images" / row["file"]) for row in labelled])[0]
    labels = encode("text", [row["label"].replace("_", " ") for row in labelled])[0]
    add("label", "text", "image", labels, pictures, [[k] for k in range(len(labelled))], classes=True)
    add("picture, label", "image", "text", pictures, labels, [[k] for k in range(len(labelled))], off=np.empty((0, 384)), classes=True)
    own = encode("image", [str(DATA / "image-imagenet-samples/images" / row["file"]) for row in labelled])[1]
    # Pictures of one group, or whose names mean much the same, answer each other, as two dogs do;
    # of those whose names are neither near nor far nobody can tell.
    groups = np.array([group(row["wnid"]) or row["wnid"] for row in labelled])
    alike, near = groups[:, None] == groups, labels @ labels.T
    related, unclear = alike | (near > RELATED), ~alike & (near >= UNRELATED) & (near <= RELATED)
    right = [np.setdiff1d(np.flatnonzero(row), [k]) for k, row in enumerate(related)]
    unclear = [np.flatnonzero(row) for row in unclear]
    photographs = [f"a photo of a {row['label'].replace('_', ' ')}" for row in labelled]
    both = fused(encode("text", photographs)[0], pictures)
    for item, queries, items in (
        ("image", pictures, pictures), ("own image", own, centred(own)), ("several", pictures, both), ("text", pictures, labels),
    ):
        found.append(Pair("picture, a related one", "image", item, queries, items, right, off=[], classes=True, itself=True, unclear=unclear))
    # Photographs of the same things, people apart, who are on every second.
    things = [objects[file] - {"person"} for file in files]
    shared = np.array([[len(a & b) / max(min(len(a), len(b)), 1) for b in things] for a in things])
    right = [np.setdiff1d(np.flatnonzero(row >= 0.5), [k]) for k, row in enumerate(shared)]
    unclear = [np.flatnonzero((row > 0) & (row < 0.5)) for row in shared]
    found.append(Pair("photo, one of the same things", "image", "image", photos, photos, right, off=[], classes=True, itself=True, share=0.5, unclear=unclear))

    # Sounds of named classes.
    clips = [row for row in rows("audio-esc10/labels.csv") if mine(row["file"])]
    kinds = np.array([row["label"].replace("_", " ") for row in clips])
    semantic, own = encode("audio", [str(DATA / "audio-esc10" / row["file"]) for row in clips])
    asked = sorted(set(kinds))
    spoken_of = encode("text", [f"the sound of {kind}" for kind in asked])[0]
    add("sound's name", "text", "audio", spoken_of, semantic, [np.flatnonzero(kinds == kind) for kind in asked], classes=True)
    spoken = sorted(path for path in (DATA / "audio-fsdd").glob("*.wav") if mine(path.name))[::3]
    spoken, spoken_own = encode("audio", [str(path) for path in spoken])
    texts = np.r_[spoken_of, first, described[:200]]
    add("sound, its name", "audio", "text", semantic, texts, [[asked.index(kind)] for kind in kinds], off=spoken, classes=True)
    classwise(found, "sound, its class", "audio", "audio", semantic, kinds, spoken)
    classwise(found, "sound, its class", "audio", "own audio", centred(own), kinds, spoken_own)
    return found


def group(name):
    """The group of living things that a name of WordNet belongs to, as `n02085620`."""
    offset = int(name[1:])
    return next((group for group, spans in GROUPS.items() if any(low <= offset <= high for low, high in spans)), None)


def centred(own):
    """Vectors whose products are the cosines less what two of the space share on average."""
    n = len(own)
    mean = ((own.sum(0) ** 2).sum() - n) / (n * (n - 1))
    # (c - m) / (1 - m), as a product: an imaginary component takes m off.
    return Centred(own, max(mean, 0.0))


class Centred:
    def __init__(self, vectors, mean):
        self.vectors, self.mean = vectors, mean

    def __len__(self):
        return len(self.vectors)

    def __getitem__(self, places):
        picked = self.vectors[places]
        return Centred(picked, self.mean) if picked.ndim == 2 else picked

    def __matmul__(self, query):
        return (self.vectors @ query - self.mean) / (1 - self.mean)


def classwise(found, name, query, item, vectors, kinds, off):
    """Each asks for its own class among the others."""
    queries = vectors.vectors if isinstance(vectors, Centred) else vectors
    right = [np.setdiff1d(np.flatnonzero(kinds == kind), [k]) for k, kind in enumerate(kinds)]
    found.append(Pair(name, query, item, queries, vectors, right, off, classes=True, itself=True))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", default=str(ROOT / "target/debug/attuned"))
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    encode = Encoder(options.program)
    tables = {}
    for half in (0, 1):
        dice = np.random.default_rng(half)
        tables[half] = [(pair, pair.samples(dice)) for pair in pairs(encode, half)]
    rules = {}
    for key in dict.fromkeys((pair.query, pair.item) for pair, _ in tables[0]):
        mine = [table for pair, table in tables[0] if (pair.query, pair.item) == key]
        x, y, weights, kind, size = (np.concatenate(part) for part in zip(*mine))
        rule = calibrated(key, x, y, weights, kind)
        rules[key] = rule
        print(f"{key[0]:8s} -> {key[1]:10s} {np.round(rule, 2)}  fitted: " + told(x, kind, size, rule))
        for pair, (x, _, _, kind, size) in tables[1]:
            if (pair.query, pair.item) == key:
                print(f"      {pair.name:28s} " + told(x, kind, size, rule) + "  by size: "
                      + " ".join(f"{n}: {'/'.join(f'{r:.2f}' for r in rates(log_odds(x, rule), kind, size, n))}" for n in sorted(set(size))))
    if options.write:
        TARGET.write_text(rust(rules))


def told(x, kind, size, rule):
    kept, out, absent = rates(log_odds(x, rule), kind, size)
    return f"kept {kept:.3f} off-topic empty {out:.3f} absent empty {absent:.3f}"


def rust(rules):
    """The table of constants. What was not measured is taken from what is likest."""
    likest = {"video": "image", "several": "text", "audio": "image", "image": "audio", "text": "several"}

    def rule(query, item):
        measured = {key for key, values in rules.items() if values[0] >= SLOPE_MIN}
        # A picture and a sound, which few data sets have together, meet as two pictures do.
        media = [("image", "image")] if not {query, item} & {"text", "several"} else []
        tried = [(query, item), *media, (likest[query], item), (query, likest[item]), (likest[query], likest[item]), ("text", "image")]
        found = next(key for key in tried if key in measured)
        return row(rules[found], None if found == (query, item) else "as " + " -> ".join(found))

    def row(values, note):
        numbers = ", ".join(f"{value:.2f}" for value in values)
        return f"row([{numbers}], ({USUAL[0]:.2f}, {USUAL[1]:.3f})),{'' if note is None else ' // ' + note}"

    lines = [
        "//! Made by `models/train/relevance.py --write`; not edited by hand.",
        "",
        "use super::{Calibration, Origin};",
        "",
        "const fn row([cosine, mean, deviation, size, bias]: [f32; 5], usual: (f32, f32)) -> Calibration {",
        "    Calibration { cosine, mean, deviation, size, bias, usual }",
        "}",
        "",
        "/// By the origin of the query's vector, then by that of the item's: text, image, audio, video,",
        "/// several.",
        "#[rustfmt::skip]",
        "pub(super) const SHARED: [[Calibration; Origin::COUNT]; Origin::COUNT] = [",
    ]
    for query in ORIGINS:
        lines += ["    [", *(f"        {rule(query, item)}" for item in ORIGINS), "    ],"]
    lines += ["];", "", "/// By medium: text, image, audio, video.", "#[rustfmt::skip]", "pub(super) const OWN: [Calibration; 4] = ["]
    own = {"text": ("text", "text"), "image": ("image", "own image"), "audio": ("audio", "own audio")}
    for medium in ORIGINS[:4]:
        key = own.get(medium, own["image"])
        key = key if rules[key][0] >= SLOPE_MIN else own["text"]
        lines.append(f"    {row(rules[key], None if medium in key[1] else 'as ' + ' -> '.join(key))}")
    return "\n".join([*lines, "];", ""])


if __name__ == "__main__":
    main()
