"""Times reading and writing: images per second from and to shard sets.

    python -m benchmarks.pipeline --data_dirs=real/train/tumor,real/train/non_tumor

Prints a Markdown table: decoded examples, the batches of each trainer, and the images
of the first set written once more, as generating and refining do. `--cold` asks the
system to forget the shards' pages before each row that reads.
"""

if __name__ == "__main__":  # Before TensorFlow is imported.
    from flags import binary

    binary.set_process_up()

import argparse
import itertools
import os
import tempfile
import time

import tensorflow as tf

from benchmarks import timing
from classifier import input_pipeline as classifier_input
from dataset.shard_writer import write_shard_set
from dataset.shards import ShardSet
from evaluation.tables import Table
from pggan import growth
from pggan import input_pipeline as pggan_input
from refiners import domains
from training import input as training_input

BATCH = 64
WRITTEN = 2000
ENDLESS = 10**8


def build_readers(shard_sets, image_size):
    """Dict of name to a `tf.data.Dataset` and how many images each element has."""
    largest = max(shards.image_size for shards in shard_sets)
    resolution = 1 << (largest - 1).bit_length()
    series = {"start": 0, "stop": ENDLESS, "seed": 0}
    first = shard_sets[0]
    pairs = domains.paired_series(first, first, size=resolution, **series)
    return {
        "examples": (training_input.shuffled_examples(shard_sets, **series), 1),
        "pggan": (
            pggan_input.phase_batches(
                first,
                growth.Phase(resolution, False, 0, ENDLESS),
                resolution=resolution,
                batch_size=BATCH,
                seed=0,
                first_image=0,
                last_image=ENDLESS,
            ),
            BATCH,
        ),
        "unit, munit, simgan": (training_input.finish(pairs.batch(BATCH)), 2 * BATCH),
        f"classifier, {image_size} px": (
            classifier_input.training_batches(
                shard_sets,
                image_size=image_size,
                batch_size=BATCH,
                first_step=0,
                last_step=ENDLESS // BATCH,
                seed=0,
            ),
            BATCH,
        ),
    }


def speed(dataset, images, seconds, clock):
    """Images per second, after the first ones."""
    elements, count = iter(dataset), 0
    for _ in itertools.islice(elements, 4):
        pass
    now = timing.CLOCKS[clock]
    began, start = now(), time.monotonic()
    for _ in elements:
        count += images
        if time.monotonic() - start > seconds:
            break
    return count / (now() - began)


def forget(shard_sets):
    """Takes the shards out of the system's memory."""
    for path in itertools.chain.from_iterable(own.paths for own in shard_sets):
        with open(path, "rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def writing_speed(shards, clock):
    """Images per second written, of at most `WRITTEN` that are in memory."""
    records = [shards.record(n) for n in range(min(WRITTEN, len(shards)))]
    now = timing.CLOCKS[clock]
    with tempfile.TemporaryDirectory() as folder:
        began = now()
        write_shard_set(
            os.path.join(folder, "written"),
            lambda start, stop: records[start:stop],
            len(records),
            binary=__spec__.name,
            settings={},
        )
        return len(records) / (now() - began)


def main(options):
    if options.threads:
        tf.config.threading.set_intra_op_parallelism_threads(options.threads)
        tf.config.threading.set_inter_op_parallelism_threads(options.threads)
    folders = options.data_dirs.split(",")
    rows = []
    with timing.real_time(options.real_time):
        for name in build_readers([ShardSet(f) for f in folders], options.image_size):
            shard_sets = [ShardSet(folder) for folder in folders]
            if options.cold:
                forget(shard_sets)
            dataset, images = build_readers(shard_sets, options.image_size)[name]
            rate = speed(dataset, images, options.seconds, options.clock)
            rows.append([name, f"{rate:,.0f}"])
        shards = ShardSet(folders[0])
        rate = writing_speed(shards, options.clock)
        rows.append(["written", f"{rate:,.0f}"])
    print(f"{folders[0]}: {len(shards):,} images of {shards.image_size} px\n")
    print(Table(["read or written", "images/s"], rows).to_markdown())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data_dirs", required=True, help="shard sets, by commas")
    parser.add_argument("--image_size", type=int, default=224, help="the detector's")
    parser.add_argument("--seconds", type=float, default=3.0, help="of each row")
    parser.add_argument("--threads", type=int, default=1, help="0: as many as cores")
    parser.add_argument("--cold", action="store_true")
    parser.add_argument("--clock", choices=timing.CLOCKS, default="wall")
    parser.add_argument(
        "--real_time", action="store_true", help="let nothing else run (root)"
    )
    main(parser.parse_args())
