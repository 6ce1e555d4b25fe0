"""What a training step's time goes to, by TensorFlow's profiler.

    python -m benchmarks.profile simgan:128:2

A step is as in `benchmarks.peers`. One thread: operations follow one another, and their
times add up to the step's.
"""

if __name__ == "__main__":  # Before TensorFlow is imported.
    import os

    from flags import binary

    binary.set_process_up()
    for variable in ("OMP", "TF_INTRAOP", "TF_INTEROP"):
        os.environ.setdefault(f"{variable}_NUM_THREADS", "1")

import argparse
import collections
import pathlib
import tempfile

import tensorflow as tf
from tensorflow.tsl.profiler.protobuf import xplane_pb2

from benchmarks import timing
from benchmarks.project_steps import ProjectStep, parse_step
from evaluation.tables import Table

PICO = 1e-12


def profile(step, warm_up=2):
    """Seconds and number of an operation's runs in one step, by (type, name)."""
    for _ in range(warm_up):
        step()
    with tempfile.TemporaryDirectory() as folder:
        with tf.profiler.experimental.Profile(folder):
            step()
        (path,) = pathlib.Path(folder).rglob("*.xplane.pb")
        space = xplane_pb2.XSpace.FromString(path.read_bytes())
    times = collections.defaultdict(lambda: [0.0, 0])
    for plane in space.planes:
        for event in (event for line in plane.lines for event in line.events):
            # Functions as a whole are there, too, behind a space.
            name, _, kind = plane.event_metadata[event.metadata_id].name.partition(":")
            if kind and kind[0] not in ": ":
                own = times[kind.partition("#")[0], name]
                own[0] += event.duration_ps * PICO
                own[1] += 1
    return dict(times)


def by_type(times):
    """Seconds and number of each type of operation, the longest first."""
    sums = collections.defaultdict(lambda: [0.0, 0])
    for (kind, _), (seconds, number) in times.items():
        sums[kind][0] += seconds
        sums[kind][1] += number
    return sorted(sums.items(), key=lambda item: -item[1][0])


def table(sums, most):
    """The operations that take longest, in Markdown."""
    whole = sum(seconds for _, (seconds, _) in sums)
    rows = [
        [kind, f"{seconds:.4f}", f"{seconds / whole:.1%}", number]
        for kind, (seconds, number) in sums[:most]
    ]
    return Table(["operation", "s", "of all", "runs"], rows).to_markdown()


def main(options):
    for name, size, batch in options.steps:
        step = ProjectStep(name, size, batch, options.flags, *options.flag)
        step()
        with timing.real_time(options.real_time):
            times = profile(step)
        print(f"{name}, {size} px, {batch} images\n")
        print(table(by_type(times), options.most))
        if options.single:
            longest = sorted(times.items(), key=lambda item: -item[1][0])
            sums = [(f"{name} {kind}", own) for (kind, name), own in longest]
            print(table(sums, options.most))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("steps", nargs="+", type=parse_step, help="model:size:batch")
    parser.add_argument("--flags", default="flags/paper", help="folder of flagfiles")
    parser.add_argument(
        "--flag", action="append", default=[], help="a further flag of the training"
    )
    parser.add_argument("--most", type=int, default=25, help="lines of a table")
    parser.add_argument(
        "--single", action="store_true", help="each operation of the graph, too"
    )
    parser.add_argument(
        "--real_time", action="store_true", help="let nothing else run (root)"
    )
    main(parser.parse_args())
