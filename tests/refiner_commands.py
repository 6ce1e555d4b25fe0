"""Every refiner by name, trained and used in the process of a test: ours, examples."""

import importlib
import importlib.util
import pathlib
import re
import shlex

import interruption

from flags import binary

DOCS = pathlib.Path(__file__).parents[1] / "docs"
TINY = {
    "num_images": 0,
    "base_maps": 2,
    "learning_rate": 0.01,
    "batch_size": 4,
    "sample_steps": 100,
}
NATIVE = {
    "unit": {**TINY, "num_steps": 3, "keep_steps": ["1", "3"], "batch_size": 1}
    | {"discriminator_scales": 2},
    "munit": {**TINY, "num_steps": 3, "keep_steps": ["1", "3"], "batch_size": 1}
    | {"discriminator_scales": 2, "style_size": 2, "mlp_units": 4},
    "simgan": {**TINY, "num_steps": 3, "keep_steps": ["1", "3"], "num_blocks": 1}
    | {"pretrain_refiner_steps": 1, "pretrain_discriminator_steps": 1}
    | {"batch_norm_momentum": 0.5, "block_kernel_size": 3},
}
EXAMPLES = ("histogram", "contrast")
IMAGES_PER_SHARD = 8  # Several shards of the few images of a test.


def train(name, flag_defaults, **paths):
    """Trains a refiner; `paths` are real_dir, synthetic_dir and model_dir."""
    if name in EXAMPLES:
        run_documented(name, "train", paths)
        return
    defaults = flag_defaults(binary.definition(f"{name}.train"))
    settings = {**defaults, **NATIVE[name], **paths}
    interruption.start(f"{name}.train", settings, eagerly=True)


def refine(name, flag_defaults, data_dir, **settings):
    """Refines a set; `settings` are model_dir, output_dir, and flags of our own."""
    if name in EXAMPLES:
        run_documented(name, "refine", {"synthetic_dir": data_dir, **settings})
        return
    defaults = flag_defaults(binary.definition(f"{name}.refine"))
    own = {"images_per_shard": IMAGES_PER_SHARD, "data_dir": data_dir, **settings}
    importlib.import_module(f"{name}.refine").main({**defaults, **own})


def load_example(name="refiner_example.py"):
    spec = importlib.util.spec_from_file_location("example", DOCS / name)
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    example.IMAGES_PER_SHARD = IMAGES_PER_SHARD
    return example


def documented_commands(refiner):
    """The command lines of an example in docs/refiners.md, by step."""
    text = (DOCS / "refiners.md").read_text()
    for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL):
        if f"  {refiner}:\n" in block:
            lines = r"^    (\w+): \"(.*?)\"$"
            return dict(re.findall(lines, block, re.DOTALL | re.MULTILINE))
    raise AssertionError(refiner)


def run_documented(refiner, step, paths):
    """Runs what the documented command line would, in this process."""
    none = {"real_dir": "", "synthetic_dir": "", "output_dir": ""}
    line = documented_commands(refiner)[step].format(python="python", **none | paths)
    for command in line.split("&&"):
        _, *words = shlex.split(command)
        if words[0] != "-m":
            load_example(words[0].rpartition("/")[2]).main(words[1:])
            continue
        module = importlib.import_module(words[1])
        settings = binary.parse(words[1], words[2:])
        if "images_per_shard" in settings:
            settings["images_per_shard"] = IMAGES_PER_SHARD
        module.main(settings)
