"""How fast and how alike our runtime and onnxruntime are: the table of ../README.md.

    ratio.py [--rounds 15] [--program PATH]

Both run the shipped files on the same inputs, one thread each, in turn within one command; a
figure is the median of the processor time of the running thread, with its quartiles. So a busy
machine slows both alike. Without --program, `cargo bench --bench network` is built first.
"""

import argparse
import ctypes
import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import onnxruntime

_MODELS = Path(__file__).resolve().parents[1]
_RUNS = 3  # in a row in each round; the first warms the caches again and is not counted


def cases() -> list[tuple[str, str, dict[str, np.ndarray]]]:
    """Model, what is measured, and the inputs by name."""
    random = np.random.default_rng(20_261_122)
    texts = []
    for model, what, counts in (("minilm-l6-v2", "text", (16, 64, 128, 256)), ("multilingual-e5-small", "multilingual text", (64,))):
        for tokens in counts:
            # Ids of words in either vocabulary; what stands at the ends makes no difference to the time.
            ids = random.integers(1000, 20_000, (1, tokens))
            texts.append((model, f"{what} of {tokens} tokens", {"input_ids": ids, "attention_mask": np.ones_like(ids)}))
    picture = random.normal(size=(1, 3, 224, 224)).astype(np.float32)
    sound = random.uniform(0, 4, (1, 64, 96)).astype(np.float32)
    return texts + [
        ("efficientnet-lite0", "picture, 224 x 224", {"image": picture}),
        ("yamnet", "sound, patch of 0.96 s", {"log_mel": sound}),
    ]


class _Timespec(ctypes.Structure):
    _fields_ = [("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long)]


def _cpu_ms() -> float:
    """Processor time of this thread, in which onnxruntime runs as it has no other."""
    time = _Timespec()
    ctypes.CDLL(None).clock_gettime(3, ctypes.byref(time))  # CLOCK_THREAD_CPUTIME_ID
    return time.seconds * 1e3 + time.nanoseconds / 1e6


class Ours:
    def __init__(self, program: Path, room: Path):
        self._room = room
        self._process = subprocess.Popen(
            [program, "--answer"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    def run(self, model: str, inputs: dict[str, np.ndarray], outputs: int) -> tuple[list[float], list[np.ndarray]]:
        asked = []
        for at, array in enumerate(inputs.values()):
            file = self._room / f"input{at}"
            array.tofile(file)
            asked.append({"shape": array.shape, "file": str(file)})
        files = [self._room / f"output{at}" for at in range(outputs)]
        request = {"model": str(_MODELS / model), "inputs": asked, "runs": _RUNS, "outputs": [str(f) for f in files]}
        self._process.stdin.write(json.dumps(request) + "\n")
        answer = json.loads(self._process.stdout.readline())
        if "error" in answer:
            raise SystemExit(f"{model}: {answer['error']}")
        return answer["cpu_ms"][1:], [np.fromfile(file, np.float32) for file in files]


class Theirs:
    def __init__(self, model: str):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            _MODELS / model / "model.onnx", options, providers=["CPUExecutionProvider"]
        )

    def run(self, inputs: dict[str, np.ndarray]) -> tuple[list[float], list[np.ndarray]]:
        times = []
        for _ in range(_RUNS):
            before = _cpu_ms()
            results = self._session.run(None, inputs)
            times.append(_cpu_ms() - before)
        return times[1:], results


def _cosine(a: np.ndarray, b: np.ndarray) -> float:
    a, b = a.ravel().astype(np.float64), b.ravel().astype(np.float64)
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))


def _figure(times: list[float]) -> str:
    low, middle, high = np.percentile(times, [25, 50, 75])
    return f"{middle:.2f} ({low:.2f}-{high:.2f})"


def _program() -> Path:
    command = ["cargo", "bench", "--package", "attuned-encoders", "--bench", "network", "--no-run", "--message-format=json"]
    built = subprocess.run(command, cwd=_MODELS.parent, stdout=subprocess.PIPE, check=True, text=True)
    messages = [json.loads(line) for line in built.stdout.splitlines() if line.startswith("{")]
    return Path(next(m["executable"] for m in reversed(messages) if m.get("executable")))


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rounds", type=int, default=15)
    arguments.add_argument("--program", type=Path)
    options = arguments.parse_args()
    program = (options.program or _program()).resolve()
    print("| what | onnxruntime, ms | ours, ms | ratio | least cosine |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as room:
        ours = Ours(program, Path(room))
        for model, what, inputs in cases():
            theirs = Theirs(model)
            our_times, their_times, cosines = [], [], []
            for at in range(options.rounds + 1):
                their_part, expected = theirs.run(inputs)
                our_part, found = ours.run(model, inputs, len(expected))
                cosines += [_cosine(a, b) for a, b in zip(found, expected, strict=True)]
                if at > 0:  # the first round loads
                    their_times += their_part
                    our_times += our_part
            # A figure and its counterpart are of the same moment, so their ratio is too.
            ratios = np.array(our_times) / np.array(their_times)
            print(
                f"| {what} | {_figure(their_times)} | {_figure(our_times)} | {_figure(list(ratios))} "
                f"| {min(cosines):.7f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
