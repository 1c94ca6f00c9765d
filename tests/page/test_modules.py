"""The page's modules, without a browser: each parses, and the pure ones are tested by Node's own runner."""

import json
import subprocess
from pathlib import Path

import pytest
from browsing import NODE

ROOT = Path(__file__).parents[2]
MODULES = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "static").rglob("*.js"))
WRITTEN = sorted(
    path.relative_to(ROOT).as_posix()
    for path in (ROOT / "static").rglob("*")
    if path.suffix in {".js", ".css"} and "vendor" not in path.parts
)
COLUMNS_MAX = 120
SUITES = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "tests" / "page" / "js").glob("*.test.js"))
PARSE = """
import { readFileSync } from "node:fs";
import { SourceTextModule } from "node:vm";
const faults = {};
for (const path of process.argv.slice(1)) {
  try {
    new SourceTextModule(readFileSync(path, "utf8"), { identifier: path });
  } catch (error) {
    faults[path] = error.stack;
  }
}
console.log(JSON.stringify(faults));
"""


def run_node(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(NODE), *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture(scope="module")
def faults() -> dict[str, str]:
    """What Node cannot read, by module: one process reads them all."""
    read = run_node("--experimental-vm-modules", "--input-type=module", "--eval", PARSE, "--", *MODULES)
    assert read.returncode == 0, read.stderr
    found: dict[str, str] = json.loads(read.stdout)
    return found


@pytest.mark.parametrize("module", MODULES)
def test_module_parses(module: str, faults: dict[str, str]) -> None:
    assert module not in faults, faults[module]


def test_what_does_not_parse_is_found(tmp_path: Path) -> None:
    broken = tmp_path / "broken.js"
    broken.write_text("export const = 1;")
    read = run_node("--experimental-vm-modules", "--input-type=module", "--eval", PARSE, "--", str(broken))
    assert "SyntaxError" in json.loads(read.stdout)[str(broken)]


def test_no_line_is_wider_than_a_reader_sees_at_once() -> None:
    wide = [
        f"{name}:{number}"
        for name in WRITTEN
        for number, line in enumerate((ROOT / name).read_text(encoding="utf-8").splitlines(), start=1)
        if len(line) > COLUMNS_MAX
    ]
    assert not wide


def test_suites_pass() -> None:
    ran = run_node("--test", "--test-isolation=none", *SUITES)
    assert ran.returncode == 0, ran.stdout + ran.stderr
