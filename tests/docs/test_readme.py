"""What the pages show is what happens: blocks run, commands exist, links lead somewhere, tables are the code's."""

import re
import shlex

import click
import msgspec
import pytest
from pages import ROOT, blocks, links, play, python_blocks, shell_commands, text_of

from patternspan import config
from patternspan.cli import main

PAGES = [
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "docs/architecture.md",
    "docs/audit.md",
    "docs/collector.md",
    "docs/delivery.md",
    "docs/export.md",
    "docs/dependencies.md",
    "docs/frames.md",
    "docs/growth.md",
    "docs/guarantees.md",
    "docs/integration.md",
    "docs/jaeger.md",
    "docs/redaction.md",
    "docs/reference/attributes.md",
    "docs/scale.md",
    "docs/server.md",
    "docs/store.md",
    "docs/troubleshooting.md",
    "examples/README.md",
]
SCRIPTS = [(page, *found) for page in PAGES for found in python_blocks(page)]


def masked(text):
    """Return lines with ids, times, durations and the process put out."""
    text = re.sub(r"[0-9A-HJKMNP-TV-Z]{26}", "ULID", text)
    text = re.sub(r'"timestamp":"[^"]*"', '"timestamp":"TIME"', text)
    text = re.sub(r'"process":\{[^}]*\}', '"process":PROCESS', text)
    return re.sub(r'"duration_seconds":[0-9.e-]+', '"duration_seconds":SECONDS', text)


@pytest.mark.parametrize(
    ("page", "script", "expected"), SCRIPTS, ids=[f"{page}-{at}" for at, (page, *_) in enumerate(SCRIPTS)]
)
def test_every_python_block_runs(tmp_path, page, script, expected):
    """A Python block runs as it stands, without a warning, and prints what the text block after it shows."""
    out = play(script, tmp_path)
    if expected is not None:
        assert out == expected


def test_the_lines_of_the_readme_are_those_that_its_executor_writes(tmp_path):
    """The JSON lines on the page are the log of the executor above them."""
    shown = next(block.text for block in blocks("README.md") if block.language == "jsonl")
    play(python_blocks("README.md")[0][0], tmp_path)
    written = (tmp_path / "state" / "events" / "pattern_events.jsonl").read_text()
    assert masked(shown) == masked(written)


def test_the_readme_begins_with_three_sentences():
    """What it is takes three sentences."""
    first = text_of("README.md").split("\n\n")[1]
    assert len(re.findall(r"\.(?=\s|$)", first.replace(" of a call", ""))) == 3


def test_the_two_commands_of_the_readme():
    """Exactly two commands install and run; the automatic checks run them as they stand."""
    found = [line for line in shell_commands("README.md") if "pip install" in line]
    assert found == [
        "python -m pip install -e '.[demo]' && patternspan demo",
        "python -m pip install -U pip && python -m pip install -e '.[demo]' --group dev && python -m pytest",
    ]


def patternspan_commands():
    """Return page and words of each command of ours on the pages."""
    for page in PAGES:
        for line in shell_commands(page):
            for part in line.split("&&"):
                words = shlex.split(part)
                while words and "=" in words[0]:
                    words.pop(0)
                if words[:1] == ["patternspan"]:
                    yield page, words[1:]


@pytest.mark.parametrize(("page", "words"), list(patternspan_commands()), ids=str)
def test_every_command_on_the_pages_is_taken(page, words):
    """A command of ours on a page exists and takes the options that are shown."""
    context = click.Context(main, info_name="patternspan", **main.context_settings)
    command = main.get_command(context, words[0])
    assert command is not None
    command.make_context(words[0], words[1:], parent=context)


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_to_a_file(page):
    """A link inside the project leads to what is there."""
    missing = [target for target in links(page) if not (ROOT / page).parent.joinpath(target).exists()]
    assert missing == []


def test_every_source_file_is_on_the_architecture_page():
    """No file of the package is left out of the drawing of the house, and none is there that is not in the package."""
    page = text_of("docs/architecture.md")
    source = ROOT / "src" / "patternspan"
    files = {str(path.relative_to(source)) for path in source.rglob("*.py") if "demo_project" not in path.parts}
    files = {path for path in files if not path.endswith("__init__.py") or path == "__init__.py"}
    drawn = set()
    folder = ""
    for line in next(block for block in blocks("docs/architecture.md") if "errors.py" in block.text).lines:
        if (match := re.match(r"  (\w+)/", line)) is not None:
            folder = match[1]
        names = re.findall(r"(?:^|  |, )(\w+\.py)", line)
        drawn |= {f"{folder}/{name}" if line.startswith("    ") else name for name in names}
    assert drawn == files
    assert "../src/patternspan" not in page


def test_the_table_of_options_is_that_of_the_code():
    """Each option stands on the integration page with its variable, default and sentence."""
    rows = re.findall(r"^\| `(\w+)` \| `(\w+)` \| (.*?) \| (.*?) \|$", text_of("docs/integration.md"), re.MULTILINE)
    assert rows == option_rows()


def option_rows():
    """Return the rows that the fields of Config and the sentences below them ask for."""
    source = (ROOT / "src" / "patternspan" / "config.py").read_text()
    sentences = dict(re.findall(r'^    (\w+): \w+ = .*\n    """(.*?)"""$', source, re.MULTILINE))
    rows = []
    for field in msgspec.structs.fields(config.Config):
        default = "" if field.default == () else str(field.default)
        default = default.lower() if isinstance(field.default, bool) else default
        shown = f"`{default}`" if default else "empty"
        rows.append((field.name, f"PATTERNSPAN_{field.name.upper()}", shown, sentences[field.name]))
    return rows


def test_every_dependency_has_its_reason():
    """Each dependency of the package has a line on the page of dependencies, and no other has."""
    import tomllib

    project = tomllib.loads(text_of("pyproject.toml"))
    extras = [name for names in project["project"]["optional-dependencies"].values() for name in names]
    named = {re.split(r"[\[>=<;]", name)[0] for name in [*project["project"]["dependencies"], *extras]}
    named |= {re.split(r"[\[>=<;]", name)[0] for name in project["dependency-groups"]["dev"]}
    assert set(re.findall(r"^- \*\*([\w.-]+)\*\*", text_of("docs/dependencies.md"), re.MULTILINE)) == named


def test_the_picture_is_whole_and_loads_nothing():
    """The picture is XML that fetches nothing, and shows no path of the machine that it was made on."""
    from xml.etree import ElementTree

    svg = text_of("docs/pictures/timeline.svg")
    ElementTree.fromstring(svg)
    assert "url(http" not in svg
    assert "/tmp" not in svg
    assert "validation.failed" in svg.replace("&#160;", " ")
