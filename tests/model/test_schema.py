"""The schemas, their examples, and that judge and schema always say the same."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from patternspan.errors import NotFoundError
from patternspan.model.conform import judge_event, judge_run
from patternspan.model.wire import encode
from patternspan.schema_files import schema_names, schema_text
from strategies import mutations, strict_events, strict_runs, values

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "schema" / "examples"
JUDGES = {"pattern_event.v1": judge_event, "pattern_run.v1": judge_run}


def validators(name):
    schema = json.loads(schema_text(name))
    lenient = {"$schema": schema["$schema"], "$ref": "#/$defs/lenient", "$defs": schema["$defs"]}
    return {
        True: jsonschema_rs.Draft202012Validator(schema),
        False: jsonschema_rs.Draft202012Validator(lenient),
    }


VALIDATORS = {name: validators(name) for name in JUDGES}


def examples(folder):
    return [pytest.param(path, id=path.name) for path in sorted((EXAMPLES / folder).glob("*.json"))]


def read(path):
    name = "pattern_run.v1" if path.name.endswith(".run.json") else "pattern_event.v1"
    return name, json.loads(path.read_text(encoding="utf-8"))


def verdicts(name, value):
    """Return what schema and judge say: strict, then lenient."""
    by_schema = [VALIDATORS[name][strict].is_valid(value) for strict in (True, False)]
    by_judge = [not JUDGES[name](value, strict=strict) for strict in (True, False)]
    return by_schema, by_judge


def assert_same_verdict(name, value):
    by_schema, by_judge = verdicts(name, value)
    assert by_judge == by_schema, JUDGES[name](value)


@pytest.mark.parametrize("path", examples("valid"))
def test_valid_examples_are_accepted(path):
    """Schema and judge accept a valid example at both levels."""
    assert verdicts(*read(path)) == ([True, True], [True, True])


@pytest.mark.parametrize("path", examples("lenient"))
def test_lenient_examples_are_accepted_by_lenient_only(path):
    """Schema and judge accept a lenient example when lenient, and refuse it when strict."""
    assert verdicts(*read(path)) == ([False, True], [False, True])


@pytest.mark.parametrize("path", examples("invalid"))
def test_invalid_examples_are_refused_for_one_reason(path):
    """Strict schema and judge refuse an invalid example; the judge finds just the one thing."""
    name, value = read(path)
    by_schema, by_judge = verdicts(name, value)
    assert (by_schema[0], by_judge[0], by_schema[1]) == (False, False, by_judge[1])
    assert len(JUDGES[name](value)) == 1


@pytest.mark.parametrize("name", sorted(JUDGES))
def test_schemas_are_schemas(name):
    """Each schema is valid against its own dialect, and its examples against itself."""
    schema = json.loads(schema_text(name))
    assert jsonschema_rs.meta.is_valid(schema)
    assert [VALIDATORS[name][True].is_valid(example) for example in schema["examples"]] == [True] * len(
        schema["examples"]
    )


def described(schema):
    """Yield each property below a schema with its path and whether it has a description."""
    for key, value in schema.items() if isinstance(schema, dict) else enumerate(schema):
        if key == "properties" and "if" not in schema:
            for name, member in value.items():
                yield name, member.get("description", "")
        if isinstance(value, (dict, list)) and key not in {"if", "then", "examples"}:
            yield from described(value)


@pytest.mark.parametrize("name", sorted(JUDGES))
def test_every_member_is_described(name):
    """Every member that a schema names has a description."""
    assert [member for member, text in described(json.loads(schema_text(name))) if not text] == []


def test_the_schemas_are_what_the_types_make():
    """The committed schemas are those that scripts/schema writes."""
    script = os.path.join(ROOT, "scripts", "schema")
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_schemas_are_found_by_name():
    """The names are listed, a suffix is taken, and an unknown name is answered with the known ones."""
    assert schema_names() == ["pattern_event.v1", "pattern_run.v1"]
    assert schema_text("pattern_run.v1.json") == schema_text("pattern_run.v1")
    with pytest.raises(NotFoundError, match=r"no schema .\.\./x.; there are pattern_event\.v1, pattern_run\.v1"):
        schema_text("../x")


def test_schemas_are_found_where_a_wheel_puts_them(tmp_path):
    """A package folder with the schemas in it needs no source tree."""
    package = ROOT / "src" / "patternspan"
    (tmp_path / "patternspan").mkdir()
    for name in ("errors.py", "schema_files.py"):
        (tmp_path / "patternspan" / name).write_bytes((package / name).read_bytes())
    shutil.copytree(ROOT / "schema", tmp_path / "patternspan" / "schema")
    code = "from patternspan.schema_files import *; print([len(schema_text(n)) for n in schema_names()])"
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, env=environment)
    assert (done.stdout, done.stderr) == (f"{[len(schema_text(name)) for name in schema_names()]}\n", "")


@given(strict_events())
def test_events_of_the_model_conform(event):
    """What the strategies of the model make is accepted at both levels, and so is its line."""
    for members in (event.to_dict(), json.loads(encode(event))):
        assert verdicts("pattern_event.v1", members) == ([True, True], [True, True])


@given(strict_runs)
def test_runs_of_the_model_conform(run):
    """Runs with members of the contract's types are accepted at both levels."""
    assert verdicts("pattern_run.v1", run) == ([True, True], [True, True])


@settings(max_examples=300)
@given(strict_events().flatmap(lambda event: mutations(event.to_dict())))
def test_mutated_events_get_the_same_verdict(mutated):
    """Whatever is deleted or replaced in an event, schema and judge agree."""
    assert_same_verdict("pattern_event.v1", mutated)


@settings(max_examples=300)
@given(strict_events().flatmap(lambda event: mutations(event.details).map(lambda details: (event, details))))
def test_mutated_details_get_the_same_verdict(pair):
    """Whatever is deleted or replaced in the details alone, schema and judge agree."""
    event, details = pair
    assert_same_verdict("pattern_event.v1", {**event.to_dict(), "details": details})


@settings(max_examples=300)
@given(strict_runs.flatmap(mutations))
def test_mutated_runs_get_the_same_verdict(mutated):
    """Whatever is deleted or replaced in a run, schema and judge agree."""
    assert_same_verdict("pattern_run.v1", mutated)


@given(st.sampled_from(sorted(JUDGES)), values)
def test_any_value_gets_the_same_verdict(name, value):
    """Any JSON value at all is judged alike."""
    assert_same_verdict(name, value)
