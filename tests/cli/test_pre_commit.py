"""The hook that pre-commit runs: what its file says is a command that there is."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
(HOOK,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())


def run(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    """The hook on a folder's models.yaml, as pre-commit calls it: the entry, then the files that it matches."""
    (folder / "models.yaml").write_text(text)
    command, *arguments = shlex.split(HOOK["entry"])
    script = Path(sys.executable).with_name(command)
    return subprocess.run([script, *arguments, "models.yaml"], cwd=folder, capture_output=True, text=True)


def test_the_hook_is_about_the_shipped_file_and_passes_it(tmp_path: Path) -> None:
    assert HOOK["id"] == "registry-validate"
    assert re.search(HOOK["files"], "models.yaml")
    assert not re.search(HOOK["files"], "docs/models.yaml.md")
    done = run(tmp_path, (ROOT / "models.yaml").read_text())
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_hook_stops_a_commit_and_says_which_line(tmp_path: Path) -> None:
    done = run(tmp_path, "version: 1\nmodels:\n  a: {provider: nobody}\n")
    assert done.returncode == 1
    assert "models.yaml:3:17" in done.stdout + done.stderr
