"""Makes one page of an experiment: tables, figures, curves, settings and digests.

    python -m evaluation.report --experiment_dir=experiment --output_html=report.html

The page is one file that opens from disk: pictures are within it, and it asks nothing
of any server. What the experiment lacks is left out and said so. It shows images of
patients where the experiment does.
"""

import os

import jinja2
import markupsafe

from dataset.shards import PROJECT_VERSION, UserError, write_text
from evaluation.experiment_folder import read_experiment
from evaluation.page_images import MEGABYTE, encode_all, to_uri
from evaluation.report_origins import cases_are_artificial, origins
from evaluation.report_sections import build_sections
from flags import binary
from flags import report as report_flags

FOLDER = os.path.dirname(os.path.abspath(__file__))


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
      UserError: the folder is none of an experiment, a file in it is damaged, a folder
        that a flag names is not there, or the page is.
    """
    if os.path.exists(output_html) and not overwrite:
        raise UserError(
            f"--output_html={output_html}: exists; give another file or --overwrite."
        )
    experiment = read_experiment(experiment_dir)
    folders = {
        "table": named_or_found("table_dir", table_dir, "table.md", experiment),
        "turing": named_or_found("turing_dir", turing_dir, "turing.md", experiment),
        "tsne": named_or_found("tsne_dir", tsne_dir, "tsne.json", experiment),
        "quality": named_or_found(
            "quality_dir", quality_dir, "quality.json", experiment
        ),
    }
    sections = build_sections(experiment, folders)
    results = [
        path
        for name in ("table", "turing", "tsne", "quality", "memorisation")
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


def named_or_found(flag, folder, wanted, experiment):
    """The folder that a flag names, or those of the experiment that have the file.

    Raises:
      UserError: the named folder has it not.
    """
    if folder is None:
        found = experiment.files[wanted]
        return [experiment.full(os.path.dirname(path)) for path in found]
    if not os.path.exists(os.path.join(folder, wanted)):
        raise UserError(f"--{flag}={folder}: no {wanted} in it.")
    return [folder]


def render(title, sections, entries, max_megabytes, artificial=False):
    """The page as text, with pictures as large as its size allows.

    Args:
      title: heading of the page.
      sections: list of `Section`.
      entries: from `report_origins.origins`.
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


def main(settings):
    print(write_report(**settings))


def run():
    binary.run(main, report_flags.define_report, UserError)


if __name__ == "__main__":
    run()
