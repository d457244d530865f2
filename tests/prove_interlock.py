"""Proves that every check of the interlock is needed: without any one of them the tests fail.

For each check a copy of the code is made in which that check lets everything through, and the tests
of the interlock are run on the copy. A copy on which they pass is a check that no test needs.

    python -m tests.prove_interlock
"""

import ast
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from control.interlock_checks import CHECKS, Check
from control.override_checks import OVERRIDE_CHECKS

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("physics", "control", "stream", "opcua", "ops", "ui", "tests", "plants", "pyproject.toml")
TESTS = (
    "tests/control/test_interlock.py",
    "tests/control/test_interlock_machine.py",
    "tests/control/test_overrides.py",
    "tests/stream/test_guarding.py",
)
# These two look at the table of checks itself, which a copy keeps; they prove nothing here.
NOT_COUNTED = "not a_missing_check_is_noticed and not every_check_has_a_case"


def disable(source: str, name: str) -> str:
    """Return the module with one check that lets everything through."""
    tree = ast.parse(source)
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            # What later checks build on is kept: the value as a float, and that the order is new.
            keeps = {
                "check_type": "return replace(case, value=float(case.request.value))",
                "check_order": "return replace(case, is_order_new=True)",
            }
            node.body = ast.parse(keeps.get(name, "return case")).body
            return ast.unparse(tree)
    raise LookupError(f"there is no check {name}")


def module_of(check: Check) -> Path:
    """Return the file, within the repository, that a check is written in."""
    return Path(*check.__module__.split(".")).with_suffix(".py")


def failing_tests(check: Check | None) -> list[str]:
    """Return the tests that fail without a check; None leaves none out."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for room in ROOMS:
            if (ROOT / room).is_dir():
                ignored = shutil.ignore_patterns("__pycache__", "*.reduced", "node_modules")
                shutil.copytree(ROOT / room, copy / room, ignore=ignored)
            else:
                shutil.copy(ROOT / room, copy / room)
        if check is not None:
            module = copy / module_of(check)
            module.write_text(disable(module.read_text(), check.__name__))
        ended = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider", "--tb=no",
             "--hypothesis-profile=unshortened", "-k", NOT_COUNTED, *TESTS],
            cwd=copy, env={**os.environ, "PYTHONPATH": folder}, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
    if ended.returncode not in (0, 1):
        without = "any check missing" if check is None else check.__name__
        said = ended.stdout + ended.stderr
        raise RuntimeError(f"the tests did not run without {without}:\n{said}")
    lines = ended.stdout.splitlines()
    return [line.split()[1] for line in lines if line.startswith("FAILED")]


def main() -> int:
    """Prove every check; return 1 where one is not needed."""
    checks = list(dict.fromkeys((*CHECKS, *OVERRIDE_CHECKS)))
    if failed := failing_tests(None):
        print(f"NOT PROVED: with every check in its place these fail: {', '.join(failed)}")
        return 1
    unneeded = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for check, failed in zip(checks, pool.map(failing_tests, checks), strict=True):
            name = check.__name__
            machine = any("machine" in test for test in failed)
            print(
                f"without {name}: {len(failed)} tests fail"
                f"{', the search among them' if machine else ''}",
                flush=True,
            )
            if not failed:
                unneeded.append(name)
    if unneeded:
        print(f"NOT PROVED: no test needs {', '.join(unneeded)}")
        return 1
    print(f"proved: each of the {len(checks)} checks is needed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
