"""Times each model's training step and the same step in PyTorch, in turn.

    pip install .[benchmarks]
    python -m benchmarks.peers --output_dir=speed pggan:32:4 unit:128:1

A step is a model, the size of its images and their number. Its networks are those of
`--flags`. PyTorch's are written plainly, in `benchmarks/pytorch/`, once in its own
layout, once in channels_last; eager, as most programs are. Both frameworks have as many
threads. UNIT's peer encodes for either update, as its authors' program does. Writes
`peers.json` and `peers.md`.
"""

if __name__ == "__main__":  # Before TensorFlow is imported.
    import os

    from flags import binary

    binary.set_process_up()
    for variable in ("OMP", "TF_INTRAOP", "TF_INTEROP"):
        os.environ.setdefault(f"{variable}_NUM_THREADS", "1")

import argparse
import contextlib
import functools
import gc
import importlib
import json
import os
import pathlib
import platform
import statistics

import tensorflow as tf
import torch

from benchmarks import timing
from benchmarks.project_steps import ProjectStep, parse_step
from evaluation.tables import Table

OURS = "project"
PRECISIONS = {"float32": "float32", "bfloat16": "mixed_bfloat16"}
LAYOUTS = {
    "PyTorch, contiguous": torch.contiguous_format,
    "PyTorch, channels_last": torch.channels_last,
}


def compare(name, size, batch, options):
    """Times one step everywhere.

    Returns:
      A dict that JSON can hold: settings, operations, seconds and losses.

    Raises:
      SystemExit: networks differ in their numbers of parameters.
    """
    precision = PRECISIONS[options.precision]
    step = ProjectStep(
        name, size, batch, options.flags, f"--precision={precision}", *options.flag
    )
    peers = dict(build_peers(name, size, step, options.precision))
    parameters = step.parameters()
    for layout, peer in peers.items():
        if peer.parameters() != parameters:
            raise SystemExit(
                f"{name}, {layout}: parameters {peer.parameters()}, expected those of"
                f" the project, {parameters}."
            )
    operations = step.operations() if options.count else None
    functions = {OURS: step} | {layout: peer.step for layout, peer in peers.items()}
    gc.collect()
    with timing.real_time(options.real_time):
        seconds = timing.in_turn(functions, options.rounds, options.clock)
    return {
        "model": name,
        "size": size,
        "batch": batch,
        "precision": options.precision,
        "parameters": parameters,
        "operations": operations,
        "seconds": seconds,
        "losses": step(),
    }


def build_peers(name, size, step, precision):
    """Pairs of layout and PyTorch's `Peer`."""
    try:
        module = importlib.import_module(f"benchmarks.pytorch.{name}")
    except ModuleNotFoundError as error:
        raise SystemExit(f"{name}: no such step in benchmarks/pytorch/.") from error
    images = {key: _to_torch(values) for key, values in step.images.items()}
    autocast = contextlib.nullcontext
    if precision == "bfloat16":
        autocast = functools.partial(torch.autocast, "cpu", torch.bfloat16)
    for layout, memory_format in LAYOUTS.items():
        yield layout, module.Peer(step.settings, size, images, memory_format, autocast)


def _to_torch(values):
    """NHWC of NumPy to NCHW; labels as they are."""
    tensor = torch.from_numpy(values)
    return tensor.permute(0, 3, 1, 2).contiguous() if tensor.ndim == 4 else tensor


def table(results, rates):
    """Medians, and how many times as fast as PyTorch's better layout, in Markdown."""
    header = ["model", "px", "batch", "precision", "s per step", *LAYOUTS]
    header += ["times PyTorch's better", "Gop", "Gop/s", "of the convolution rate"]
    return Table(header, [_row(own, rates) for own in results]).to_markdown()


def _row(result, rates):
    medians = {k: statistics.median(v) for k, v in result["seconds"].items()}
    best = min(LAYOUTS, key=medians.get)
    ratio = timing.median_ratio(result["seconds"][OURS], result["seconds"][best])
    work = ["-", "-", "-"]
    if operations := result["operations"]:
        rate = operations / medians[OURS]
        share = rate / rates[result["precision"]]["convolution"]
        work = [f"{operations / 1e9:.0f}", f"{rate / 1e9:.0f}", f"{share:.0%}"]
    times = [f"{medians[name]:.3g}" for name in (OURS, *LAYOUTS)]
    names = (result[key] for key in ("model", "size", "batch", "precision"))
    return [*names, *times, f"{ratio:.2f}", *work]


def machine():
    """What the numbers are of."""
    lines = {}
    with contextlib.suppress(OSError):
        text = pathlib.Path("/proc/cpuinfo").read_text()
        pairs = (line.partition("\t: ") for line in text.splitlines())
        lines = {name.strip(): value for name, _, value in pairs}
    limits = ("ONEDNN_MAX_CPU_ISA", "ATEN_CPU_CAPABILITY")
    return {
        "processor": lines.get("model name", platform.machine()),
        "AVX-512": "avx512f" in lines.get("flags", ""),
        "limited to": {name: os.environ[name] for name in limits if name in os.environ},
        "threads": torch.get_num_threads(),
        "TensorFlow": tf.__version__,
        "PyTorch": torch.__version__,
    }


def main(options):
    threads = int(os.environ["OMP_NUM_THREADS"])
    torch.set_num_threads(threads)
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    with timing.real_time(options.real_time):
        own = timing.rates(options.precision, torch, options.clock)
    rates = {options.precision: own}
    results = []
    options.output_dir.mkdir(parents=True, exist_ok=True)
    for name, size, batch in options.steps:
        results.append(compare(name, size, batch, options))
        document = {"machine": machine(), "rates": rates, "results": results}
        text = table(results, rates)
        (options.output_dir / "peers.json").write_text(json.dumps(document, indent=1))
        (options.output_dir / "peers.md").write_text(text)
    print(json.dumps({"machine": machine(), "rates": rates}, indent=1))
    print(text)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("steps", nargs="+", type=parse_step, help="model:size:batch")
    parser.add_argument("--output_dir", type=pathlib.Path, required=True)
    parser.add_argument("--flags", default="flags/paper", help="folder of flagfiles")
    parser.add_argument(
        "--flag",
        action="append",
        default=[],
        help="a further flag of the project's training, such as --flag=--jit_compile",
    )
    parser.add_argument("--precision", choices=PRECISIONS, default="float32")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--clock",
        choices=timing.CLOCKS,
        default="wall",
        help="processor: of this process alone, where the machine has other work",
    )
    parser.add_argument(
        "--real_time", action="store_true", help="let nothing else run (root)"
    )
    parser.add_argument(
        "--no-count", dest="count", action="store_false", help="count no operations"
    )
    main(parser.parse_args())
