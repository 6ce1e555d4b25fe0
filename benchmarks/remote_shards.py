"""Runs the steps on shard sets in an S3 store on this machine, and stops some of them.

    make benchmark-remote

The store is moto's server, on 127.0.0.1 alone. What is made of sets there has to equal,
bit for bit, what is made of the same sets on the disk.
"""

import argparse
import contextlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import numpy as np
import tensorflow as tf

from dataset.shards import LABEL_NAMES, Record, ShardSet, write_shard_set

BUCKET = "s3://bucket"
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
        f"evaluation.quality {DEMO}/evaluation_quality.cfg --real_dirs={tumor}"
        f" --held_out_dirs={real}/test/tumor --synthetic_dirs=simgan={sets}/simgan"
        f" --output_dir={work}/quality",
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
                binary="benchmark",
                settings={},
                images_per_shard=64,
            )


def run(command, *, fails=False, **variables):
    """Runs a binary; returns its last line. Its exit code has to be as wanted."""
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", *command.split()],
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    took = time.monotonic() - began
    last = done.stdout.rstrip().rpartition("\n")[2]
    print(f"{command.partition(' ')[0]}: {took:.0f} s: {last}", flush=True)
    if done.returncode != fails or "Traceback" in done.stdout:
        raise SystemExit(f"{done.stdout}\nexit code {done.returncode}: {command}")
    return last


def kill_and_continue(command, folder):
    """Kills a writer once it has two shards, and lets it go on."""
    process = subprocess.Popen(
        [sys.executable, "-m", *command.split()], stderr=subprocess.DEVNULL
    )
    while process.poll() is None:
        names = tf.io.gfile.listdir(folder) if tf.io.gfile.isdir(folder) else []
        if sum(name.endswith(".tfrecord") for name in names) >= 2:
            break
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    names = sorted(tf.io.gfile.listdir(folder))
    if "manifest.json" in names:
        raise SystemExit("the writer was finished before it was killed")
    print(f"killed classifier.augment; {folder} has {', '.join(names)}", flush=True)
    run(f"dataset.verify --data_dirs={folder}", fails=True)
    run(command)


def refusals(work, dead):
    """What a user can get wrong, each to end in one line soon."""
    verify = f"dataset.verify --data_dirs={BUCKET}"
    run(f"{verify}/nothing", fails=True)
    run("dataset.verify --data_dirs=s3://no-such-bucket/set", fails=True)
    run(f"{verify}/real", fails=True, S3_ENDPOINT=f"http://{dead}")
    run(f"{verify}/real", fails=True, PYTHONPATH="")
    augment = f"classifier.augment --data_dirs={BUCKET}/real/train/tumor"
    foreign = f"--num_images=10 --output_dir={BUCKET}/pggan"
    run(f"{augment} {foreign}", fails=True)
    run(
        f"{augment} {foreign} --overwrite",
        fails=True,
        S3_ENDPOINT=f"http://{dead}",
    )
    train = f"pggan.train --data_dir={BUCKET}/real/train/tumor"
    run(f"{train} --model_dir={BUCKET}/model", fails=True)
    run(f"evaluation.table --rows=a=b.csv --output_dir={BUCKET}/t", fails=True)


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


@contextlib.contextmanager
def store(python, log_path):
    """A running S3 store with one bucket; gives its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    command = [python, "-m", "moto.server", "--host=127.0.0.1"]
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
            if server.poll() is not None:
                raise SystemExit(f"the store did not start: see {log_path}")
            time.sleep(0.2)
        yield address
    finally:
        server.terminate()
        server.wait()


def main(args):
    args.output_dir.mkdir(parents=True, exist_ok=True)
    with store(args.store_python, args.output_dir / "store.log") as address:
        os.environ |= {"S3_ENDPOINT": f"http://{address}", "AWS_REGION": "us-east-1"}
        os.environ |= {"AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any"}
        os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
        compared = []
        for sets, name in ((BUCKET, "there"), (args.output_dir / "sets", "here")):
            work = args.output_dir / name
            work.mkdir()
            write_real(sets)
            for command in steps(sets, work):
                if command.startswith("classifier.augment") and sets == BUCKET:
                    kill_and_continue(command, f"{BUCKET}/classic")
                else:
                    run(command)
            compared.append(results(sets, work))
        with socket.socket() as closed:  # Bound, and nobody listens: refuses at once.
            closed.bind(("127.0.0.1", 0))
            refusals(args.output_dir, f"127.0.0.1:{closed.getsockname()[1]}")
    there, here = compared
    differ = [key for key in here if there[key] != here[key]]
    print(f"not as on the disk: {', '.join(differ) or 'nothing'}")
    raise SystemExit(1 if differ else 0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--output_dir", type=pathlib.Path, required=True)
    parser.add_argument("--store_python", required=True, help="Python that has moto")
    main(parser.parse_args())
