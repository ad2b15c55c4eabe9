"""The items that fusion is trained on: drawings with their titles, descriptions and keywords.

Open Clip Art Library 0.18 as Debian packages it: thousands of drawings, each with its author's
dedication to the public domain in the file. A drawing is an item with a picture and up to three
views in words. Those without the dedication, and icons, flags, plain shapes and logos, whose
titles do not say what is seen, are left out.

Pictures and words go through the shipped encoders, so the vectors are those the daemon has. The
parts of an item are split 6:2:2 by title, so that no series of drawings is on both sides.
"""

import hashlib
import html
import io
import re
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image
from tokenizers import Tokenizer

import convert

_PACKAGES = {
    "openclipart-svg": "989712d90d57dfa3230049f553bb43b76c30ee4d4b8c5f6e106e33f7db5cbdc5",
    "openclipart-png": "f07f1545a2970c2cf3fa339bc2405da1a95cf2b1827bfa05bf73eb1c20291c02",
}
_VERSION = "1:0.18+dfsg-19"
_ROOT = "./usr/share/openclipart/"
_LEFT_OUT = ("computer", "shapes", "signs_and_symbols", "logos", "buttons", "unsorted", "special", "decorations")
_NO_KEYWORD = re.compile(r"hash|0x|clip ?art|icon|svg|unchecked", re.IGNORECASE)
_KEYWORDS_MAX, _DESCRIPTION_MAX = 8, 200
# Larger drawings are left out: they take longer to decode than all others together.
_PIXELS_MAX = 20_000_000


@dataclass(frozen=True)
class Items:
    """`views` `[items, 3, 384]` of title, description and keywords, 0 where absent; `pictures`
    `[items, 384]`; `part` `[items]`: 0 to train, 1 to stop and choose, 2 to report."""

    views: np.ndarray
    pictures: np.ndarray
    part: np.ndarray


def _session(model: str) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(convert.MODELS / model / "model.onnx", options)


class Words:
    """The shipped text encoder."""

    def __init__(self):
        self._session = _session("minilm-l6-v2")
        self._tokenizer = Tokenizer.from_file(str(convert.MODELS / "minilm-l6-v2" / "tokenizer.json"))
        self._known: dict[str, np.ndarray] = {}

    def embed(self, text: str) -> np.ndarray:
        if text not in self._known:
            ids = np.array([self._tokenizer.encode(text).ids])
            run = self._session.run(None, {"input_ids": ids, "attention_mask": np.ones_like(ids)})
            self._known[text] = run[0][0]
        return self._known[text]


class Pictures:
    """The shipped picture encoder, over whole drawings on white."""

    def __init__(self):
        self._session = _session("efficientnet-lite0")
        self._settings = convert.settings("efficientnet-lite0")["image"]

    def embed(self, png: bytes) -> np.ndarray:
        picture = Image.open(io.BytesIO(png)).convert("RGBA")
        side = max(picture.size)
        square = Image.new("RGBA", (side, side), "white")
        square.alpha_composite(picture, ((side - picture.width) // 2, (side - picture.height) // 2))
        crop = self._settings["crop"]
        pixels = np.asarray(square.convert("RGB").resize((crop, crop), Image.Resampling.BICUBIC), np.float32)
        scaled = (pixels * self._settings["scale"] - self._settings["mean"]) / self._settings["std"]
        tensor = scaled.transpose(2, 0, 1)[None].astype(np.float32)
        return self._session.run(["semantic"], {"image": tensor})[0][0]


def _package(name: str, downloads: Path) -> bytes:
    archive = downloads / f"{name}_{_VERSION.replace(':', '%3a')}_all.deb"
    if not archive.exists():
        downloads.mkdir(parents=True, exist_ok=True)
        subprocess.run(["apt-get", "download", f"{name}={_VERSION}"], check=True, cwd=downloads)
    content = archive.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != _PACKAGES[name]:
        raise SystemExit(f"{archive.name} has sha256 {found}, expected {_PACKAGES[name]}")
    return subprocess.run(["dpkg-deb", "--fsys-tarfile", archive], check=True, capture_output=True).stdout


def _files(name: str, kind: str, downloads: Path) -> dict[str, bytes]:
    """Path without ending -> content, of one kind of file."""
    files, prefix = {}, f"{_ROOT}{kind}/"
    with tarfile.open(fileobj=io.BytesIO(_package(name, downloads))) as archive:
        for member in archive:
            if member.isfile() and member.name.startswith(prefix) and member.name.endswith(f".{kind}"):
                path = member.name.removeprefix(prefix).removesuffix(f".{kind}")
                if path.split("/")[0] not in _LEFT_OUT:
                    files[path] = archive.extractfile(member).read()
    return files


def _clean(text: str) -> str:
    text = html.unescape(re.sub(r"<[^>]+>", "", text))
    return re.sub(r"[\s_\-]+", " ", re.sub(r"\b\d+\b|\.svg", "", text)).strip()


def _words(svg: str) -> tuple[str, str, str] | None:
    """Title, description and keywords; `None` without a dedication to the public domain."""
    metadata = re.search(r"<metadata.*?</metadata>", svg, re.DOTALL)
    work = metadata and re.search(r"<cc:Work.*?</cc:Work>", metadata[0], re.DOTALL)
    if not work or not re.search(r'cc:license[^>]*resource="[^"]*/PublicDomain"', metadata[0]):
        return None
    # Agents are people, and their titles are names.
    about = re.sub(r"<cc:Agent.*?</cc:Agent>", "", work[0], flags=re.DOTALL)

    def of(tag: str) -> str:
        found = re.search(rf"<dc:{tag}[^>]*>(.*?)</dc:{tag}>", about, re.DOTALL)
        return _clean(found[1]) if found else ""

    listed = [_clean(word) for word in re.findall(r"<rdf:li>(.*?)</rdf:li>", about, re.DOTALL)]
    keywords = [word for word in listed if word and not _NO_KEYWORD.match(word)][:_KEYWORDS_MAX]
    return of("title"), of("description")[:_DESCRIPTION_MAX], ", ".join(keywords)


def read(downloads: Path) -> Items:
    """Makes the items; a minute and a half on one core. They are kept beside the packages."""
    kept = downloads / "fusion-items.npz"
    if kept.exists():
        stored = np.load(kept)
        return Items(stored["views"], stored["pictures"], stored["part"])
    drawings = _files("openclipart-png", "png", downloads)
    words, pictures = Words(), Pictures()
    rows = []
    for path, svg in sorted(_files("openclipart-svg", "svg", downloads).items()):
        texts = _words(svg.decode(errors="replace"))
        png = drawings.get(path)
        if texts is None or png is None or sum(bool(text) for text in texts) < 2:
            continue
        try:
            with Image.open(io.BytesIO(png)) as picture:
                too_large = picture.width * picture.height > _PIXELS_MAX
        except (OSError, Image.DecompressionBombError):
            continue
        if too_large:
            continue
        views = np.stack([words.embed(text) if text else np.zeros(384, np.float32) for text in texts])
        tenth = int(hashlib.sha256(texts[0].lower().encode()).hexdigest(), 16) % 10
        rows.append((views, pictures.embed(png), 0 if tenth < 6 else 1 if tenth < 8 else 2))
    items = Items(*(np.array([row[at] for row in rows], np.float32 if at < 2 else np.int64) for at in range(3)))
    np.savez(kept, views=items.views, pictures=items.pictures, part=items.part)
    return items
