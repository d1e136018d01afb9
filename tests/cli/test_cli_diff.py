"""`patternspan diff`: what is different about two runs."""

import json

import pytest
from screens import calm, log, matches_golden, run  # noqa: F401

from logs import SECOND, START_NS, RunMaker, failed_run, good_run, lines
from patternspan.aggregate.diff import Pair, compare
from patternspan.model.fold import fold

GOOD = good_run()
FAILED = failed_run(2, START_NS + 60 * SECOND, pattern_id=GOOD[0].pattern_id)
SAME = good_run(3, START_NS + 120 * SECOND)


@pytest.fixture(autouse=True)
def place(tmp_path):
    return log(tmp_path, lines(GOOD + FAILED + SAME))


def ids(*runs):
    return [events[0].pattern_run_id for events in runs]


@pytest.mark.parametrize("stored", [False, True])
@pytest.mark.parametrize(("name", "arguments"), [("diff", []), ("diff_all", ["--all"])])
def test_the_difference_of_a_good_and_a_failed_run(name, arguments, stored):
    if stored:
        run("ingest")
    code, out, err = run("diff", *ids(GOOD, FAILED), *arguments)
    assert (code, err) == (0, "")
    assert matches_golden(name, out)


def test_runs_that_are_the_same_have_none():
    assert run("diff", *ids(GOOD, SAME)) == (0, "no difference\n", "")
    assert json.loads(run("diff", *ids(GOOD, SAME), "--json")[1])["differences"] == []


def test_as_json_a_run_without_the_thing_has_no_member():
    code, out, _ = run("diff", *ids(GOOD, FAILED), "--json", "--all")
    found = json.loads(out)
    by_name = {pair["name"]: pair for pair in found["differences"]}
    assert (code, [found["one"], found["other"]]) == (0, ids(GOOD, FAILED))
    assert by_name["status"] == {"name": "status", "one": "success", "other": "failed"}
    assert by_name["error.type"] == {"name": "error.type", "other": fold(FAILED).error["type"]}
    assert by_name["artifacts.state/findings.json"] == {"name": "artifacts.state/findings.json", "one": True}
    assert found["same"]["pattern_id"] == GOOD[0].pattern_id


def test_a_run_that_is_not_there_is_told():
    assert run("diff", "PRUN-NONE", ids(GOOD)[0])[0] == 3
    assert run("diff", "PRUN-01", ids(GOOD)[0])[2].startswith("patternspan: PRUN-01: 3 runs begin with it\n")


def test_objects_are_taken_apart_and_true_is_not_one():
    def made(number, **inputs):
        maker = RunMaker(number)
        maker.add("selection.resolved", pattern_id="P", selection_method="auto", inputs_preview=inputs)
        return fold(maker.events)

    one = made(1, a={"b": 1, "c": {}}, d=[1, {"e": 2}], f=True)
    other = made(2, a={"b": 2, "c": {}}, d=[1, {"e": 2}], f=1)
    differing = [pair for pair in compare(one, other) if pair.differs]
    assert differing == [Pair("inputs.a.b", 1, 2), Pair("inputs.f", one=True, other=1)]
    assert Pair("inputs.a.c", {}, {}) in compare(one, other)


def test_texts_are_shown_from_where_they_part(place):
    start = "/opt/tools/bin/python3.11 -m runner --configuration /etc/runner/config.yaml "
    one, other = (
        RunMaker(number).begin(command=start + word).succeed().events for number, word in ((7, "a"), (8, "b"))
    )
    place.write_bytes(lines(one + other))
    out = run("diff", *ids(one, other))[1]
    assert "…/runner/config.yaml a  …/runner/config.yaml b" in out
