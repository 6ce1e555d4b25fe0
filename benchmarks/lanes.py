"""Times every model's training step in both lanes, in turn, in processes of their own.

    python -m benchmarks.lanes --pythons=.venv-faithful/bin/python \\
        --pythons=.venv-newest/bin/python --output_dir=lanes pggan:32:8 unit:32:8

A step is a model, the size of its images and their number, with the networks of
`--flags`. Each round starts one process in each lane. Writes `lanes.json` and
`lanes.md`: seconds to import TensorFlow and Keras, of the first step with what is built
for it, and of a later one; the peak of memory. One thread; seconds are the processor's.
"""

if __name__ == "__main__":  # Before TensorFlow is imported.
    import os
    import time

    from flags import binary

    binary.set_process_up()
    for variable in ("OMP", "TF_INTRAOP", "TF_INTEROP"):
        os.environ[f"{variable}_NUM_THREADS"] = "1"
    began = time.process_time()

import argparse
import json
import pathlib
import resource
import statistics
import subprocess
import time

import keras

from benchmarks import timing
from benchmarks.project_steps import ProjectStep, parse_step
from evaluation.tables import Table

MEASURES = {
    "import": "import (s)",
    "first": "first step (s)",
    "step": "step (s)",
    "memory": "memory (MB)",
}


def measure(step, flags, steps_timed, imported):
    """A model's step in this process's lane.

    Args:
      step: model, size and batch.
      flags: folder of flagfiles.
      steps_timed: number of steps whose median is taken, after the first.
      imported: seconds that imports have taken.

    Returns:
      A dict of `MEASURES` and `lane`.
    """
    name, size, batch = step
    started = time.process_time()
    function = ProjectStep(name, size, batch, flags)
    function()
    first = time.process_time() - started
    timed = timing.in_turn({"step": function}, steps_timed, clock="processor")
    return {
        "import": imported,
        "first": first,
        "step": statistics.median(timed["step"]),
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6,
        "lane": f"Keras {keras.__version__}",
    }


def measure_apart(python, step, options):
    """What `measure` returns, from a process of another interpreter."""
    command = [python, "-m", "benchmarks.lanes", f"--flags={options.flags}"]
    result = subprocess.run(
        [*command, f"--steps_timed={options.steps_timed}", "--here", name_of(step)],
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    return json.loads(result.stdout.splitlines()[-1])


def name_of(step):
    return ":".join(map(str, step))


def table(results):
    """Medians over rounds, the lanes side by side, and the ratio of their steps."""
    lanes = list(dict.fromkeys(own["lane"] for own in results))
    rows = []
    for step in dict.fromkeys(own["model"] for own in results):
        of_lane = {
            lane: [r for r in results if (r["model"], r["lane"]) == (step, lane)]
            for lane in lanes
        }
        medians = {
            measure: [statistics.median(r[measure] for r in of_lane[x]) for x in lanes]
            for measure in MEASURES
        }
        cells = [short(m) for measure in MEASURES for m in medians[measure]]
        ratio = medians["step"][-1] / medians["step"][0]
        rows.append([step, *cells, f"{ratio:.2f}"])
    header = [f"{title}, {x}" for title in MEASURES.values() for x in lanes]
    return Table(["model", *header, "step, last by first"], rows).to_markdown()


def short(value):
    """Three digits, and no fewer than a whole number has."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def main(options):
    results = []
    options.output_dir.mkdir(parents=True, exist_ok=True)
    for step in options.steps:
        for _ in range(options.rounds):
            for python in options.pythons:
                own = measure_apart(python, step, options)
                results.append({"model": name_of(step), **own})
                text = json.dumps(results, indent=1)
                (options.output_dir / "lanes.json").write_text(text)
    (options.output_dir / "lanes.md").write_text(table(results))
    print(table(results))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("steps", nargs="+", type=parse_step, help="model:size:batch")
    parser.add_argument(
        "--pythons",
        action="append",
        default=[],
        help="an interpreter of a lane; give the flag once for each",
    )
    parser.add_argument("--output_dir", type=pathlib.Path, default="lanes")
    parser.add_argument("--flags", default="flags/mini", help="folder of flagfiles")
    parser.add_argument("--rounds", type=int, default=3, help="processes of each lane")
    parser.add_argument("--steps_timed", type=int, default=15, help="in each process")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.here:
        imported, (step,) = time.process_time() - began, arguments.steps
        own = measure(step, arguments.flags, arguments.steps_timed, imported)
        print(json.dumps(own))
    elif arguments.pythons:
        main(arguments)
    else:
        parser.error("--pythons: expected an interpreter of each lane")
