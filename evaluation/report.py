"""Makes one page of an experiment: tables, figures, curves, settings and digests.

    python -m evaluation.report --experiment_dir=experiment --output_html=report.html

The page is one file that opens from disk: pictures are within it, and it asks nothing
of any server. Grids of images at 256 px take megabytes each, so pictures are reduced
until all of them fit. What the experiment lacks is left out, and listed. It shows
images of patients where the experiment does.
"""

if __name__ == "__main__":  # Flags are parsed before TensorFlow is imported.
    from flags import binary

    binary.run("evaluation.report")

import base64
import os
import pathlib

import cv2
import jinja2
import markupsafe

from dataset.errors import UserError
from dataset.folders import check_new, write_text
from dataset.shards import PROJECT_VERSION
from evaluation.experiment import (
    is_artificial,
    origins,
    prefix_of,
    read_experiment,
)
from evaluation.sections import build_sections

FOLDER = pathlib.Path(__file__).parent
RESULTS = ("table", "learning_curve", "turing", "tsne", "quality")
# Largest width in pixels and JPEG quality, tried in order until the page fits.
LEVELS = ((1600, 90), (1200, 85), (900, 80), (700, 70), (480, 60))
KEPT_BYTES = 200_000  # A file that is small enough stays as it is.
MEGABYTE = 1_000_000


def write_report(
    *, experiment_dir, output_html, title, max_megabytes, overwrite, **named
):
    """Writes the page; the arguments are the flags.

    Returns:
      A line for the user.

    Raises:
      UserError: the folder is not that of an experiment, a file in it is damaged, a
        folder of a flag is missing, or the page exists.
    """
    check_new(output_html, f"--output_html={output_html}", overwrite)
    experiment = read_experiment(experiment_dir)
    folders = {n: named_or_found(n, named[f"{n}_dir"], experiment) for n in RESULTS}
    sections = build_sections(experiment, folders)
    paths = [
        os.path.join(folder, f"{name}.json")
        for name in (*RESULTS, "memorisation")
        for folder in folders["quality" if name == "memorisation" else name]
    ]
    page = render(
        sections,
        max_megabytes,
        title=title,
        entries=origins(experiment, filter(os.path.exists, paths)),
        artificial=is_artificial(experiment_dir),
    )
    os.makedirs(os.path.dirname(output_html) or ".", exist_ok=True)
    write_text(output_html, page)
    missing = [section.title for section in sections if not section.parts]
    size = len(page.encode()) / MEGABYTE
    return (
        f"{output_html}: {size:.1f} MB; not there: {', '.join(missing) or 'nothing'}."
    )


def named_or_found(name, folder, experiment):
    """The folder of a flag, or those folders of the experiment that have the result.

    Raises:
      UserError: the folder of the flag lacks it.
    """
    if folder is None:
        found = experiment.files[f"{name}.json"]
        # The tables of shares of the training patients are in the learning curve.
        found = [path for path in found if "share-" not in prefix_of(path)]
        return [experiment.full(os.path.dirname(path)) for path in found]
    if not os.path.exists(os.path.join(folder, f"{name}.json")):
        raise UserError(f"--{name}_dir={folder}: no {name}.json in it.")
    return [folder]


def render(sections, max_megabytes, **texts):
    """The page as text, with pictures as large as its size allows.

    Args:
      sections: list of `Section`.
      max_megabytes: as the flag.
      **texts: what else the template shows.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    template = environment.get_template("report.html")
    style = markupsafe.Markup((FOLDER / "static/report.css").read_text("utf-8"))
    texts |= {"sections": sections, "style": style, "version": PROJECT_VERSION}

    def drawn(picture):
        return to_uri(picture.svg, "svg+xml") if picture.svg else ""

    size = len(template.render(**texts, uri=drawn).encode())
    paths = [picture.path for picture in all_pictures(sections) if picture.path]
    uris = encode_all(paths, int(max_megabytes * MEGABYTE) - size)
    return template.render(**texts, uri=lambda p: drawn(p) or uris[p.path])


def all_pictures(sections):
    """Every `Picture` of the page."""
    for section in sections:
        for part in section.parts:
            yield from part.pictures if part.kind == "gallery" else ()
            if part.kind == "picture":
                yield part


def to_uri(content, kind):
    """A `data:` URI of a picture's bytes; kind as `png`, `jpeg` or `svg+xml`."""
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def encode(path, max_width, quality):
    """A PNG file as a data URI, of at most this width.

    Raises:
      UserError: it is not a picture.
    """
    with open(path, "rb") as file:
        content = file.read()
    is_png = content.startswith(b"\x89PNG")  # OpenCV tells formats by their bytes.
    picture = cv2.imread(path, cv2.IMREAD_COLOR) if is_png else None
    if picture is None:
        raise UserError(
            f"{path}: damaged, not a picture; run the program that made it again."
        )
    height, width = picture.shape[:2]
    if width <= max_width and len(content) <= KEPT_BYTES:
        return to_uri(content, "png")
    if width > max_width:
        size = (max_width, max(1, round(height * max_width / width)))
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    _, jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return to_uri(jpeg.tobytes(), "jpeg")


def encode_all(paths, budget):
    """All pictures, as good as the budget allows: a dict of path to data URI.

    The budget is in characters for all of them together. Where even the smallest do not
    fit they are returned.
    """
    for max_width, quality in LEVELS:
        uris = {path: encode(path, max_width, quality) for path in sorted(set(paths))}
        if sum(map(len, uris.values())) <= budget:
            break
    return uris


def main(settings):
    print(write_report(**settings))
