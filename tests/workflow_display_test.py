"""What is read from the steps' logs, and what of it the terminal shows."""

import io
import os
import pathlib
import pty
import re
import select
import signal
import subprocess
import sys
import time

import pytest
from tqdm import tqdm

from workflow import display, step_logs

BEGIN = pathlib.Path(__file__).parents[1] / "workflow" / "begin_step.sh"
TITLE = "PGGAN of tumor images: training"
MARK = f"== 2024-05-06 07:08:09 {TITLE} -> pggan/tumor/model/finished.json\n"


def bar(done, total, seconds, **options):
    """What tqdm writes for a bar in this state, seconds after it began."""
    file = io.StringIO()
    # In the first row, whatever bars other tests have left open in this process.
    options = {"desc": "pggan.train", "unit": "img", "position": 0} | options
    shown = tqdm(total=total, file=file, **options)
    shown.start_t -= seconds
    shown.update(done)
    shown.refresh()
    return file.getvalue()


def read(tmp_path, *parts):
    """The tries that have ended, and the `Logs`, of a log written part by part."""
    logs = step_logs.Logs(tmp_path)
    ended = []
    for part in parts:
        with open(tmp_path / "model.log", "ab") as file:
            file.write(part if isinstance(part, bytes) else part.encode())
        ended += logs.read()
    return ended, logs


def test_step_at_work_has_the_latest_state_of_its_bar(tmp_path):
    text = bar(28800, 64000, 72.0, unit_scale=True)
    ended, logs = read(tmp_path, "\n" + MARK, "  steps: 600\n", text)
    (step,) = logs.at_work
    assert not ended and step.title == TITLE
    # 28,800 images in 72 s are 400 a second: 88 s for the others.
    assert step.bar == ("45", "28.8k", "64.0k", "01:28")
    assert display.progress(step) == (45, "28.8k of 64.0k, 1:28 left")


def test_bar_with_losses_and_one_without_speed(tmp_path):
    text = bar(3, 12, 6.0, postfix={"d_loss": "0.1/2"}) + "\r"
    _, logs = read(tmp_path, MARK, text)
    assert logs.at_work[0].bar == ("25", "3", "12", "00:18")
    _, logs = read(tmp_path, MARK, bar(0, 12, 0.0))
    assert display.progress(logs.at_work[0]) == (0, "0 of 12")


def test_step_without_a_bar_has_no_progress(tmp_path):
    _, logs = read(tmp_path, MARK, "Features: histograms.\n")
    assert display.progress(logs.at_work[0]) == (None, "")


def test_bytes_may_come_in_any_pieces(tmp_path):
    text = MARK + bar(1, 2, 5.0, ascii=False)
    text += "\npggan/tumor/model: finished at step 600.\n== ended with 0 after 161 s\n"
    text = text.encode()
    assert "█".encode() in text  # Of several bytes each.
    for number in (1, 2, 7, len(text)):
        folder = tmp_path / str(number)
        folder.mkdir()
        pieces = [text[n : n + number] for n in range(0, len(text), number)]
        (step,), logs = read(folder, *pieces)
        assert (step.code, step.seconds) == (0, 161)
        assert step.result == "finished at step 600"
        assert step.bar[:3] == ("50", "1", "2") and not logs.at_work


def test_what_the_log_held_before_does_not_count(tmp_path):
    read(tmp_path, MARK + "an old line\n== ended with 1 after 3 s\n" + MARK)
    ended, logs = read(tmp_path, "== ended with 1 after 4 s\n")
    assert not ended and not logs.at_work and not logs.failed


def test_try_that_succeeds_makes_up_for_one_that_failed(tmp_path):
    failed = MARK + "no memory\n== ended with 137 after 3 s\n"
    ended, logs = read(tmp_path, failed)
    assert [step.code for step in ended] == [137] and logs.failed == ended
    with open(tmp_path / "model.log", "a") as file:
        file.write(MARK + "== ended with 0 after 5 s\n")
    (step,) = logs.read()
    assert step.code == 0 and not step.last_line and not logs.failed


@pytest.mark.parametrize(
    "line, result",
    [
        ("pggan/tumor/model: finished at step 600.", "finished at step 600"),
        ("pggan/tumor: a", "a"),
        ("pggan/tumor/model: 600 images; look at model/preview.png.", "600 images"),
        ("pggan/non_tumor: a", "pggan/non_tumor: a"),
        ("tumor in 34 of 120 images.", "tumor in 34 of 120 images"),
        ("SIGTERM: saved step 3.", "SIGTERM: saved step 3"),
    ],
)
def test_result_is_the_last_line_without_what_the_step_was_to_write(line, result):
    step = step_logs.Step("log", TITLE, "pggan/tumor/model/finished.json", 0.0)
    step.read_line(line)
    for other in (
        "   cp real/report.json real/finished.json",
        "| row | accuracy |",
        "2024-05-06 07:08:09.123456: I tensorflow/core/util/port.cc:113] oneDNN",
        "WARNING:tensorflow:AutoGraph could not be transformed",
        "",
    ):
        step.read_line(other)
    assert step.result == result


@pytest.mark.parametrize(
    "seconds, text",
    [(0, "0 s"), (59, "59 s"), (161, "2 min 41 s"), (10921, "3 h 2 min")],
)
def test_duration(seconds, text):
    assert display.duration(seconds) == text


@pytest.mark.parametrize(
    "code, text",
    [
        (0, "3 of 4"),
        (1, "exit code 1: 3 of 4"),
        (137, "exit code 137 (killed, as where memory runs out): 3 of 4"),
        (130, "stopped: 3 of 4"),
    ],
)
def test_line_of_a_step_that_did_not_finish_says_so(code, text):
    step = step_logs.Step("log", TITLE, "a", 0.0, None, "3 of 4.", code, 61)
    assert re.fullmatch(
        rf"{TITLE} +1 min 1 s  {re.escape(text)}", display.ended_line(step)
    )


@pytest.mark.parametrize(
    "code, end", [(0, "s"), (1, r"s  exit code 1: no( no)+ \[...\]")]
)
def test_long_line_is_the_beginning_of_an_error_and_no_result(code, end):
    step = step_logs.Step("log", TITLE, "a", 0.0, None, "no " * 60, code, 1)
    line = display.ended_line(step)
    assert re.fullmatch(rf"{TITLE} +1 {end}", line) and len(line) < 200


def begin(folder, command):
    """A step's shell, as Snakemake starts it."""
    line = f". '{BEGIN}' '{TITLE}' pggan/tumor/model/finished.json; set -x; {command}"
    return subprocess.Popen(
        ["bash", "-c", f"set -euo pipefail; {line}"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        text=True,
    )


@pytest.mark.parametrize("command, code", [("true", 0), ("false", 1), ("exit 3", 3)])
def test_log_of_a_step_marks_begin_and_end_and_holds_its_command(
    tmp_path, command, code
):
    logs = step_logs.Logs(tmp_path / "logs")
    before = int(time.time())
    process = begin(tmp_path, f"echo to both >&2; {command}")
    assert process.communicate(timeout=60) == ("", None) and process.returncode == code
    (step,) = logs.read()
    assert (step.title, step.code, step.last_line) == (TITLE, code, "to both")
    assert before <= step.began <= time.time() and step.seconds < 60
    text = (tmp_path / "logs/pggan/tumor/model.log").read_text()
    assert f"\n   {command}\n" in text
    assert text.splitlines()[-1].startswith(f"== ended with {code}")


SAVE = """
import signal, sys, time
def save(*_):
    time.sleep(1)
    print("saved")
    sys.exit(128 + 15)
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(number, save)
print("ready", flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_end_is_marked_when_a_stopped_step_has_saved(tmp_path, number):
    script = tmp_path / "save.py"
    script.write_text(SAVE)
    # The tests may run where SIGINT or SIGHUP is ignored.
    before = signal.signal(number, signal.SIG_DFL)
    logs = step_logs.Logs(tmp_path / "logs")
    process = begin(tmp_path, f"{sys.executable} {script}")
    signal.signal(number, before)
    log = tmp_path / "logs/pggan/tumor/model.log"
    while not log.exists() or "ready\n" not in log.read_text():
        time.sleep(0.05)
    os.killpg(process.pid, number)
    process.communicate(timeout=60)
    (step,) = logs.read()
    assert step.last_line == "saved" and step.code == 128 + number
    assert log.read_text().endswith("s\n")


def write(folder, name, text):
    path = folder / "logs" / f"{name}.log"
    path.parent.mkdir(exist_ok=True)
    with open(path, "a") as file:
        file.write(text)


def mark(title, output="x/finished.json"):
    now = time.strftime("%Y-%m-%d %H:%M:%S")
    return f"== {now} {title} -> {output}\n"


def test_without_a_terminal_a_line_per_ended_step_and_one_a_minute(
    tmp_path, capsys, monkeypatch
):
    (tmp_path / "snakemake.log").write_text("all 1\ntotal   40\n")
    write(tmp_path, "b", mark("second") + "an old line\n== ended with 1 after 3 s\n")
    shown = display.Display(tmp_path / "logs", tmp_path / "snakemake.log")
    with shown:
        write(tmp_path, "a", mark("first") + "x: a result.\n")
        write(tmp_path, "b", mark("second") + bar(3, 12, 6.0))
        shown.update()
        assert capsys.readouterr().out == ""
        write(tmp_path, "a", "== ended with 0 after 161 s\n")
        shown.update()
        assert re.fullmatch(
            r"\[00:0\d\] first +2 min 41 s  a result\n", capsys.readouterr().out
        )
        monkeypatch.setattr(display, "SECONDS_BETWEEN", 0)
        shown.update()
        text = capsys.readouterr().out
        assert "at work, 0 of 40 steps finished: second (25 %, 3 of" in text
        monkeypatch.undo()
        write(tmp_path, "b", "\nno memory\n== ended with 137 after 5 s\n")
    assert "second" in (text := capsys.readouterr().out) and "no memory" in text
    title, *lines = shown.failures()
    assert title.startswith("second: exit code 137 (killed") and "logs/b.log" in title
    assert re.fullmatch(r"  pggan\.train:  25%.* 3/12 .*", lines[0]), lines
    assert lines[1:] == ["  no memory"]


SHOW = """
import sys, time
from workflow import display
folder = sys.argv[1]
with display.Display(f"{folder}/logs", f"{folder}/snakemake.log") as shown:
    shown.update()
    for name in ("a", "b"):
        with open(f"{folder}/logs/{name}.log", "a") as file:
            file.write(open(f"{folder}/{name}").read())
    shown.update()
    with open(f"{folder}/logs/a.log", "a") as file:
        file.write("== ended with 0 after 161 s\\n")
    shown.update()
    sys.stdin.readline()
    shown.update()
print("still here", file=sys.stderr)
"""


def test_terminal_shows_what_is_at_work_below_what_has_ended(tmp_path):
    (tmp_path / "logs").mkdir()
    (tmp_path / "a").write_text(mark("first") + "done it.\n")
    (tmp_path / "b").write_text(mark("second") + bar(3, 12, 6.0))
    leader, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", SHOW, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=terminal,
        stderr=subprocess.PIPE,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "120"},
        text=True,
    )
    os.close(terminal)
    text = ""
    while "2 min 41 s" not in text or not text.rstrip().endswith("left"):
        assert select.select([leader], [], [], 60)[0], text
        text += os.read(leader, 10000).decode()
    text = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", text)
    line, area = text.rpartition("done it")[0], text.rpartition("done it")[2]
    assert re.search(r"\] first +2 min 41 s  $", line)
    assert "first" not in area and re.search(r"second +\S+ +3 of 12, 0:18 left", area)
    os.close(leader)  # The terminal has gone.
    _, errors = process.communicate("\n", timeout=60)
    assert process.returncode == 0 and errors == "still here\n"
