"""Stands for Python in the workflow, which calls it as `-m pggan.train --flag=value`.

It logs the command line to the file $CALLS and writes the file that the step's rule
waits for, with the state and at the place that an environment variable asks for.
"""

import os
import pathlib
import signal
import sys
import time

LAST_FILES = {
    "dataset.phantom": "phantom.json",
    "dataset.prepare": "report.json",
    "evaluation.table": "table.json",
    "classifier.export": "saved_model.pb",
    "filtering.cluster": "clusters.json",
    "evaluation.learning_curve": "learning_curve.json",
    "evaluation.quality": "quality.json",
    "evaluation.tsne": "tsne.json",
}
TABLE = """{
  "rows": [{"group": "", "mix": "real", "control_of": [], "num_runs": 1,
            "constant_runs": ["tumor"]}],
  "settings": {"at_specificity": 0.9}, "resolution": {"text": ""}, "conclusion": ""
}"""
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

binary = sys.argv[2]
flags = dict(a.lstrip("-").split("=", 1) for a in sys.argv[3:] if "=" in a)


def log(*words):
    with open(os.environ["CALLS"], "a") as file:
        print(*words, file=file)


def last_file():
    """The path of the file that the binary writes last."""
    for name in ("output_csv", "output_html", "output_json"):
        if name in flags:
            return pathlib.Path(flags[name])
    folder = pathlib.Path(flags.get("output_dir") or flags.get("model_dir") or ".")
    other = "finished.json" if binary.endswith("train") else "manifest.json"
    return folder / LAST_FILES.get(binary, other)


def save(*_):
    for number in SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    log("saved", binary)
    sys.exit(143)


def hang(when):
    """Waits to be killed, or to be told to save, if $HANG names this step."""
    if os.environ.get("HANG") == f"{when} {binary}":
        for number in SIGNALS:
            signal.signal(number, save)
        if "DEAF" in os.environ:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        (last_file().parent / "checkpoint").touch()
        log("hang", os.getpid())
        time.sleep(60)


if "--dry_run" in sys.argv:
    log("ask", *sys.argv[2:])
    print("  checkpoints: 2 of 1000 MB")
    wrong = os.environ.get("WRONG") == binary
    sys.exit(f"{binary}: error: --x=1, expected 2." if wrong else 0)
log("start", *sys.argv[2:])
if "SHOW_GPUS" in os.environ:
    log("gpus", os.environ.get("CUDA_VISIBLE_DEVICES") or "none", binary)
last_file().parent.mkdir(parents=True, exist_ok=True)
hang("in")
if os.environ.get("BROKEN") == binary:
    sys.exit(f"{binary}: error: something is wrong.")
last_file().write_text(TABLE if binary == "evaluation.table" else '{"step": 300}')
print("300.")
hang("after")
log("end", *sys.argv[2:])
