"""The scenes of `label_scenes.txt`: how people caption photographs in which a class is seen.

A class is a thing; a caption tells a scene, with people and surroundings that no class is called
after. The vector of a class therefore lies between the two. Written by hand without any of the
photographs that the result is measured on.
"""

from pathlib import Path

_FILE = Path(__file__).resolve().parent / "label_scenes.txt"


def read(names: list[str]) -> list[list[str]]:
    """The scenes of each class, in the order of `names`, whose number they are listed by."""
    scenes: list[list[str]] = [[] for _ in names]
    for line in _FILE.read_text().splitlines():
        if line.startswith("#"):
            continue
        numbers, _, captions = line.partition(" ")
        first, _, last = numbers.partition("-")
        for at in range(int(first), int(last or first) + 1):
            scenes[at] += [caption.format(names[at]) for caption in captions.split(" | ")]
    missing = [names[at] for at, captions in enumerate(scenes) if not captions]
    if missing:
        raise ValueError(f"no scene for {missing}")
    return scenes
