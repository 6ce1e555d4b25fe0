"""Two workers on one machine train together: `--strategy=multi_worker`."""

import json
import os
import signal
import socket
import subprocess
import sys
import time

import interruption
import numpy as np
import pytest

from dataset.shards import UserError
from flags import pggan as pggan_flags
from training.run import flagfile
from training.workers import read_tf_config

# Steps of the phases: 4 px 1-10, 8 px fading 11-20, 8 px 21-40.
SMALL = {
    "resolution": 8,
    "num_epochs": 0.0,
    "stabilize_kimg": ["0.04", "0.08"],
    "fade_kimg": ["0.04"],
    "batch_size": 4,
    "stddev_group": 2,
    "latent_size": 8,
    "fmap_base": 32,
    "fmap_max": 8,
    "deterministic": True,
    "checkpoint_minutes": 0.0,
    "log_steps": 2,
}


@pytest.fixture(scope="module")
def train_settings(flag_defaults, tmp_path_factory, write_images):
    """A function of a new folder's name to the settings of a training in it."""
    folder = tmp_path_factory.mktemp("workers")
    data_dir = write_images(folder / "tumor", 1, images=5, size=8).directory
    defaults = {**flag_defaults(pggan_flags.define_train), **SMALL}

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


def start_workers(settings, count=2):
    """Starts the workers; returns their processes, the chief first."""
    cluster = {"worker": free_addresses(count)}
    processes = []
    for index in range(count):
        config = {"cluster": cluster, "task": {"type": "worker", "index": index}}
        processes.append(
            subprocess.Popen(
                [sys.executable, "-m", "pggan.train", *flagfile(settings).split()],
                env={**os.environ, "TF_CONFIG": json.dumps(config)},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        )
    return processes


def outputs(processes):
    try:
        return [process.communicate(timeout=240)[0] for process in processes]
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


def test_two_workers_equal_one(together, train_settings):
    """Losses of every line of the log; sums are in another order, and Adam amplifies.

    The same comparison with two replicas of one process, to 1e-5, is in
    `pggan_train_test.py`.
    """
    alone = train_settings("one", strategy="one_device", stddev_group=2)
    result = interruption.run("pggan.train", alone)
    assert result.returncode == 0, result.stderr
    one, two = (log(s["model_dir"]) for s in (alone, together[0]))
    assert [line["step"] for line in two] == list(range(2, 41, 2))
    for expected, line in zip(one, two, strict=True):
        for name in set(line) - {"seconds_per_step"}:
            assert line[name] == pytest.approx(expected[name], rel=1e-3, abs=1e-4), line
    weights, others = (
        interruption.final_weights(s["model_dir"]) for s in (alone, together[0])
    )
    for name, value in weights.items():
        np.testing.assert_allclose(others[name], value, rtol=0, atol=2e-3, err_msg=name)


def log(model_dir):
    with open(os.path.join(model_dir, "log.jsonl")) as file:
        return [json.loads(line) for line in file]


def test_the_chief_alone_writes_and_says_how_far_it_is(together):
    settings, (chief, other) = together
    assert "runs on: 2 replica(s) on 2 workers" in chief
    assert "img/s" in chief and "img/s" not in other
    assert len(os.listdir(os.path.join(settings["model_dir"], "events"))) == 1


@pytest.mark.parametrize("victim", [0, 1])
def test_killed_worker_started_again_continues(victim, together, train_settings):
    settings = train_settings(f"killed-{victim}", strategy="multi_worker")
    processes = start_workers(settings)
    moment = interruption.after_step(settings["model_dir"], 14)
    while not moment():
        assert processes[victim].poll() is None, outputs(processes)
        time.sleep(0.001)
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


def test_worker_asked_to_end_has_all_save_and_end(train_settings):
    settings = train_settings("asked", strategy="multi_worker", checkpoint_minutes=60.0)
    processes = start_workers(settings)
    moment = interruption.after_step(settings["model_dir"], 6)
    while not moment():
        assert processes[1].poll() is None, outputs(processes)
        time.sleep(0.001)
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
        (None, "TF_CONFIG is not set; wanted as on the first of two machines"),
        ("{", "TF_CONFIG={: wanted as on"),
        ('{"cluster": {}}', "wanted as on"),
        (config(["a:1", "b:1"], type="worker", index=2), "wanted as on"),
        (config(["a:1", "b:1"], type="worker", index=-1), "wanted as on"),
        (config(["a:1", "b:1"], type="worker", index="0"), "wanted as on"),
        (config(["a:1", "b:1"], type="ps", index=0), "wanted as on"),
        (config(["a", "b:1"], type="worker", index=0), "wanted as on"),
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
