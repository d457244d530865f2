"""Every line of the contract of the edge has a test, or is said to be open."""

import ast
from collections import defaultdict
from pathlib import Path

from tests.contract import CONTRACT, OPEN

TESTS = Path(__file__).parent


def marked() -> dict[int, list[str]]:
    """Tests by the line of the contract that they hold, found in the sources."""
    found: dict[int, list[str]] = defaultdict(list)
    for path in TESTS.rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            for decorator in node.decorator_list:
                if isinstance(decorator, ast.Call) and ast.unparse(decorator.func).endswith(
                    "mark.contract"
                ):
                    for line in decorator.args:
                        found[ast.literal_eval(line)].append(f"{path.name}::{node.name}")
    return found


def test_every_line_has_a_test_or_is_said_to_be_open() -> None:
    tests = marked()
    assert set(tests) <= set(CONTRACT), "a test holds a line that there is not"
    assert [line for line in CONTRACT if line not in tests and line not in OPEN] == []


def test_what_is_open_is_a_line_and_says_what_is_missing() -> None:
    assert set(OPEN) <= set(CONTRACT)
    assert all(OPEN.values())
