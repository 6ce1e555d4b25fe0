"""Two workers on one machine train together: `--strategy=multi_worker`."""

import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

import interruption
import numpy as np
import pytest
import small_trainings
from refusals import refused

from dataset.errors import UserError
from flags.binary import definition
from training import lanes
from training.model_dir import flagfile
from training.strategy import create_strategy
from training.workers import read_tf_config


def several_workers(test):
    """Processes that wait for one another: long, and of the faithful lane."""
    newest = lanes.LANE == lanes.NEWEST
    reason = "Keras 3 does not train on several machines"
    return pytest.mark.long(pytest.mark.skipif(newest, reason=reason)(test))


# Steps of the phases: 4 px 1-10, 8 px fading 11-20, 8 px 21-40. A group of the
# minibatch standard deviation lies within a replica.
SMALL = {**small_trainings.PGGAN, "stddev_group": 2}
SMALL |= {"stabilize_kimg": ["0.04", "0.08"], "fade_kimg": ["0.04"]}
OTHERS = {"classifier": {"max_epochs": 2}, "unit": {"batch_size": 2}, "simgan": {}}
OTHERS |= {"munit": {"batch_size": 2}}


def test_every_trainer_is_here():
    small_trainings.assert_every_trainer_in(["pggan", *OTHERS])


@pytest.fixture(scope="module")
def train_settings(flag_defaults, tmp_path_factory, write_images):
    """A function of a new folder's name to the settings of a training in it."""
    folder = tmp_path_factory.mktemp("workers")
    data_dir = write_images(folder / "tumor", 1, images=5, size=8).directory
    defaults = {**flag_defaults(definition("pggan.train")), **SMALL}

    def settings(name, **own):
        own = {"data_dir": data_dir, "model_dir": str(folder / name), **own}
        return {**defaults, **own}

    return settings


def free_addresses(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    addresses = [f"127.0.0.1:{opened.getsockname()[1]}" for opened in sockets]
    for opened in sockets:
        opened.close()
    return addresses


def start_workers(settings, name="pggan.train", count=2):
    """Starts the workers; returns their processes, the chief first."""
    cluster = {"worker": free_addresses(count)}
    processes = []
    for index in range(count):
        config = {"cluster": cluster, "task": {"type": "worker", "index": index}}
        processes.append(
            subprocess.Popen(
                [sys.executable, "-m", name, *flagfile(settings).split()],
                env={**os.environ, "TF_CONFIG": json.dumps(config)},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        )
    return processes


def wait_for_step(settings, step, processes):
    """Waits until the chief has logged `step`."""
    moment = interruption.after_step(settings["model_dir"], step)
    while not moment():
        assert processes[0].poll() is None, outputs(processes)
        time.sleep(0.001)


def outputs(processes):
    try:
        return [p.communicate(timeout=interruption.SECONDS)[0] for p in processes]
    finally:
        for process in processes:
            process.kill()


@pytest.fixture(scope="module")
def together(train_settings):
    """Settings and outputs of an uninterrupted training by two workers."""
    settings = train_settings("two", strategy="multi_worker")
    processes = start_workers(settings)
    printed = outputs(processes)
    assert [process.returncode for process in processes] == [0, 0], printed
    return settings, printed


@several_workers
def test_two_workers_equal_one(together, train_settings):
    """Losses of every line of the log; sums are in another order, and Adam amplifies:

    of steps 2 to 20 the losses differ by 4e-6 at most on one processor, of step 40 by
    1.5e-3, from the step on in which an activation rounds to the other side of zero.

    The same comparison with two replicas of one process, to 1e-5, is in
    `pggan_train_test.py`.
    """
    alone = train_settings("one", strategy="one_device")
    result = interruption.run("pggan.train", alone)
    assert result.returncode == 0, result.stderr
    assert_logs_agree(alone, together[0], rel=1e-4, last_step=20)
    logged = assert_logs_agree(alone, together[0], rel=2e-2)
    assert [line["step"] for line in logged] == list(range(2, 41, 2))
    weights, others = (
        interruption.final_weights(s["model_dir"]) for s in (alone, together[0])
    )
    for name, value in weights.items():
        np.testing.assert_allclose(others[name], value, rtol=0, atol=1e-1, err_msg=name)


def assert_logs_agree(settings, others, *, rel, last_step=None):
    """Asserts that two trainings logged the same losses; returns the second's lines."""
    one, two = (
        interruption.log_lines(each["model_dir"]) for each in (settings, others)
    )
    assert [line["step"] for line in one] == [line["step"] for line in two]
    for expected, line in zip(one, two, strict=True):
        assert expected.keys() == line.keys()
        if line["step"] <= (last_step or line["step"]):
            for name in line.keys() - {"seconds_per_step", "phase"}:
                assert line[name] == pytest.approx(expected[name], rel=rel, abs=1e-4)
    return two


@several_workers
@pytest.mark.parametrize("name", OTHERS)
def test_every_trainer_trains_on_two_workers(
    name, flag_defaults, write_images, tmp_path
):
    """To its end, with the files of one; the first losses are those of one.

    Later ones drift apart by the order of sums: batch norm and Adam amplify it.
    """
    binary, own, write_data = small_trainings.TRAININGS[name]
    settings = {**flag_defaults(definition(binary)), **own, **OTHERS[name]}
    settings |= {**write_data(tmp_path, write_images), "log_steps": 1}
    alone, both = (
        {**settings, "model_dir": str(tmp_path / strategy), "strategy": strategy}
        for strategy in ("one_device", "multi_worker")
    )
    result = interruption.run(binary, alone)
    assert result.returncode == 0, result.stderr
    processes = start_workers(both, binary)
    printed = outputs(processes)
    assert [process.returncode for process in processes] == [0, 0], printed
    assert_logs_agree(alone, both, rel=1e-3, last_step=1)
    assert files_of(alone) == files_of(both)


def files_of(settings):
    """The names of what a training left; TensorBoard's have the time in them."""
    names = set()
    for path in pathlib.Path(settings["model_dir"]).rglob("*"):
        if path.is_file() and path.parent.name != "events":
            names.add(str(path.relative_to(settings["model_dir"])))
    return names


@several_workers
def test_the_chief_alone_writes_and_says_how_far_it_is(together):
    settings, (chief, other) = together
    assert "runs on: 2 replica(s) on 2 workers" in chief
    assert "img/s" in chief and "img/s" not in other
    assert len(os.listdir(os.path.join(settings["model_dir"], "events"))) == 1


@several_workers
@pytest.mark.parametrize("victim", [0, 1])
def test_killed_worker_started_again_continues(victim, together, train_settings):
    settings = train_settings(f"killed-{victim}", strategy="multi_worker")
    processes = start_workers(settings)
    wait_for_step(settings, 14, processes)
    processes[victim].kill()
    printed = outputs(processes)
    assert processes[1 - victim].returncode != 0, printed
    if victim == 1:
        assert "another worker has ended or cannot be reached" in printed[0]
        assert "Traceback" not in printed[0]
    processes = start_workers(settings)
    printed = outputs(processes)
    assert [process.returncode for process in processes] == [0, 0], printed
    assert "continuing at step" in printed[0]
    interruption.assert_bits_equal(
        *(interruption.final_weights(s["model_dir"]) for s in (settings, together[0]))
    )


@several_workers
def test_worker_asked_to_end_has_all_save_and_end(train_settings):
    settings = train_settings("asked", strategy="multi_worker", checkpoint_minutes=60.0)
    processes = start_workers(settings)
    wait_for_step(settings, 6, processes)
    processes[1].send_signal(signal.SIGTERM)
    printed = outputs(processes)
    for process, text in zip(processes, printed):
        assert process.returncode == 128 + signal.SIGTERM, text
        assert "SIGTERM: saved step" in text


def config(addresses, **task):
    return json.dumps({"cluster": {"worker": addresses}, "task": task})


@pytest.mark.parametrize(
    "text, says",
    [
        (None, "TF_CONFIG is not set; expected as on the first of two machines"),
        ("{", "TF_CONFIG={: expected as on"),
        ('{"cluster": {}}', "expected as on"),
        (config(["a:1", "b:1"], type="worker", index=2), "expected as on"),
        (config(["a:1", "b:1"], type="worker", index=-1), "expected as on"),
        (config(["a:1", "b:1"], type="worker", index="0"), "expected as on"),
        (config(["a:1", "b:1"], type="ps", index=0), "expected as on"),
        (config(["a", "b:1"], type="worker", index=0), "expected as on"),
        (config(["a:1", "a:1"], type="worker", index=0), "an address stands twice"),
    ],
)
def test_unusable_tf_config_is_refused(text, says, monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    if text:
        monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(UserError) as error:
        read_tf_config()
    assert says in str(error.value)


def test_chief_of_its_own_kind_comes_first(monkeypatch):
    cluster = {"chief": ["a:1"], "worker": ["b:1", "c:1"]}
    places = {("chief", 0): 0, ("worker", 0): 1, ("worker", 1): 2}
    for (kind, index), place in places.items():
        task = {"type": kind, "index": index}
        monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": cluster, "task": task}))
        assert read_tf_config() == (place, 3)


@several_workers
def test_early_end_is_that_of_all_workers(train_settings, write_images, tmp_path):
    """PGGAN's, whose chief decides: all end, and its memory is in the checkpoint."""
    validation_dir = write_images(tmp_path / "v", 1, ("c",), images=5, size=8).directory
    flags = {"distance_kimg": 0.016, "stop_when_flat": 0.03}  # 4 steps; 8.
    settings = train_settings(
        "flat", strategy="multi_worker", validation_dir=validation_dir, **flags
    )
    processes = start_workers(settings)
    printed = outputs(processes)
    assert [process.returncode for process in processes] == [0, 0], printed
    with open(os.path.join(settings["model_dir"], "finished.json")) as file:
        finished = json.load(file)
    assert finished["stopped_when_flat"] and finished["step"] == 32
    assert all("finished at step 32." in text for text in printed)
    weights = interruption.final_weights(settings["model_dir"])
    (memory,) = (value for name, value in weights.items() if "memory" in name)
    assert memory.tolist() == [
        *(finished["distance"], 128, finished["best_distance"]),
        finished["best_distance_at_image"],
    ]


def test_newest_lane_says_that_it_cannot(monkeypatch):
    monkeypatch.setattr(lanes, "LANE", lanes.NEWEST)
    with refused("--strategy=multi_worker", "faithful lane"):
        create_strategy("multi_worker", 2)
