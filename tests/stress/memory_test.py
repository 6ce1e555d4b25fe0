"""Long trainings and many images take no more memory than short ones and few.

Each trainer does STRESS_STEPS steps (2,000) of its smallest networks, with logs,
pictures and checkpoints; PGGAN generates ten times as many images. From a quarter of
them to the end, resident memory may grow by GROWTH at most. STRESS_LOG names a file for
the figures.
"""

import json
import os
import pathlib
import threading
import time

import commands
import pytest
import trials

pytestmark = pytest.mark.stress

STEPS = int(os.environ.get("STRESS_STEPS", 2000))
GROWTH = 20  # MB
OFTEN = {"log_steps": STEPS // 40, "checkpoint_minutes": 0.1, "deterministic": False}
FEW = {**OFTEN, "num_steps": STEPS, "halving_steps": STEPS, "keep_steps": []}
FEW |= {"sample_steps": STEPS // 20}
KIMG = STEPS * 4 / 1000
LONG = {
    "pggan.train": {
        **OFTEN,
        "stabilize_kimg": [str(KIMG * 0.05), str(KIMG * 0.9)],
        "fade_kimg": [str(KIMG * 0.05)],
    },
    "unit.train": FEW,
    "munit.train": FEW,
    "simgan.train": FEW,
    # 32 images: 16 steps an epoch, and never done before the last.
    "classifier.train": {
        **OFTEN,
        "batch_size": 2,
        "max_epochs": STEPS // 16,
        "patience": STEPS,
    },
    "pggan.generate": {"num_images": 10 * STEPS, "images_per_shard": STEPS // 4},
}


def resident_mb(pid):
    """Resident memory of a process; None once it has ended."""
    try:
        text = pathlib.Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return None
    found = [line.split()[1] for line in text.splitlines() if line[:6] == "VmRSS:"]
    return int(found[0]) / 1024 if found else None


def progress(out):
    """The share of a training's steps, or of the images, that is done."""
    try:
        lines = (out / "log.jsonl").read_text().splitlines()
        return json.loads(lines[-1])["step"] / STEPS
    except (OSError, IndexError, ValueError):
        shards = list(out.glob("shard-*.tfrecord"))
        return len(shards) * LONG["pggan.generate"]["images_per_shard"] / (10 * STEPS)


def watch(pid, out, seen):
    """Notes (share done, MB) until the process has ended."""
    while (memory := resident_mb(pid)) is not None:
        seen.append((progress(out), memory))
        time.sleep(0.5)


@pytest.mark.parametrize("name", LONG)
def test_memory_stays(name, programs, whole, monkeypatch):
    flags, needs = commands.COMMANDS[name]
    base, _, _ = whole(name)
    folder = trials.prepared(base)
    monkeypatch.setitem(commands.COMMANDS, name, ({**flags, **LONG[name]}, needs))
    monkeypatch.setattr(trials, "EAGERLY", "")
    seen = []

    def meanwhile(pid):
        arguments = (pid, folder / "out", seen)
        threading.Thread(target=watch, args=arguments, daemon=True).start()

    end = trials.run_command(programs, name, folder, meanwhile=meanwhile)
    assert end.code == 0, end.printed
    shares = {
        s: [m for d, m in seen if s <= d < s + 0.25] for s in (0, 0.25, 0.5, 0.75)
    }
    middle = {share: sorted(found)[len(found) // 2] for share, found in shares.items()}
    report(name, middle, end)
    assert max(middle[0.5], middle[0.75]) - middle[0.25] < GROWTH, middle


def report(name, middle, end):
    text = ", ".join(f"{megabytes:.0f}" for megabytes in middle.values())
    line = f"{name}: MB in each quarter: {text}; {end.seconds:.0f} s\n"
    print(line)
    if path := os.environ.get("STRESS_LOG"):
        with open(path, "a") as file:
            file.write(line)
