"""What the pages for readers name is there, and their lines fit on a screen."""

import ast
import functools
import re

import pytest
from project import BINARIES, ROOT

from dataset.shards import PROJECT_VERSION
from flags import binary

PAPER = ROOT / "docs" / "paper.md"
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]
MAX_COLUMNS = 100
LINK = re.compile(r"\[([^\]]+)\]\(([^)\s]+)\)", re.DOTALL)


def links(page):
    """Text and target of every link of a page that leads into the repository."""
    found = LINK.findall(page.read_text())
    return [(text, target) for text, target in found if "://" not in target]


def targets(pattern):
    """Of the links of docs/paper.md whose text fits, the match and the file."""
    found = []
    for text, target in links(PAPER):
        if match := re.fullmatch(pattern, text):
            found.append((match, (PAPER.parent / target).resolve()))
    return found


NAMES = targets(r"`(\w+(?:\.\w+)+)`")
FLAGS = targets(r"`(\w+\.\w+) (--\w+=[^`]+)`")


def definitions(tree, prefix=""):
    """Dotted names of what a module defines: functions, classes, their methods."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield prefix + node.name
        if isinstance(node, ast.ClassDef):
            yield from definitions(node, f"{prefix}{node.name}.")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files(page):
    for _, target in links(page):
        assert (page.parent / target.partition("#")[0]).exists(), target


@pytest.mark.parametrize("name, file", [(m[1], file) for m, file in NAMES])
def test_name_in_the_papers_page_is_defined_in_the_file_it_leads_to(name, file):
    module = ".".join(file.relative_to(ROOT).with_suffix("").parts)
    assert name.startswith(f"{module}."), f"{name} is linked to {module}"
    defined = set(definitions(ast.parse(file.read_text())))
    assert name.removeprefix(f"{module}.") in defined, f"{module} has no {name}"


@pytest.mark.parametrize("program, flag, file", [(m[1], m[2], f) for m, f in FLAGS])
def test_number_in_the_papers_page_is_that_of_the_papers_settings(program, flag, file):
    assert file.parent == ROOT / "flags" / "paper"
    assert file.stem.startswith(program.replace(".", "_"))
    settings = binary.parse(program, [f"--flagfile={file}"], complete=False)
    said = binary.parse(program, [f"--flagfile={file}", flag], complete=False)
    assert settings == said


def test_papers_page_has_every_equation_table_and_figure():
    text = PAPER.read_text()
    things = [f"Equation {n}" for n in (1, 2, 3)] + ["Table 1", "Table 2"]
    things += [f"Figure {n}" for n in range(1, 8)]
    assert not [thing for thing in things if thing not in text]
    assert len(NAMES) > 90 and len(FLAGS) > 45  # Links of another form go unchecked.


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_in_backticks_are_there(page):
    packages = [path.parent.name for path in ROOT.glob("*/__init__.py")]
    first = "|".join([*packages, "docs", "tests", "benchmarks"])
    kinds = "py|smk|yaml|cfg|md"
    paths = re.findall(rf"`((?:{first})/[\w./]+\.(?:{kinds}))`", page.read_text())
    assert not [path for path in paths if not (ROOT / path).exists()]


@functools.lru_cache
def flags_of(program):
    """The names of a program's flags, and those that every program has."""
    names = {*binary.parse(program, [], complete=False)}
    return names | {f"no{name}" for name in names} | {"flagfile", "helpfull"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_programs_have_the_flags_that_the_pages_give_them(page):
    text = page.read_text().replace("\\\n", " ")
    for program in BINARIES:
        for given in re.findall(rf"\b{re.escape(program)}((?: +--[^`\n]*)+)", text):
            unknown = {*re.findall(r"(?:^| )--(\w+)", given)} - flags_of(program)
            assert not unknown, f"{program}{given}"


def asked_of_make(text):
    """Targets of the calls of make in a page's code, in backticks or in blocks."""
    blocks = re.findall(r"```\w*\n(.*?)```", text, re.S)
    text = re.sub(r"```.*?```", "", text, flags=re.S)
    code = blocks + re.findall(r"`([^`\n]+)`|^ {4}(.+)$", text, re.M)
    code = ["".join(part) for part in code]
    calls = [re.findall(r"\bmake((?: +(?:\w+=\S+|[a-z-]+))+)", part) for part in code]
    words = [word for call in calls for words in call for word in words.split()]
    return {word for word in words if "=" not in word}


def test_calls_of_make_are_found_in_every_form():
    text = (
        "    make demo    # x\n`BRATS_DIR=a make mini X=b`\n```\ncd a && make lint\n```"
    )
    assert asked_of_make(text) == {"demo", "mini", "lint"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_make_knows_what_the_pages_ask_it_for(page):
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.M)
    assert asked_of_make(page.read_text()) <= {*targets}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_lines_are_wrapped(page):
    lines = [line for line in page.read_text().splitlines() if line[:1] != "|"]
    breakable = [line for line in lines if "](https://" not in line]
    assert not [line for line in breakable if len(line) > MAX_COLUMNS]


def test_release_notes_and_citation_are_of_this_version():
    versions = re.findall(r"^## (\d\S*)", (ROOT / "CHANGELOG.md").read_text(), re.M)
    assert versions[0] == PROJECT_VERSION
    citation = (ROOT / "CITATION.cff").read_text()
    assert f"\nversion: {PROJECT_VERSION}\n" in citation
