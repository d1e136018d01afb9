"""Python files and lock files, measured."""

from __future__ import annotations

import ast
import tomllib
import warnings
from typing import Any


class Measure:
    """Lines, functions and classes of Python files, and the longest function among them."""

    def __init__(self) -> None:
        self.files = 0
        self.lines = 0
        self.functions = 0
        self.classes = 0
        self.longest = ""
        self.longest_lines = 0

    def read(self, path: str, name: str) -> str:
        """Take one file in; `name` is what it is called here. Return why it could not be read, else an empty text."""
        try:
            with open(path, "rb") as file:
                source = file.read()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # what Python says of the code is not this measure's subject
                tree = ast.parse(source)
        except (OSError, SyntaxError, ValueError, RecursionError, MemoryError) as error:
            return f"{type(error).__name__}: {error}"
        self.files += 1
        self.lines += len(source.splitlines())
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                self._take(node, name)
            elif isinstance(node, ast.ClassDef):
                self.classes += 1
        return ""

    def _take(self, node: ast.FunctionDef | ast.AsyncFunctionDef, name: str) -> None:
        self.functions += 1
        length = (node.end_lineno or node.lineno) - node.lineno + 1
        if length > self.longest_lines:
            self.longest, self.longest_lines = f"{name}:{node.lineno} {node.name}", length

    def summary(self) -> dict[str, Any]:
        """Return the figures, as the result summary of a run."""
        return {
            "lines": self.lines,
            "files": self.files,
            "functions": self.functions,
            "classes": self.classes,
            "longest_function": self.longest,
            "longest_function_lines": self.longest_lines,
        }


def pinned_packages(path: str) -> list[str]:
    """Return the names of the packages that a lock file pins. Raises ValueError where it cannot be read as one."""
    with open(path, "rb") as file:
        data = file.read()
    if path.endswith(".txt"):
        lines = (line.strip() for line in data.decode().splitlines())
        return [line.partition("==")[0].strip() for line in lines if "==" in line and line[:1] not in {"#", "-"}]
    members = tomllib.loads(data.decode())
    packages = members.get("packages", members.get("package", []))
    return [str(package.get("name", "")) for package in packages if isinstance(package, dict)]
