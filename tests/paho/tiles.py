"""Items, pictures, sounds and events made up for the script; knows nothing of MQTT.

Five topics of ten items each. Within a topic the words, the colour and shape of the picture and
the pitch of the sound are alike, between topics they differ, so that a person who likes half of a
topic should be offered the other half.
"""

import base64
import io
import math
import struct
import wave
import zlib
from dataclasses import dataclass
from functools import cache

SIDE = 96  # pixels of a picture
SAMPLE_RATE = 16_000
SECONDS = 2.0
PER_TOPIC = 10
LIKED = 5  # items of a person's topic that the person knows; the others are left to recommend


@dataclass(frozen=True)
class Topic:
    name: str
    words: str
    tags: tuple[str, ...]
    colour: tuple[int, int, int]
    corners: int  # of the shape in the picture; 0 is a circle
    pitch_hz: float


TOPICS = (
    Topic(
        "space",
        "A rocket leaves the launch pad and carries astronauts to the planets",
        ("space", "rocket"),
        (30, 60, 220),
        3,
        110.0,
    ),
    Topic(
        "jazz",
        "A saxophone quartet improvises jazz in a smoky night club",
        ("jazz", "saxophone"),
        (230, 160, 20),
        0,
        220.0,
    ),
    Topic("cats", "A kitten sleeps on the sofa, purrs and plays with wool", ("cat", "pets"), (240, 110, 160), 5, 880.0),
    Topic(
        "baking", "Knead the dough, let it rise and bake a loaf of bread", ("bread", "cooking"), (130, 80, 40), 4, 440.0
    ),
    Topic(
        "football",
        "The striker scores in the last minute of the football match",
        ("football", "sport"),
        (30, 160, 60),
        6,
        1760.0,
    ),
)


@dataclass(frozen=True)
class Tile:
    """One item: its document without media, and the bytes of its media."""

    topic: Topic
    number: int
    document: dict
    png: bytes
    wav: bytes

    @property
    def id(self) -> str:
        return self.document["id"]


def make_tiles(run: str, kind: str) -> list[Tile]:
    """All items of a run; ids and kind are its own, so that no other content gets in the way."""
    return [_tile(run, kind, topic, number) for topic in TOPICS for number in range(PER_TOPIC)]


def _tile(run: str, kind: str, topic: Topic, number: int) -> Tile:
    document = {
        "id": f"{run}:{topic.name}-{number}",
        "kind": kind,
        "title": f"{topic.name.capitalize()}, part {number + 1}",
        "text": f"{topic.words}. Part {number + 1} of {PER_TOPIC}.",
        "tags": list(topic.tags),
        "attributes": {"duration_min": 5 + number, "age_rating": 0, "language": "en"},
        "published_at": f"2026-11-{10 + number:02}T18:00:00Z",
        "provider": "paho",
    }
    return Tile(topic, number, document, _picture(topic, number), _sound(topic, number))


def with_media_inside(tile: Tile) -> dict:
    """The item's document with its picture and sound as Base64."""
    media = [
        {"modality": "image", "data": base64.b64encode(tile.png).decode()},
        {"modality": "audio", "data": base64.b64encode(tile.wav).decode()},
    ]
    return {**tile.document, "media": media}


@cache
def _picture(topic: Topic, number: int) -> bytes:
    """A PNG of one shape on a grey ground; the number moves, turns and grows it a little."""
    centre_x, centre_y = SIDE / 2 + (number % 3 - 1) * 6, SIDE / 2 + (number // 3 - 1) * 4
    radius, turn = 26 + number, number * 0.07
    rows = bytearray()
    for y in range(SIDE):
        rows.append(0)  # filter type "none" of the row
        for x in range(SIDE):
            inside = _inside(x - centre_x, y - centre_y, radius, topic.corners, turn)
            rows += bytes(topic.colour if inside else (200, 200, 200))

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 2, 0, 0, 0)  # 8 bits, RGB, no interlace
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(rows))) + chunk(b"IEND", b"")
    )


def _inside(x: float, y: float, radius: float, corners: int, turn: float) -> bool:
    distance = math.hypot(x, y)
    if corners == 0:
        return distance <= radius
    # Distance of a regular polygon's edge from its centre, in the direction of the point.
    wedge = 2 * math.pi / corners
    angle = (math.atan2(y, x) + turn) % wedge - wedge / 2
    return distance * math.cos(angle) <= radius * math.cos(wedge / 2)


@cache
def _sound(topic: Topic, number: int) -> bytes:
    """A WAV of a tone with two overtones that beats once for each number."""
    pitch = topic.pitch_hz * 2 ** (number / 48)
    samples = bytearray()
    for i in range(int(SAMPLE_RATE * SECONDS)):
        t = i / SAMPLE_RATE
        tone = sum(math.sin(2 * math.pi * pitch * k * t) / k for k in (1, 2, 3)) / 2
        beat = 0.6 + 0.4 * math.cos(2 * math.pi * (1 + number) * t / SECONDS)
        samples += struct.pack("<h", int(12_000 * tone * beat))
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(SAMPLE_RATE)
        writer.writeframes(bytes(samples))
    return file.getvalue()


@dataclass(frozen=True)
class Person:
    user: str
    likes: Topic
    dislikes: Topic


def make_people(run: str) -> list[Person]:
    """Four people, each with a topic to like and one to skip."""
    names = ("anna", "ben", "mia", "noor")
    return [Person(f"{run}-{name}", TOPICS[i], TOPICS[(i + 2) % len(TOPICS)]) for i, name in enumerate(names)]


def make_events(person: Person, tiles: list[Tile]) -> list[dict]:
    """Fifty events of a person: eight on each of five liked items, ten on three that are skipped."""
    liked = [tile for tile in tiles if tile.topic is person.likes][:LIKED]
    skipped = [tile for tile in tiles if tile.topic is person.dislikes][:3]
    events: list[dict] = []

    def add(tile: Tile, kind: str, **more: object) -> None:
        number = len(events) + 1
        events.append({"id": f"{person.user}-{number}", "item": tile.id, "type": kind, **more})

    for tile in liked:
        add(tile, "impression")
        add(tile, "view", value=20)
        add(tile, "play", value=0.95, context={"room": "living"})
        add(tile, "complete")
        add(tile, "like")
        add(tile, "rate", value=5)
        add(tile, "save")
        add(tile, "comment", text="Wonderful, more of this please!")
    for tile in skipped:
        add(tile, "impression")
        add(tile, "skip", value=0.05)
        add(tile, "dislike")
    add(skipped[0], "hide")
    return events
