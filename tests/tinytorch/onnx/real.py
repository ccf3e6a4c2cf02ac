"""Models that packages on the registry ship, on real input, here and in ONNX Runtime.

    python -m tests.tinytorch.onnx.real

prints how far the outputs are from each other, and how long loading, compiling and a call take, side by side
with one thread each. Packages that are not installed (extra `models`) are left out.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image, ImageDraw, ImageFont

import tinytorch as tt

TEXT = "tinytorch 2026"
SOURCE = Path(tt.__file__).read_bytes()
BLOCK = 1024
"""How many bytes magika looks at, at either end of a file."""


@dataclass
class Case:
    """A model in a package, what is known of its dimensions and inputs, and an input."""

    package: str
    path: str
    inputs: Callable[[], dict]
    dims: dict = field(default_factory=dict)
    known: dict = field(default_factory=dict)

    @property
    def file(self) -> Path | None:
        """Where the model is; None where the package is not installed. It is looked at, not imported."""
        spec = find_spec(self.package)
        return Path(spec.submodule_search_locations[0]) / self.path if spec is not None else None

    def load(self):
        return tt.onnx.load(self.file, dims=self.dims, known=self.known)

    def session(self):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        return onnxruntime.InferenceSession(str(self.file), options, providers=["CPUExecutionProvider"])


def picture(text=TEXT):
    """A line of black text on white, 48 high, as text recognisers take it: 3 channels between -1 and 1."""
    image = Image.new("RGB", (320, 48), "white")
    ImageDraw.Draw(image).text((12, 4), text, "black", ImageFont.load_default(32))
    return (np.asarray(image, np.float32).transpose(2, 0, 1)[None] / 255 - 0.5) / 0.5


def ends(content=SOURCE):
    """The first and last bytes of a file, padded by 256 where it is shorter."""
    first, last = np.full(BLOCK, 256, np.int32), np.full(BLOCK, 256, np.int32)
    head, tail = content[:4096].lstrip()[:BLOCK], content[-4096:].rstrip()[-BLOCK:]
    first[: len(head)] = list(head)
    last[BLOCK - len(tail) :] = list(tail)
    return np.concatenate([first, last])[None]


def vowel(count=576):
    """A voice, roughly: harmonics of 120 Hz at 16 kHz, louder around 700 and 1100 Hz."""
    at = np.arange(count) / 16_000
    tones = [np.sin(2 * np.pi * f * at) / (1 + ((f - 900) / 300) ** 2) for f in range(120, 4000, 120)]
    return (0.2 * np.sum(tones, axis=0)[None]).astype(np.float32)


def silero():
    return {"input": vowel(), "state": np.zeros((2, 1, 128), np.float32)}


def in_a_row():
    return {"input": vowel(4 * 576).reshape(4, 576)} | {
        key: np.zeros((1, 1, 128), np.float32) for key in "hc"
    }


def page():
    """The line of text with some paper above and below."""
    return {"x": np.pad(picture(), ((0, 0), (0, 0), (24, 24), (0, 0)), constant_values=1)}


OCR = "rapidocr_onnxruntime"
BATCH, HEIGHT, WIDTH = (f"p2o.DynamicDimension.{place}" for place in range(3))
CASES = {
    "kinds of files": Case("magika", "models/standard_v3_3/model.onnx", lambda: {"bytes": ends()}),
    "voices": Case(
        "silero_vad",
        "data/silero_vad_16k_op15.onnx",
        silero,
        {"batch": 1, "sequence": 576},
        {"sr": np.array(16_000)},
    ),
    "letters": Case(
        OCR,
        "models/ch_PP-OCRv4_rec_infer.onnx",
        lambda: {"x": picture()},
        {BATCH: 1, "x_2": 48, HEIGHT: 320},
    ),
    "places of text": Case(
        OCR, "models/ch_PP-OCRv4_det_infer.onnx", page, {BATCH: 1, HEIGHT: 96, WIDTH: 320}
    ),
    "directions of text": Case(
        OCR,
        "models/ch_ppocr_mobile_v2.0_cls_infer.onnx",
        lambda: {"x": picture()[..., :192]},
        {"x_2": 48, "x_3": 192},
    ),
    "pitches": Case(
        "basic_pitch",
        "saved_models/icassp_2022/nmp.onnx",
        lambda: {"serving_default_input_2:0": vowel(43844)[..., None]},
        {"unk__749": 1},
    ),
    "voices in a row": Case("faster_whisper", "assets/silero_vad_v6.onnx", in_a_row, {"seq_len": 4}),
}
"""What each says of its input."""


def label_of(scores):
    """What magika calls the kind of a file."""
    file = CASES["kinds of files"].file
    labels = json.loads((file.parent / "config.min.json").read_text())["target_labels_space"]
    return labels[int(np.argmax(scores))]


def text_of(scores, model):
    """What a recogniser read: the likeliest letter of each column, repetitions and blanks left out."""
    letters = ["", *model.metadata["character"].split("\n"), " "]
    best = scores[0].argmax(-1)
    kept = [b for a, b in zip([0, *best], best, strict=False) if b not in (0, a)]
    return "".join(letters[item] for item in kept)


def outputs_of(case, program, session):
    """What both compute of one input."""
    inputs = case.inputs()
    ours = program(*inputs.values())
    known = {name: np.asarray(value, np.int64) for name, value in case.known.items()}
    return (ours if isinstance(ours, tuple) else (ours,)), session.run(None, inputs | known)


def _seconds(call, times=15):
    best = float("inf")
    for _ in range(times):
        begun = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - begun)
    return best


def main():
    print(f"{'':20}  difference   load, compile, first  (ONNX Runtime)      a call  (ONNX Runtime)")
    for name, case in CASES.items():
        if case.file is None:
            print(f"{name:20}  {case.package} is not installed")
            continue
        begun = time.perf_counter()
        model = case.load()
        loaded = time.perf_counter()
        program = model.compile()
        program(*case.inputs().values())
        done = time.perf_counter()
        session = case.session()
        session_made = time.perf_counter()
        ours, theirs = outputs_of(case, program, session)
        far = max(float(np.abs(a - b).max()) for a, b in zip(ours, theirs, strict=True))
        inputs = case.inputs()
        known = inputs | {key: np.asarray(value, np.int64) for key, value in case.known.items()}
        mine = other = float("inf")
        for _ in range(3):  # interleaved: the machine is not always as fast
            mine = min(mine, _seconds(lambda: program(*inputs.values())))  # noqa: B023  # called here
            other = min(other, _seconds(lambda: session.run(None, known)))  # noqa: B023
        print(
            f"{name:20}  {far:10.1e}   {loaded - begun:5.2f} + {done - loaded:5.2f} s  "
            f"({session_made - done:5.2f} s)   {mine * 1e3:9.2f} ms  ({other * 1e3:.2f} ms)"
        )


if __name__ == "__main__":
    main()
