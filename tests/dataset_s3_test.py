"""The steps on shard sets in an S3 store on this machine; some of them are stopped.

The store is moto's server, on 127.0.0.1 alone. What is made of sets there has to equal,
bit for bit, what is made of the same sets on the disk. `make test-long` brings it, and
TensorFlow's plug-in for it, in a folder of their own: neither is the project's.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import numpy as np
import pytest
import tensorflow as tf
from experiments import ROOT

from dataset.records import LABEL_NAMES, Record
from dataset.shard_writer import write_shard_set
from dataset.shards import ShardSet

STORE_PYTHON = os.environ.get("STORE_PYTHON")  # Has moto.
pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not STORE_PYTHON, reason="STORE_PYTHON is not set"),
]

BUCKET = "s3://bucket"
TUMOR = f"{BUCKET}/real/train/tumor"
SIZE = 32
DEMO = "--flagfile=flags/demo"
# A PGGAN of 7 kimg, a SimGAN of 12 steps, a detector of 10.
PGGAN = "--stabilize_kimg=1 --fade_kimg=1 --log_steps=10"
SIMGAN = "--num_steps=12 --pretrain_refiner_steps=4 --pretrain_discriminator_steps=4"
SIMGAN += " --keep_steps= --log_steps=4 --sample_steps=12 --halving_steps=6"
DETECTOR = "--steps_per_epoch=5 --max_epochs=2 --decay_epochs=1 --log_steps=5"


def steps(sets, work):
    """The commands, in order: binary and flags.

    Args:
      sets: where shard sets lie, `s3://bucket` or a folder.
      work: folder for all else.
    """
    real, generated, classic = f"{sets}/real", f"{sets}/pggan", f"{sets}/classic"
    train = f"{real}/train/tumor,{real}/train/non_tumor"
    test = f"{real}/test/tumor,{real}/test/non_tumor"
    tumor = f"{real}/train/tumor"
    return [
        f"dataset.verify --data_dirs={real}",
        f"pggan.train {DEMO}/pggan_train.cfg {PGGAN} --data_dir={tumor}"
        f" --model_dir={work}/model",
        f"pggan.generate --model_dir={work}/model --num_images=100"
        f" --output_dir={generated}",
        # Of so young a GAN everything would be discarded.
        f"filtering.cluster {DEMO}/filtering_cluster.cfg --data_dir={real}/test/tumor"
        f" --reference_dir={tumor} --output_dir={work}/clusters",
        f"filtering.discard --data_dir={real}/test/tumor --clusters_dir={work}/clusters"
        f" --decisions=proposal --output_dir={sets}/kept",
        f"simgan.train {DEMO}/simgan_train.cfg {SIMGAN} --real_dir={tumor}"
        f" --synthetic_dir={generated} --model_dir={work}/simgan",
        f"simgan.refine --model_dir={work}/simgan --data_dir={generated}"
        f" --output_dir={sets}/simgan",
        f"dataset.verify --data_dirs={sets}/simgan --refined_from={generated}",
        f"classifier.augment --data_dirs={train} --num_images=3000"
        f" --images_per_shard=500 --output_dir={classic}",
        f"classifier.train {DEMO}/classifier_train.cfg {DETECTOR}"
        f" --train_dirs={train},{classic} --validation_dirs={test}"
        f" --model_dir={work}/detector",
        f"classifier.predict --model_dir={work}/detector --data_dirs={test}"
        f" --output_csv={work}/predictions.csv",
        f"evaluation.quality {DEMO}/evaluation_quality.cfg --num_images=20"
        f" --real_dirs={tumor} --held_out_dirs={real}/test/tumor"
        f" --synthetic_dirs=simgan={sets}/simgan --output_dir={work}/quality",
        f"evaluation.tsne {DEMO}/evaluation_tsne.cfg --num_images=40 --perplexity=5"
        f" --real_dirs={tumor} --synthetic_dirs=simgan={sets}/simgan"
        f" --output_dir={work}/tsne",
    ]


def write_real(sets):
    """Writes discs, with a bright spot if tumor, as the shard sets of real images."""
    rows, columns = np.mgrid[:SIZE, :SIZE] / (SIZE - 1) - 0.5
    for part, images in (("train", 200), ("test", 40)):
        for label, name in enumerate(LABEL_NAMES):

            def read(start, stop, part=part, label=label):
                for n in range(start, stop):
                    draws = np.random.default_rng([label, len(part), n])
                    brain = (rows / 0.45) ** 2 + (columns / 0.4) ** 2 < 1
                    levels = brain * draws.uniform(60, 110, [SIZE, SIZE])
                    row, column = draws.uniform(-0.2, 0.2, 2)
                    spot = (rows - row) ** 2 + (columns - column) ** 2 < 0.02
                    image = (levels + 100 * label * spot).astype(np.uint8)
                    patient = f"{part}-{n % 5}"
                    yield Record(image, label, f"{patient}/{label}/{n}", patient)

            folder = f"{sets}/real/{part}/{name}"
            write_shard_set(
                folder,
                read,
                images,
                binary="tests",
                settings={},
                images_per_shard=64,
            )


def run(command, *, fails=False, **variables):
    """Runs a binary; its exit code has to be as expected."""
    done = subprocess.run(
        [sys.executable, "-m", *command.split()],
        cwd=ROOT,
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == fails and "Traceback" not in done.stdout, done.stdout


def kill_and_continue(command, folder):
    """Kills a writer once it has two shards, and lets it go on."""
    process = subprocess.Popen(
        [sys.executable, "-m", *command.split()], cwd=ROOT, stderr=subprocess.DEVNULL
    )
    while process.poll() is None:
        names = tf.io.gfile.listdir(folder) if tf.io.gfile.isdir(folder) else []
        if sum(name.endswith(".tfrecord") for name in names) >= 2:
            break
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert "manifest.json" not in tf.io.gfile.listdir(folder)  # Not finished.
    run(f"dataset.verify --data_dirs={folder}", fails=True)
    run(command)


def results(sets, work):
    """What has to be equal: digests of images, and what was learnt from them."""
    names = ("real/train/tumor", "pggan", "kept", "simgan", "classic")
    shas = {
        name: [s["sha256"] for s in ShardSet(f"{sets}/{name}").manifest["shards"]]
        for name in names
    }
    logs = {
        name: [json.loads(line) for line in open(work / name / "log.jsonl")]
        for name in ("model", "simgan", "detector")
    }
    for lines in logs.values():
        for line in lines:
            for key in [key for key in line if "second" in key]:
                del line[key]
    return {**shas, **logs, "predictions": (work / "predictions.csv").read_text()}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A running S3 store with one bucket, of which this process' environment tells."""
    log_path = tmp_path_factory.mktemp("store") / "log"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    command = [STORE_PYTHON, "-m", "moto.server", "--host=127.0.0.1"]
    command += [f"--port={address.partition(':')[2]}"]
    with open(log_path, "w") as log:
        server = subprocess.Popen(
            command,
            env={**os.environ, "PYTHONPATH": ""},
            stdout=log,
            stderr=log,
        )
    try:
        for _ in range(300):
            with contextlib.suppress(OSError):
                request = urllib.request.Request(
                    f"http://{address}/bucket", method="PUT"
                )
                urllib.request.urlopen(request, timeout=5).close()
                break
            assert server.poll() is None, log_path.read_text()
            time.sleep(0.2)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("S3_ENDPOINT", f"http://{address}")
            patch.setenv("AWS_REGION", "us-east-1")
            patch.setenv("AWS_ACCESS_KEY_ID", "any")
            patch.setenv("AWS_SECRET_ACCESS_KEY", "any")
            write_real(BUCKET)
            yield
    finally:
        server.terminate()
        server.wait()


def test_steps_on_sets_in_a_store_equal_those_on_the_disk(store, tmp_path):
    compared = []
    write_real(tmp_path / "sets")
    for sets, name in ((BUCKET, "there"), (tmp_path / "sets", "here")):
        work = tmp_path / name
        work.mkdir()
        for command in steps(sets, work):
            if command.startswith("classifier.augment") and sets == BUCKET:
                kill_and_continue(command, f"{BUCKET}/classic")
            else:
                run(command)
        compared.append(results(sets, work))
    assert compared[0] == compared[1]


@pytest.fixture(scope="module")
def dead():
    """An endpoint at which nobody listens: bound, so that it refuses at once."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        yield {"S3_ENDPOINT": f"http://127.0.0.1:{closed.getsockname()[1]}"}


@pytest.mark.parametrize(
    "command",
    [
        f"dataset.verify --data_dirs={BUCKET}/nothing",
        "dataset.verify --data_dirs=s3://no-such-bucket/set",
        f"pggan.train --data_dir={TUMOR} --model_dir={BUCKET}/model",
        f"evaluation.table --rows=a=b.csv --output_dir={BUCKET}/t",
        # Another program's set.
        f"classifier.augment --data_dirs={TUMOR} --num_images=10 --output_dir={TUMOR}",
    ],
)
def test_mistake_of_a_user_ends_in_one_line(store, command):
    run(command, fails=True)


def test_store_that_cannot_be_reached_ends_in_one_line_soon(store, dead):
    run(f"dataset.verify --data_dirs={BUCKET}/real", fails=True, **dead)
    augment = f"classifier.augment --data_dirs={TUMOR} --num_images=10"
    run(f"{augment} --output_dir={BUCKET}/x --overwrite", fails=True, **dead)


def test_missing_plug_in_ends_in_one_line(store):
    run(f"dataset.verify --data_dirs={BUCKET}/real", fails=True, PYTHONPATH="")
