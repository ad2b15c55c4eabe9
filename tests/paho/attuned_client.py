#!/usr/bin/env python3
"""Speaks to a running Attuned as a device would, and checks every answer.

    python attuned_client.py [--host 127.0.0.1] [--port 1883] [--prefix attuned/v1] [--timeout 120]

For MQTT 5 and then for MQTT 3.1.1 it publishes 50 items with a picture and a sound each, 200 events of
four people and some context, and asks for lists: under MQTT 5 with a response topic and correlation
data, under 3.1.1 on `…/recommend/reply/<request_id>`. It sends input that is wrong and expects a
document on `…/errors` for each. Items and context are removed at the end; ids, kind and users are of
the run only, so that it can be run again on the same daemon.

It prints what it saw. Exit code 0: all was right; 1: something was wrong, and is named.
"""

import argparse
import json
import math
import os
import queue
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from tiles import LIKED, PER_TOPIC, Person, Tile, make_events, make_people, make_tiles, with_media_inside

QOS = 1
LOG_ODDS_TOLERANCE = 1e-4
PAUSE_S = 0.2  # between two looks at something that takes its time
REASON_KINDS = set("similar_to liked_by_similar modality context habit popular fresh explore diversity plugin".split())


class Wrong(Exception):
    """Something was not as expected; the text says what, and what was expected."""


def expect(condition: bool, message: str) -> None:
    if not condition:
        raise Wrong(message)


@dataclass
class Message:
    topic: str
    payload: bytes
    correlation: bytes | None

    def document(self) -> dict:
        try:
            document = json.loads(self.payload)
        except ValueError as error:
            raise Wrong(f"{self.topic} is no JSON: {error}: {self.payload[:200]!r}") from error
        expect(isinstance(document, dict), f"{self.topic} is {document!r}, expected an object")
        return document


@dataclass
class Connection:
    """One client on the broker. Every wait ends at the deadline, which is for the whole visit."""

    host: str
    port: int
    prefix: str
    version: int
    client_id: str
    deadline: float
    arrived: queue.Queue[Message] = field(default_factory=queue.Queue)
    waiting: list[Message] = field(default_factory=list)  # arrived, not yet asked for

    def left(self) -> float:
        return self.deadline - time.monotonic()

    def open(self) -> None:
        connected: queue.Queue[str] = queue.Queue()
        self.granted: queue.Queue[tuple[int, list]] = queue.Queue()
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=self.client_id, protocol=self.version)
        self.client.on_connect = lambda _c, _u, _f, reason, _p: connected.put(
            "" if not reason.is_failure else str(reason)
        )
        self.client.on_subscribe = lambda _c, _u, mid, reasons, _p: self.granted.put((mid, reasons))
        self.client.on_message = self._on_message
        try:
            self.client.connect(self.host, self.port, keepalive=30)
        except OSError as error:
            raise Wrong(f"no broker at {self.host}:{self.port}: {error}") from error
        self.client.loop_start()
        refused = self._take(connected, "the broker's answer to connect")
        expect(not refused, f"the broker refused the connection: {refused}")

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    def _on_message(self, _client: mqtt.Client, _user: object, message: mqtt.MQTTMessage) -> None:
        correlation = getattr(getattr(message, "properties", None), "CorrelationData", None)
        self.arrived.put(Message(message.topic, message.payload, correlation))

    def _take(self, source: queue.Queue, what: str):
        try:
            return source.get(timeout=max(self.left(), 0.001))
        except queue.Empty:
            raise Wrong(f"{what} did not come in time") from None

    def subscribe(self, topic: str) -> None:
        code, wanted = self.client.subscribe(topic, QOS)
        expect(code == mqtt.MQTT_ERR_SUCCESS, f"subscribing to {topic}: {mqtt.error_string(code)}")
        mid, reasons = self._take(self.granted, f"the answer to subscribing to {topic}")
        expect(
            mid == wanted and not reasons[0].is_failure, f"the broker refused the subscription to {topic}: {reasons}"
        )

    def publish(
        self, topic: str, payload: bytes, retain: bool = False, properties: Properties | None = None
    ) -> mqtt.MQTTMessageInfo:
        sent = self.client.publish(topic, payload, QOS, retain, properties)
        expect(sent.rc == mqtt.MQTT_ERR_SUCCESS, f"publishing on {topic}: {mqtt.error_string(sent.rc)}")
        return sent

    def settle(self, sent: list[mqtt.MQTTMessageInfo], what: str) -> None:
        """Waits until the broker has acknowledged all of it."""
        for message in sent:
            message.wait_for_publish(max(self.left(), 0.001))
            expect(message.is_published(), f"the broker did not acknowledge {what} in time")

    def unasked(self) -> list[Message]:
        """What has arrived so far and nobody asked for."""
        while not self.arrived.empty():
            self.waiting.append(self.arrived.get_nowait())
        return self.waiting

    def receive(self, what: str, wanted: Callable[[Message], bool]) -> Message:
        """The next message that is wanted; others stay for whoever asks for them."""
        for i, message in enumerate(self.waiting):
            if wanted(message):
                return self.waiting.pop(i)
        while True:
            message = self._take(self.arrived, what)
            if wanted(message):
                return message
            self.waiting.append(message)


@contextmanager
def connection(arguments: argparse.Namespace, version: int, run: str) -> Iterator[Connection]:
    deadline = time.monotonic() + arguments.timeout
    opened = Connection(arguments.host, arguments.port, arguments.prefix, version, run, deadline)
    opened.open()
    try:
        yield opened
    finally:
        opened.close()


@dataclass
class Visit:
    """One run of everything over one version of MQTT."""

    at: Connection
    run: str
    kind: str
    requests: int = 0

    def topic(self, rest: str) -> str:
        return f"{self.at.prefix}/{rest}"

    def ask(self, **request: object) -> dict:
        """Sends one request and returns its answer, checked for form."""
        self.requests += 1
        request_id = f"{self.run}-{self.requests}"
        document = {"request_id": request_id, "kinds": [self.kind], "explain": True, **request}
        payload = json.dumps(document).encode()
        if self.at.version == mqtt.MQTTv5:
            answers, correlation = f"{self.run}/answers", os.urandom(16)
            properties = Properties(PacketTypes.PUBLISH)
            properties.ResponseTopic, properties.CorrelationData = answers, correlation
            self.at.publish(self.topic("recommend"), payload, properties=properties)
            message = self.at.receive(f"the answer to {request_id}", lambda m: m.topic == answers)
            expect(
                message.correlation == correlation,
                f"correlation data is {message.correlation!r}, expected {correlation!r}",
            )
        else:
            answers = self.topic(f"recommend/reply/{request_id}")
            self.at.subscribe(answers)
            self.at.publish(self.topic("recommend"), payload)
            message = self.at.receive(f"the answer to {request_id}", lambda m: m.topic == answers)
            self.at.client.unsubscribe(answers)
        answer = message.document()
        check_form(answer, document)
        return answer

    def until(self, what: str, request: dict, complaint: Callable[[dict], str | None]) -> dict:
        """Asks until an answer gives no cause for complaint, as content and events take their time."""
        while True:
            answer = self.ask(**request)
            wrong = complaint(answer)
            if wrong is None:
                return answer
            expect(self.at.left() > PAUSE_S, f"{what}: {wrong}")
            time.sleep(PAUSE_S)


def number(value: object, what: str) -> float:
    expect(
        isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value),
        f"{what} is {value!r}, expected a number",
    )
    return float(value)


def check_form(answer: dict, request: dict) -> None:
    """What holds for every answer, whatever is in it."""
    who = f"answer to {request['request_id']}"
    expect(answer.get("request_id") == request["request_id"], f"{who}: request_id is {answer.get('request_id')!r}")
    expect(answer.get("users") == request.get("users", []), f"{who}: users are {answer.get('users')!r}")
    expect(
        isinstance(answer.get("generated_at"), str),
        f"{who}: generated_at is {answer.get('generated_at')!r}, expected a time",
    )
    expect(isinstance(answer.get("degraded"), list), f"{who}: degraded is {answer.get('degraded')!r}, expected a list")
    expect(
        isinstance(answer.get("timings_ms"), dict),
        f"{who}: timings_ms is {answer.get('timings_ms')!r}, expected an object",
    )
    items = answer.get("items")
    expect(isinstance(items, list), f"{who}: items is {items!r}, expected a list")
    expect(
        len(items) <= request.get("n", len(items)), f"{who}: {len(items)} items, expected at most {request.get('n')}"
    )
    expect(len({item["item"] for item in items}) == len(items), f"{who}: an item is in the list twice")
    for place, item in enumerate(items):
        name = f"{who}: item {item.get('item')!r}"
        expect(item.get("rank") == place + 1, f"{name} has rank {item.get('rank')!r}, expected {place + 1}")
        expect(
            item.get("kind") in request["kinds"],
            f"{name} is of kind {item.get('kind')!r}, expected one of {request['kinds']}",
        )
        expect(item["item"] not in request.get("exclude", []), f"{name} was to be left out")
        score = number(item.get("score"), f"{name}: score")
        expect(0.0 < score < 1.0, f"{name} has score {score}, expected between 0 and 1")
        check_reasons(item, score, name)


def check_reasons(item: dict, score: float, name: str) -> None:
    """The weights of the reasons and the bias add up to the score's log-odds."""
    reasons = item.get("reasons")
    expect(isinstance(reasons, list), f"{name}: reasons is {reasons!r}, expected a list")
    total = number(item.get("bias"), f"{name}: bias")
    for reason in reasons:
        expect(
            reason.get("kind") in REASON_KINDS,
            f"{name}: a reason is of kind {reason.get('kind')!r}, expected one of {sorted(REASON_KINDS)}",
        )
        expect(isinstance(reason.get("text"), str) and reason["text"] != "", f"{name}: a reason has no text: {reason}")
        total += number(reason.get("weight"), f"{name}: weight of a reason")
    log_odds = math.log(score) - math.log1p(-score)
    expect(
        abs(total - log_odds) <= LOG_ODDS_TOLERANCE,
        f"{name}: bias and weights add up to {total:.6f}, the score's log-odds are {log_odds:.6f}",
    )


def show(title: str, answer: dict) -> None:
    print(f"  {title}")
    for item in answer["items"]:
        reasons = ", ".join(f"{reason['kind']} {reason['weight']:+.2f}" for reason in item["reasons"])
        name = item.get("title", item["item"])
        print(f"    {item['rank']:>2}  {item['score']:.4f}  {name:<20} bias {item['bias']:+.2f}  {reasons}")
        if item["rank"] == 1 and item["reasons"]:
            strongest = max(item["reasons"], key=lambda reason: abs(reason["weight"]))
            print(f"        because: {strongest['text']}")
    for part in answer["degraded"]:
        print(f"    degraded: {part}")


def publish_items(visit: Visit, tiles: list[Tile]) -> None:
    """Half of them carry their media in the document, half get them on topics of their own."""
    sent = []
    for tile in tiles:
        inside = tile.number % 2 == 0
        document = with_media_inside(tile) if inside else tile.document
        sent.append(visit.at.publish(visit.topic(f"items/{tile.id}"), json.dumps(document).encode()))
        if not inside:
            sent.append(visit.at.publish(visit.topic(f"items/{tile.id}/media/image"), tile.png))
            sent.append(visit.at.publish(visit.topic(f"items/{tile.id}/media/audio"), tile.wav))
    visit.at.settle(sent, "the items")
    print(f"  published {len(tiles)} items with a picture and a sound each")


def publish_context(visit: Visit) -> None:
    values = context_values(visit)
    sent = [visit.at.publish(topic, json.dumps(value).encode(), retain=True) for topic, value in values.items()]
    visit.at.settle(sent, "the context")
    print(f"  published {len(values)} context values")


def context_values(visit: Visit) -> dict[str, object]:
    """By topic, one value of each allowed type; the keys are of this run only."""
    values = {"room": "living", "light": 0.4, "guests": False, "weather": {"sky": "rain", "temperature": 7.5}}
    return {visit.topic(f"context/{visit.run}-{key}"): value for key, value in values.items()}


def remove_context(visit: Visit) -> None:
    """Removes the retained values from the broker, also after something went wrong."""
    if not visit.at.client.is_connected():
        return
    for topic in context_values(visit):
        visit.at.publish(topic, b"", retain=True).wait_for_publish(1.0)


def publish_events(visit: Visit, people: list[Person], tiles: list[Tile]) -> None:
    """The first half of a person's events one by one, the second half as an array."""
    sent, count = [], 0
    for person in people:
        events = make_events(person, tiles)
        half = len(events) // 2
        topic = visit.topic(f"users/{person.user}/events")
        sent += [visit.at.publish(topic, json.dumps(event).encode()) for event in events[:half]]
        sent.append(visit.at.publish(topic, json.dumps(events[half:]).encode()))
        count += len(events)
    visit.at.settle(sent, "the events")
    expect(count == 200, f"{count} events, expected 200")
    print(f"  published {count} events of {len(people)} people")


def check_lists(visit: Visit, people: list[Person], tiles: list[Tile]) -> None:
    """Each person is offered the other half of what they like, and nothing they have seen."""
    for person in people:
        request = {"users": [person.user], "n": PER_TOPIC - LIKED, "diversity": 0.0, "context": {"room": "living"}}
        answer = visit.until("the list", request, partial(not_to_the_taste, person, tiles))
        show(f"for {person.user}, who likes {person.likes.name}:", answer)


def not_to_the_taste(person: Person, tiles: list[Tile], answer: dict) -> str | None:
    topic_of = {tile.id: tile.topic for tile in tiles}
    known = {event["item"] for event in make_events(person, tiles)}
    ids = [item["item"] for item in answer["items"]]
    seen = sorted(known.intersection(ids))
    if seen:
        return f"{person.user} has seen {seen}, expected them to be left out"
    liked = sum(topic_of[item] is person.likes for item in ids)
    if liked * 2 <= PER_TOPIC - LIKED:
        return f"{liked} items are of {person.likes.name}, which {person.user} likes, expected most of {ids}"
    return None


def check_other_requests(visit: Visit, people: list[Person], tiles: list[Tile]) -> None:
    topic_of = {tile.id: tile.topic for tile in tiles}
    pair = [people[0].user, people[1].user]
    group = visit.until("the list for two", {"users": pair, "n": 8}, lambda a: None if a["items"] else "it is empty")
    show(f"for {pair[0]} and {pair[1]} together:", group)

    left_out = [item["item"] for item in group["items"][:3]]
    again = visit.ask(users=pair, n=8, exclude=left_out)
    expect(len(again["items"]) > 0, "the list for two without three items is empty")

    short = visit.ask(users=[people[0].user], n=20, filter={"max_duration_min": 8})
    minutes = {tile.id: tile.document["attributes"]["duration_min"] for tile in tiles}
    long = [item["item"] for item in short["items"] if minutes[item["item"]] > 8]
    expect(
        short["items"] != [] and not long, f"asked for at most 8 minutes, got {short['items'] and long or 'nothing'}"
    )

    def about_cats(answer: dict) -> str | None:
        first = [topic_of[item["item"]].name for item in answer["items"]]
        return None if "cats" in first else f"the first three are of {first}, expected cats among them"

    query = {"users": [], "n": 3, "query": {"text": "a sleepy kitten"}}
    show('for nobody in particular, "a sleepy kitten":', visit.until("the query", query, about_cats))


def check_errors(visit: Visit) -> None:
    """Each wrong input is answered by one document that names its topic."""
    bad_id = f"{visit.run}-bad"
    cases = [
        ("an item that is no JSON", f"items/{visit.run}:broken", b'{"id": ', None),
        ("an item without a kind", f"items/{visit.run}:kindless", b'{"title":"nothing"}', None),
        (
            "an item under another id",
            f"items/{visit.run}:one",
            json.dumps({"id": f"{visit.run}:two", "kind": visit.kind}).encode(),
            None,
        ),
        (
            "an id that is not allowed",
            f"items/{visit.run} with spaces",
            json.dumps({"kind": visit.kind}).encode(),
            None,
        ),
        ("an event of no known type", f"users/{visit.run}/events", b'{"item":"a","type":"stare"}', None),
        ("a request for no items", "recommend", json.dumps({"request_id": bad_id, "n": 0}).encode(), bad_id),
        ("a request that is a list", "recommend", b"[1, 2]", None),
    ]
    for what, rest, payload, request_id in cases:
        topic = visit.topic(rest)
        visit.at.publish(topic, payload)
        message = visit.at.receive(f"the error for {what}", partial(is_error_for, visit, topic))
        error = message.document()
        for name in ("code", "message"):
            expect(
                isinstance(error.get(name), str) and error[name] != "",
                f"the error for {what} has {name} {error.get(name)!r}, expected words",
            )
        expect(
            error.get("request_id") == request_id,
            f"the error for {what} has request_id {error.get('request_id')!r}, expected {request_id!r}",
        )
        print(f"  {what}: {error['code']}: {error['message']}")


def is_error_for(visit: Visit, topic: str, message: Message) -> bool:
    return message.topic == visit.topic("errors") and message.document().get("topic") == topic


def remove_items(visit: Visit, tiles: list[Tile]) -> None:
    """Removes the items, and sees that they are gone."""
    visit.at.settle([visit.at.publish(visit.topic(f"items/{tile.id}"), b"") for tile in tiles], "the removals")
    request = {"users": [], "n": 5}
    visit.until("after all items were removed", request, lambda a: f"{a['items']} is left" if a["items"] else None)
    print(f"  removed the {len(tiles)} items, and the list is empty")


def check_surprises(visit: Visit) -> None:
    """Every error that came was for input that was wrong."""
    errors = [message for message in visit.at.unasked() if message.topic == visit.topic("errors")]
    ours = [message.document() for message in errors if visit.run in message.payload.decode(errors="replace")]
    expect(not ours, f"an input that was right was rejected: {ours[:1]}")


def is_online(visit: Visit, message: Message) -> bool:
    return message.topic == visit.topic("status") and message.document().get("state") in ("online", "degraded")


def visit_all(arguments: argparse.Namespace, version: int) -> None:
    five = version == mqtt.MQTTv5
    name, way = ("MQTT 5", "with its correlation data") if five else ("MQTT 3.1.1", "on its reply topic")
    run = f"paho-{os.getpid()}-{int(time.time())}-{name.split()[1]}"
    with connection(arguments, version, run) as at:
        print(f"{name} at {at.host}:{at.port}, prefix {at.prefix}")
        visit = Visit(at, run, kind=f"tile-{run}")
        at.subscribe(visit.topic("errors"))
        at.subscribe(visit.topic("status"))
        if five:
            at.subscribe(f"{run}/answers")
        at.receive("a status that says online", partial(is_online, visit))

        tiles, people = make_tiles(run, visit.kind), make_people(run)
        try:
            publish_context(visit)
            publish_items(visit, tiles)
            publish_events(visit, people, tiles)
            check_lists(visit, people, tiles)
            check_other_requests(visit, people, tiles)
            check_errors(visit)
            remove_items(visit, tiles)
            check_surprises(visit)
        finally:
            remove_context(visit)
        print(f"  {visit.requests} requests, each answered {way}, all reasons add up")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default="127.0.0.1", help="the broker's host (default %(default)s)")
    parser.add_argument("--port", type=int, default=1883, help="the broker's port (default %(default)s)")
    parser.add_argument("--prefix", default="attuned/v1", help="mqtt.prefix of the daemon (default %(default)s)")
    parser.add_argument(
        "--timeout", type=float, default=120.0, help="seconds for each version of MQTT (default %(default)s)"
    )
    arguments = parser.parse_args()
    try:
        visit_all(arguments, mqtt.MQTTv5)
        visit_all(arguments, mqtt.MQTTv311)
    except Wrong as wrong:
        print(f"wrong: {wrong}", file=sys.stderr)
        return 1
    print("all right: 2 x (50 items with media, 200 events), MQTT 5 and 3.1.1")
    return 0


if __name__ == "__main__":
    sys.exit(main())
