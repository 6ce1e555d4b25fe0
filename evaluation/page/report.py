"""The page of an experiment as one HTML file."""

import os

import jinja2
import markupsafe

import evaluation
from dataset.errors import UserError
from dataset.folders import check_new, write_text
from dataset.shards import PROJECT_VERSION
from evaluation.page.experiment import read_experiment
from evaluation.page.origins import cases_are_artificial, origins
from evaluation.page.pictures import MEGABYTE, encode_all, to_uri
from evaluation.page.sections import build_sections

FOLDER = os.path.dirname(os.path.abspath(evaluation.__file__))
RESULTS = ("table", "turing", "tsne", "quality")


def write_report(
    *,
    experiment_dir,
    output_html,
    title,
    table_dir,
    turing_dir,
    tsne_dir,
    quality_dir,
    max_megabytes,
    overwrite,
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
    named = dict(zip(RESULTS, (table_dir, turing_dir, tsne_dir, quality_dir)))
    folders = {
        name: named_or_found(name, folder, experiment) for name, folder in named.items()
    }
    sections = build_sections(experiment, folders)
    results = [
        path
        for name in (*RESULTS, "memorisation")
        for folder in folders["quality" if name == "memorisation" else name]
        for path in [os.path.join(folder, f"{name}.json")]
        if os.path.exists(path)
    ]
    page = render(
        title,
        sections,
        origins(experiment, results),
        max_megabytes,
        artificial=cases_are_artificial(experiment),
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
        return [experiment.full(os.path.dirname(path)) for path in found]
    if not os.path.exists(os.path.join(folder, f"{name}.json")):
        raise UserError(f"--{name}_dir={folder}: no {name}.json in it.")
    return [folder]


def render(title, sections, entries, max_megabytes, artificial=False):
    """The page as text, with pictures as large as its size allows.

    Args:
      title: heading of the page.
      sections: list of `Section`.
      entries: from `origins`.
      max_megabytes: as the flag.
      artificial: whether the page says that the cases are.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(os.path.join(FOLDER, "templates")),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    with open(os.path.join(FOLDER, "static", "report.css"), encoding="utf-8") as file:
        style = file.read()

    def fill(uri):
        return environment.get_template("report.html").render(
            title=title,
            style=markupsafe.Markup(style),
            sections=sections,
            entries=entries,
            artificial=artificial,
            version=PROJECT_VERSION,
            uri=uri,
        )

    def drawn(picture):
        return to_uri(picture.svg, "svg+xml") if picture.svg else ""

    budget = int(max_megabytes * MEGABYTE) - len(fill(drawn).encode())
    paths = [picture.path for picture in all_pictures(sections) if picture.path]
    uris = encode_all(paths, budget)
    return fill(lambda picture: drawn(picture) or uris[picture.path])


def all_pictures(sections):
    """Every `Picture` of the page."""
    for section in sections:
        for part in section.parts:
            yield from part.pictures if part.kind == "gallery" else ()
            if part.kind == "picture":
                yield part
