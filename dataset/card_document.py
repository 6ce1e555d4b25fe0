"""A data card as Markdown, with the head that Hugging Face's dataset cards have."""

import json
import pathlib

import jinja2

from dataset.origins import SET

SIZES = {1_000: "n<1K", 10_000: "1K<n<10K", 100_000: "10K<n<100K"}
SIZES[1_000_000] = "100K<n<1M"
MORE = "1M<n<10M"


def render(content):
    """The Markdown of the content of `card.json`."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(pathlib.Path(__file__).parent / "templates"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"measure": measure, "quoted": json.dumps}
    origin, total = content["origin"], content["images"]["num_images"]
    settings = {}  # Numbers of the entries by their settings: often two have the same.
    for entry in origin:
        settings.setdefault(setting_text(entry["settings"]), []).append(entry["number"])
    gaps = [entry for entry in origin if not entry["is_followed"]]
    text = environment.get_template("card.md").render(
        **content,
        size_category=next((SIZES[n] for n in SIZES if total < n), MORE),
        origin_rows=map(origin_row, origin),
        settings=settings,
        gaps=gaps,
        noted=[digest for entry in gaps for digest in entry["inputs_sha256"]],
    )
    return text.rstrip() + "\n"


def origin_row(entry):
    """The cells of one set, training or clustering: a list of texts."""
    what, images = entry["kind"], ""
    if what == SET:
        images = f"{entry['num_images']:,} of {entry['image_size']} px"
        if patients := entry.get("patients"):
            what = f"real images, {patients} patients"
    program = f"`{entry['binary']}`" if entry["binary"] else "not noted"
    sources = [str(source) for source in entry["made_from"]]
    sources += [] if entry["is_followed"] else ["not known further"]
    digest = f"`{entry['sha256']}`" if entry["sha256"] else "not at hand"
    version = entry["project_version"] or ""
    number = str(entry["number"])
    return [number, what, program, version, ", ".join(sources), images, digest]


def setting_text(settings):
    """`name=value` of each."""

    def text(value):
        return ",".join(map(str, value)) if isinstance(value, list) else str(value)

    return " ".join(f"{name}={text(value)}" for name, value in settings.items())


def measure(value):
    """`12.3 ± 0.4` of a mean over splits and their standard deviation."""
    size = abs(value["mean"])
    digits = 1 if size >= 100 else 2 if size >= 1 else 4
    spread = "" if value["sd"] is None else f" ± {value['sd']:.{digits}f}"
    return f"{value['mean']:.{digits}f}{spread}"
