"""What the package gives: the names in `__all__`, each explained."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

import patternspan


@pytest.mark.parametrize("name", patternspan.__all__)
def test_each_public_name_is_there_and_explained(name: str) -> None:
    """With a docstring of its own, and on each of its methods."""
    thing: Any = getattr(patternspan, name)
    assert thing.__doc__
    if inspect.isclass(thing):
        methods = {
            name: member
            for name, member in vars(thing).items()
            if inspect.isfunction(inspect.unwrap(member)) and not name.startswith("_")
        }
        assert [name for name, member in methods.items() if not inspect.getdoc(getattr(thing, name))] == []


def test_the_list_is_sorted_and_what_a_star_import_gives() -> None:
    """Nothing else is public."""
    assert patternspan.__all__ == sorted(patternspan.__all__)
    given: dict[str, Any] = {}
    exec("from patternspan import *", given)
    assert sorted(name for name in given if name != "__builtins__") == patternspan.__all__


def test_an_unknown_name_is_an_attribute_error() -> None:
    """As with any module."""
    with pytest.raises(AttributeError, match="'patternspan' has no attribute 'nonsense'"):
        patternspan.nonsense  # noqa: B018


def test_the_version_is_that_of_the_distribution() -> None:
    """As `pip` shows it."""
    from importlib.metadata import version

    assert patternspan.__version__ == version("patternspan")
