"""`patternspan demo`."""

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

import patternspan
from commands import PATTERNSPAN, brief, call, environment, recorded, start
from patternspan.aggregate.runs import group_whole
from patternspan.cli.demo_measure import pinned_packages
from patternspan.model.conform import judge_event, judge_lifecycle
from patternspan.model.wire import decode_object, encode

SOURCE = os.path.dirname(patternspan.__file__)


def runs_of(events):
    """Return the run and the events of each pattern."""
    return {run.pattern_id: (run, of_run) for run, of_run in group_whole(events, lambda run, of_run: (run, of_run))}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Give a folder in which the demo has run as anybody would run it."""
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def told(folder):
    """Give what that demo wrote."""
    return call(folder, "demo")


def listing(folder):
    """Return all paths below a folder with their times of change."""
    return {
        os.path.join(parent, name): os.stat(os.path.join(parent, name)).st_mtime_ns
        for parent, _, names in os.walk(folder)
        for name in names
    }


def test_it_runs_six_patterns_of_which_two_fail(folder, told):
    """The demo exits with 0; every run is whole, conforms, and ends as it should."""
    assert told[0] == 0
    events = recorded(folder)
    runs = runs_of(events)

    assert {pattern: (run.status, run.step_id) for pattern, (run, _) in runs.items()} == {
        "PAT-RUFF-001": ("success", "STEP-001"),
        "PAT-COMPILE-001": ("success", "STEP-002"),
        "PAT-MEASURE-001": ("success", "STEP-003"),
        "PAT-DUPES-001": ("success", "STEP-004"),
        "PAT-LOCK-001": ("failed", "STEP-005"),
        "PAT-PYTEST-001": ("failed", "STEP-006"),
    }
    assert len({event.job_id for event in events}) == 1
    assert len({event.to_dict()["trace_id"] for event in events}) == 1
    assert [problem for event in events for problem in judge_event(decode_object(encode(event)))] == []
    assert [judge_lifecycle(of_run) for _, of_run in runs.values()] == [[]] * 6


def test_the_phases_of_a_tool(folder, told):
    """A tool's run passes through selection, template, validation and execution."""
    _, events = runs_of(recorded(folder))["PAT-RUFF-001"]
    assert [brief(event)[0] for event in events] == [
        "selection.started",
        "selection.resolved",
        "template.expanded",
        "validation.started",
        "validation.completed",
        "execution.started",
        "execution.completed",
    ]
    assert events[0].details["candidate_patterns"] == ["PAT-RUFF-001", "PAT-COMPILE-001"]
    assert events[2].details["command_preview"] == events[5].details["command"]
    assert events[2].details["command_preview"].startswith(f"{sys.executable} -m ruff check --isolated")


def test_the_tool_that_fails(folder, told):
    """The tests find the one mistake of the sample project; the run has its figures, its report and its output."""
    run, events = runs_of(recorded(folder))["PAT-PYTEST-001"]
    details = events[-1].details
    assert brief(events[-1]) == ("execution.failed", "failed")
    assert (details["exit_code"], details["error_type"]) == (1, "non_zero_exit")
    assert details["result_summary"] == {"passed": 4, "failed": 1, "errors": 0, "skipped": 0}
    assert [os.path.basename(path) for path in run.artifacts if os.path.isfile(path)] == ["pytest.xml"]
    log = folder / "state" / "logs" / run.pattern_run_id / "stdout.log"
    assert "test_a_discount_is_rounded_to_the_nearest_cent" in log.read_text()


def test_the_run_that_fails_at_validation(folder, told):
    """A tree without a lock file does not get past validation: nothing is executed."""
    _, events = runs_of(recorded(folder))["PAT-LOCK-001"]
    assert [brief(event)[0] for event in events][-2:] == ["validation.started", "validation.failed"]
    assert events[-1].details["failed_checks"] == [
        {
            "check": "lock file is there",
            "error": "none of pylock.toml, uv.lock, poetry.lock, pdm.lock, requirements.txt",
        }
    ]


def test_the_figures_are_those_of_the_tree(folder, told):
    """What the two Python patterns count is what is there."""
    runs = runs_of(recorded(folder))
    files = [os.path.join(parent, name) for parent, _, names in os.walk(SOURCE) for name in names]
    files = [path for path in files if "__pycache__" not in path]
    python = [path for path in files if path.endswith(".py")]

    outputs = runs["PAT-MEASURE-001"][0].outputs
    assert outputs["files"] == len(python) == runs["PAT-COMPILE-001"][0].outputs["compiled"]
    assert outputs["lines"] == sum(len(Path(path).read_bytes().splitlines()) for path in python)
    assert runs["PAT-DUPES-001"][0].outputs["files"] == len(files)


def test_the_timeline_is_the_log(folder, told):
    """Standard output is the job's timeline, as `patternspan events` shows it."""
    job = recorded(folder)[0].job_id
    assert told[1] == call(folder, "events", "--job-id", job)[1]
    assert len(told[1].splitlines()) == len(recorded(folder))


def test_the_commands_to_look_further_work(folder, told):
    """Standard error names the runs that failed, the job and all runs; each command finds what it promises."""
    _, _, err = told
    assert re.search(r"^6 runs in .*, 2 of them failed\. To look further:$", err, re.MULTILINE)
    commands = re.findall(r"^  patternspan (\S.*?)  +\S", err, re.MULTILINE)
    assert [command.split()[0] for command in commands] == ["run", "run", "events", "runs"]
    for command in commands:
        code, out, _ = call(folder, *command.split())
        assert (code, bool(out)) == (0, True)


def test_the_tree_stays_as_it_is(tmp_path):
    """Nothing is written into the folder that is looked at, and what is there is found."""
    tree = tmp_path / "tree"
    (tree / "package").mkdir(parents=True)
    (tree / "package" / "one.py").write_text("def one():\n    return 1\n")
    (tree / "package" / "two.py").write_text("def one():\n    return 1\n")
    (tree / "requirements.txt").write_text("# pins\nclick==8.1.7\nrich==13.7.0 \\\n    --hash=sha256:00\n-e .\n")
    before = listing(tree)
    assert call(tmp_path, "demo", "--path", "tree", "--root", "log")[0] == 0

    assert listing(tree) == before
    runs = runs_of(recorded(tmp_path, "log"))
    assert runs["PAT-LOCK-001"][0].outputs["packages"] == 2
    assert runs["PAT-DUPES-001"][0].outputs["equal_files"] == [["package/one.py", "package/two.py"]]
    assert runs["PAT-MEASURE-001"][0].outputs["lines"] == 4


def test_a_tree_with_bad_files(tmp_path):
    """A file that does not parse is a warning of the measure, and fails the run that compiles it."""
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "good.py").write_text("x = 1\n")
    (tree / "bad.py").write_text("def (:\n")
    (tree / "nul.py").write_bytes(b"x = '\0'\n")
    os.mkfifo(tree / "pipe")
    (tree / "gone.py").symlink_to("nowhere.py")
    code, _, err = call(tmp_path, "demo", "--path", "tree")
    assert (code, "Traceback" in err) == (0, False)

    runs = runs_of(recorded(tmp_path))
    assert runs["PAT-MEASURE-001"][0].status == "warning"
    assert [line.split(": ")[:2] for line in runs["PAT-MEASURE-001"][1][-1].details["warnings"]] == [
        ["bad.py", "SyntaxError"],
        ["nul.py", runs["PAT-MEASURE-001"][1][-1].details["warnings"][1].split(": ")[1]],
    ]
    assert runs["PAT-COMPILE-001"][0].status == "failed"


def test_a_tree_without_python(tmp_path):
    """Where no pattern suits, the selection fails and says why."""
    (tmp_path / "tree").mkdir()
    assert call(tmp_path, "demo", "--path", "tree")[0] == 0
    run, _ = runs_of(recorded(tmp_path))["PAT-RUFF-001"]
    assert (run.status, run.error["message"]) == ("failed", f"{tmp_path}/tree: no .py file in it")


def test_a_tool_that_is_not_installed(tmp_path):
    """Without the extra the tool's run fails at validation, with the line that installs it; the others go on."""
    hide = "import importlib.util as u, sys; find = u.find_spec\n"
    hide += "u.find_spec = lambda name, *more: None if name in ('ruff', 'pytest') else find(name, *more)\n"
    hide += "from patternspan.cli import main; main(['demo'], prog_name='patternspan')"
    done = subprocess.run([sys.executable, "-c", hide], cwd=tmp_path, env=environment(), capture_output=True, text=True)
    assert done.returncode == 0

    runs = runs_of(recorded(tmp_path))
    for name in ("ruff", "pytest"):
        events = runs[f"PAT-{name.upper()}-001"][1]
        assert brief(events[-1]) == ("validation.failed", "failed")
        assert events[-1].details["failed_checks"] == [
            {
                "check": f"{name} is installed",
                "error": f"{name} is not installed: python -m pip install 'patternspan[demo]'",
            }
        ]
    assert runs["PAT-COMPILE-001"][0].status == "success"


def test_events_follow_it_live(tmp_path):
    """`events --follow` shows a tool's start; the log has it before the tool has ended."""
    (tmp_path / "state" / "events").mkdir(parents=True)
    (tmp_path / "state" / "events" / "pattern_events.jsonl").touch()
    follower = start(tmp_path, "events", "--follow", "--pattern-id", "PAT-PYTEST-001")
    call(tmp_path, "demo")
    lines = []
    while not lines or "execution.failed" not in lines[-1]:
        lines.append(follower.stdout.readline().decode())
    follower.kill()
    follower.communicate()
    assert [line.split()[2] for line in lines][-2:] == ["execution.started", "execution.failed"]


def test_a_terminal_sees_progress(tmp_path):
    """On a terminal each pattern has a line on standard error when it has ended."""
    controller, terminal = pty.openpty()
    subprocess.run([*PATTERNSPAN, "demo"], cwd=tmp_path, env=environment(TERM="xterm"), stderr=terminal, stdout=-3)
    os.close(terminal)
    text = b""
    while True:
        try:
            text += os.read(controller, 10_000)
        except OSError:
            break
    found = re.findall(r"\x1b\[2K\[(\d/6)\] (.) (PAT-\w+-001)", text.decode())
    assert found == [
        ("1/6", "✓", "PAT-RUFF-001"),
        ("2/6", "✓", "PAT-COMPILE-001"),
        ("3/6", "✓", "PAT-MEASURE-001"),
        ("4/6", "✓", "PAT-DUPES-001"),
        ("5/6", "✗", "PAT-LOCK-001"),
        ("6/6", "✗", "PAT-PYTEST-001"),
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--path", "nowhere"], "Directory 'nowhere' does not exist"),
        (["--path", "file"], "Directory 'file' is a file"),
        (["--root", "file"], "file/events: cannot be written: not a directory; another folder: --root DIR"),
    ],
)
def test_wrong_use(tmp_path, arguments, said):
    """Wrong use ends with 2 and says what was wanted."""
    (tmp_path / "file").write_text("")
    code, out, err = call(tmp_path, "demo", *arguments)
    assert (code, out) == (2, "")
    assert said in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("uv.lock", '[[package]]\nname = "click"\n[[package]]\nname = "rich"\n', ["click", "rich"]),
        ("pylock.toml", '[[packages]]\nname = "click"\n', ["click"]),
        ("poetry.lock", "", []),
        ("requirements.txt", "click==8.1 ; python_version > '3'\n# rich==1\nrich>=13\n", ["click"]),
    ],
)
def test_pins_are_counted(tmp_path, name, text, expected):
    """Each form of lock file gives the names of its packages."""
    (tmp_path / name).write_text(text)
    assert pinned_packages(str(tmp_path / name)) == expected
