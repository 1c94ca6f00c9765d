"""The page's modules, without a browser: each parses, and the pure ones are tested by Node's own runner."""

import subprocess
from pathlib import Path

import pytest
from browsing import NODE

ROOT = Path(__file__).parents[2]
MODULES = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "static").rglob("*.js"))
SUITES = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "tests" / "page" / "js").glob("*.test.js"))


def run_node(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(NODE), *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("module", MODULES)
def test_module_parses(module: str) -> None:
    checked = run_node("--check", module)
    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize("suite", SUITES)
def test_suite_passes(suite: str) -> None:
    ran = run_node("--test", suite)
    assert ran.returncode == 0, ran.stdout + ran.stderr
