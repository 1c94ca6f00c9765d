"""Live edits of prompts that stand in files of their own: which file changes, and that nobody else's prompt does."""

import subprocess
from collections.abc import Mapping
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.entities import EntityKey, Value
from registry.files.sources import SourceFile
from registry.splicing.patch import render_patch
from tests.registry.test_export import HEAD, Case, after, base_of, desired_of, drift_of, merged

PROMPT = "system_prompt.text"
MODE = "system_prompt.mode"
KIND = "Be kind.\nAlways.\n"


def case(yaml: str, texts: Mapping[str, str] | None = None) -> Case:
    named = [SourceFile(name, text) for name, text in (texts or {"prompts/a.md": KIND}).items()]
    return Case(SourceFile("models.yaml", HEAD + yaml), *named)


def model(key: str) -> EntityKey:
    return EntityKey("model", key)


def exported(made: Case, **leaves: Value) -> tuple[str, dict[str, str]]:
    """The YAML below the head, and the texts, after the prompts of these models were edited live."""
    for key, value in leaves.items():
        set_live(made, key, PROMPT, value)
    yaml, *texts = finished(made)
    return yaml.text.removeprefix(HEAD), {file.name: file.text for file in texts}


def set_live(made: Case, key: str, path: str, value: Value) -> None:
    made.live[model(key)].pop(path, None)
    if value is not None:
        made.live[model(key)][path] = value


def finished(made: Case) -> tuple[SourceFile, ...]:
    """The exported files. Synced, they leave all that is live as it is, and no drift."""
    found = made.export()
    assert found.skipped == ()
    synced = merged(desired_of(*found.files), made.base, made.live)
    assert not synced.conflicts
    assert after(synced) == made.live
    assert drift_of(merged(desired_of(*found.files), base_of(desired_of(*found.files)), made.live)) == []
    return found.files


# --- a file of one's own ------------------------------------------------------------------------------


OWN = """\
models:
  a:   # the first
    provider: p
    system_prompt:
      file: prompts/a.md   # reviewed by Ada
      mode: prepend
  b: {provider: p}
"""


def test_an_edit_rewrites_the_text_and_the_yaml_keeps_every_byte() -> None:
    assert exported(case(OWN), a="Be brief.\nNever dull.") == (OWN, {"prompts/a.md": "Be brief.\nNever dull.\n"})


def test_without_drift_no_file_changes() -> None:
    made = case(OWN)
    assert made.export().files == made.files


@pytest.mark.parametrize(
    ("before", "wanted", "now"),
    [
        ("One.\r\nTwo.\r\n", "Two.\nThree.", "Two.\r\nThree.\r\n"),
        ("One.", "Two.\nThree.", "Two.\nThree."),
        ("One.", "Two.\n", "Two.\n\n"),
        ("One.\n", "Two.\n", "Two.\n\n"),
        ("\ufeffOne.\n", "Two.", "\ufeffTwo.\n"),
        ("\ufeff\ufeffOne.\n", "Two.", "\ufeffTwo.\n"),
        ("", "Two.", "Two.\n"),
        ("One.\n", "a\rb", "a\rb\n"),
    ],
)
def test_the_text_keeps_the_ends_of_its_lines_and_says_just_what_is_live(before: str, wanted: str, now: str) -> None:
    assert exported(case(OWN, {"prompts/a.md": before}), a=wanted) == (OWN, {"prompts/a.md": now})


@pytest.mark.parametrize("wanted", ["One.\r\nTwo.", "\ufeffOne."])
def test_what_no_text_file_can_say_is_written_into_the_yaml(wanted: str) -> None:
    yaml, texts = exported(case(OWN), a=wanted)
    assert texts == {"prompts/a.md": KIND}
    assert [line for line in yaml.splitlines() if line not in OWN.splitlines()] == [
        line for line in yaml.splitlines() if line.startswith("      text: ")
    ]


def test_an_unset_prompt_loses_its_line_and_the_file_stays() -> None:
    yaml, texts = exported(case(OWN), a=None)
    assert yaml == OWN.replace("      file: prompts/a.md   # reviewed by Ada\n", "")
    assert texts == {"prompts/a.md": KIND}


def test_a_table_that_the_unset_prompt_leaves_empty_goes_too() -> None:
    flow = "models:\n  a: {provider: p, system_prompt: {file: prompts/a.md}, tags: [x]}\n"
    assert exported(case(flow), a=None)[0] == "models:\n  a: {provider: p, tags: [x]}\n"
    block = "models:\n  a:\n    provider: p\n    system_prompt:\n      file: prompts/a.md\n"
    assert exported(case(block), a=None)[0] == "models:\n  a:\n    provider: p\n"


def test_the_whole_group_goes_along_each_leaf_to_where_it_stands() -> None:
    made = case(OWN)
    set_live(made, "a", MODE, "replace")
    yaml, texts = exported(made, a="Be brief.")
    assert (yaml, texts) == (OWN.replace("prepend", "replace"), {"prompts/a.md": "Be brief.\n"})


def test_another_leaf_of_the_prompt_is_edited_and_the_text_is_left_alone() -> None:
    made = case(OWN, {"prompts/a.md": KIND.replace("\n", "\r\n")})
    set_live(made, "a", MODE, "replace")
    assert exported(made) == (OWN.replace("prepend", "replace"), {"prompts/a.md": KIND.replace("\n", "\r\n")})


def test_a_text_above_an_empty_file_is_written_into_it() -> None:
    assert exported(case(OWN, {"prompts/a.md": ""}), a="Be brief.") == (OWN, {"prompts/a.md": "Be brief.\n"})


# --- a file that others have too ----------------------------------------------------------------------


def test_two_models_of_one_file_part_ways_and_the_file_is_the_others() -> None:
    made = case(
        "models:\n"
        "  a: {provider: p, system_prompt: {file: prompts/a.md, mode: replace}}\n"
        "  b: {provider: p, system_prompt: {file: ./prompts//a.md}}\n"
    )
    yaml, texts = exported(made, a="Be brief.")
    assert texts == {"prompts/a.md": KIND}
    assert yaml == (
        "models:\n"
        "  a: {provider: p, system_prompt: {text: Be brief., mode: replace}}\n"
        "  b: {provider: p, system_prompt: {file: ./prompts//a.md}}\n"
    )


def test_in_a_block_the_text_takes_the_place_of_the_path_with_its_comment() -> None:
    made = case(OWN.replace("b: {provider: p}", "b: {provider: p, system_prompt: {file: prompts/a.md}}"))
    yaml, _ = exported(made, a="Be brief.\nNever dull.")
    assert "    system_prompt:\n      text: |-   # reviewed by Ada\n        Be brief.\n        Never dull.\n" in yaml


def test_both_edited_at_once_are_both_what_is_live() -> None:
    made = case(
        "models:\n"
        "  a: {provider: p, system_prompt: {file: prompts/a.md}}\n"
        "  b: {provider: p, system_prompt: {file: prompts/a.md}}\n"
    )
    exported(made, a="Of a.", b="Of b.")


@pytest.mark.parametrize(
    "layer",
    [
        "defaults: {model: {system_prompt: {file: prompts/a.md}}}\n",
        "profiles: {s: {system_prompt: {file: prompts/a.md}}}\n",
    ],
    ids=["defaults", "profile"],
)
def test_a_file_of_a_layer_is_never_edited_for_one_model(layer: str) -> None:
    body = "models:\n  a:\n    provider: p\n" + ("    extends: s\n" if "profiles" in layer else "")
    assert exported(case(layer + body), a="Be brief.") == (
        f"{layer}{body}    system_prompt:\n      text: Be brief.\n",
        {"prompts/a.md": KIND},
    )
    assert exported(case(layer + body), a=None)[0] == f"{layer}{body}    system_prompt:\n      text: null\n"


def test_a_model_that_names_the_file_of_its_own_layer_is_one_of_two() -> None:
    layer = "defaults: {model: {system_prompt: {file: prompts/a.md}}}\n"
    yaml, texts = exported(
        case(f"{layer}models:\n  a: {{provider: p, system_prompt: {{file: prompts/a.md}}}}\n"), a="Be brief."
    )
    assert yaml == f"{layer}models:\n  a: {{provider: p, system_prompt: {{text: Be brief.}}}}\n"
    assert texts == {"prompts/a.md": KIND}


def test_an_unset_prompt_above_a_layer_that_has_one_says_null() -> None:
    layer = "defaults: {model: {system_prompt: {file: prompts/a.md}}}\n"
    texts = {"prompts/a.md": KIND, "prompts/b.md": "B.\n"}
    body = "models:\n  a: {provider: p, system_prompt: {file: prompts/b.md}}\n"
    yaml, _ = exported(case(layer + body, texts), a=None)
    assert yaml == f"{layer}models:\n  a: {{provider: p, system_prompt: {{text: null}}}}\n"


def test_a_file_in_another_folder_of_the_same_name_is_another_file() -> None:
    made = Case(
        SourceFile("one/models.yaml", f"{HEAD}models:\n  a: {{provider: p, system_prompt: {{file: x.md}}}}\n"),
        SourceFile("two/models.yaml", "version: 1\nmodels:\n  b: {provider: p, system_prompt: {file: x.md}}\n"),
        SourceFile("one/x.md", "One.\n"),
        SourceFile("two/x.md", "Two.\n"),
    )
    set_live(made, "b", PROMPT, "Three.")
    assert [file.text for file in finished(made)[2:]] == ["One.\n", "Three.\n"]


# --- anchors ------------------------------------------------------------------------------------------


def test_an_anchor_that_two_models_use_stays_and_the_edited_one_is_written_out() -> None:
    head = "x-p: &p {file: prompts/a.md, mode: replace}\nmodels:\n"
    rest = "  b: {provider: p, system_prompt: *p}\n"
    yaml, texts = exported(case(f"{head}  a: {{provider: p, system_prompt: *p}}\n{rest}"), a="Be brief.")
    assert yaml == f"{head}  a: {{provider: p, system_prompt: {{mode: replace, text: Be brief.}}}}\n{rest}"
    assert texts == {"prompts/a.md": KIND}


def test_an_anchor_that_one_model_uses_is_that_models_file() -> None:
    yaml = "x-p: &p {file: prompts/a.md}\nmodels:\n  a: {provider: p, system_prompt: *p}\n"
    assert exported(case(yaml), a="Be brief.") == (yaml, {"prompts/a.md": "Be brief.\n"})


@pytest.mark.parametrize("wanted", ["Be brief.", "One.\nTwo.", None])
@pytest.mark.parametrize(
    "written",
    [
        "{provider: p, system_prompt: *p}",
        "{provider: p, system_prompt: {<<: *p, mode: replace}}",
        "{provider: p, system_prompt: {<<: *q, file: prompts/a.md}}",
        "{provider: p, system_prompt: {text: null, file: prompts/a.md}}",
        '{provider: p, "system_prompt": {"file":"prompts/a.md"}}',
        "{provider: p, system_prompt: {file: &path prompts/a.md}, x-path: *path}",
        "{provider: p, system_prompt: {&key file: prompts/a.md}}",
        "{provider: p, system_prompt: &mine {file: prompts/a.md}, x-mine: *mine}",
        "{<<: *m}",
        "{<<: *m, system_prompt: {<<: *p}}",
        "*m",
        "\n    provider: p\n    system_prompt:\n      <<: *p\n      mode: prepend",
        "\n    provider: p\n    system_prompt:\n      file: >-\n        prompts/a.md\n      mode: prepend",
        "\n    <<: *m\n    tags: [x]",
    ],
)
def test_however_a_shared_file_is_named_the_edit_is_that_models_alone(written: str, wanted: str | None) -> None:
    head = "x-p: &p {file: prompts/a.md}\nx-q: &q {file: prompts/b.md}\nx-m: &m {provider: p, system_prompt: *p}\n"
    texts = {"prompts/a.md": KIND, "prompts/b.md": "B.\n"}
    for other in ("  b: {provider: p, system_prompt: *p}\n", ""):
        made = case(f"{head}models:\n  a: {written}\n{other}", texts)
        yaml, now = exported(made, a=wanted)
        assert yaml.startswith(head)
        assert yaml.endswith(other)
        assert now == texts or (not other and now == {**texts, "prompts/a.md": f"{wanted}\n"})
        made = case(f"{head}models:\n  a: {written}\n{other}", texts)
        set_live(made, "a", MODE, "prepend")
        exported(made, a=wanted)


# --- patches ------------------------------------------------------------------------------------------


def test_git_applies_a_patch_of_both_kinds_of_files(tmp_path: Path) -> None:
    made = case(OWN, {"prompts/a.md": "One.\r\nTwo.\r\nThree."})
    set_live(made, "a", PROMPT, "One.\n2.\nThree.")
    set_live(made, "a", MODE, "replace")
    files = finished(made)
    (tmp_path / "prompts").mkdir()
    for file in made.files:
        (tmp_path / file.name).write_bytes(file.text.encode())
    command = ["git", "-c", "core.autocrlf=false", "apply", "--whitespace=nowarn", "-"]
    patch = render_patch(made.files, files)
    assert "\n-Two.\r\n+2.\r\n" in patch
    subprocess.run(command, input=patch.encode(), cwd=tmp_path, check=True, capture_output=True)
    assert [(tmp_path / file.name).read_bytes().decode() for file in files] == [file.text for file in files]


# --- by chance ----------------------------------------------------------------------------------------


TEXTS = ["Be kind.", "One.\nTwo.", "end\n", "a\r\nb", "\r", "# no comment\n\n  x", "null", "- x", " lead"]


def registry(random: Random) -> tuple[str, dict[str, str]]:
    """Models, profiles and defaults that take their prompts from a few files, or say them."""
    newline = random.choice(["\n", "\n", "\r\n"])
    texts = {f"prompts/{name}.md": random.choice(["", "\ufeff"]) + random.choice(TEXTS) + newline for name in "xyz"}

    def prompt() -> str:
        said = random.choice(
            ["file: prompts/x.md", "file: prompts/y.md", "file: prompts/z.md", "text: hi", "mode: replace"]
        )
        mode = ", mode: prepend" if not said.startswith("mode") and random.random() < 0.3 else ""
        return random.choice(["*p", "{<<: *p}", f"{{{said}{mode}}}", f"{{{said}{mode}}}", f"{{{said}{mode}}}"])

    lines = ["x-p: &p {file: prompts/x.md}"]
    if random.random() < 0.4:
        lines.append(f"defaults: {{model: {{system_prompt: {prompt()}}}}}")
    lines.append(f"profiles: {{s: {{system_prompt: {prompt()}}}}}")
    lines.append("models:")
    for key in "abc":
        extends = ", extends: s" if random.random() < 0.3 else ""
        own = f", system_prompt: {prompt()}" if random.random() < 0.8 else ""
        lines.append(f"  {key}: {{provider: p{extends}{own}}}")
    return newline.join(lines) + newline, texts


@settings(deadline=None, max_examples=400)
@given(st.integers(min_value=0, max_value=2**40))
def test_an_edit_of_any_models_prompt_is_that_models_and_clears_the_drift(seed: int) -> None:
    random = Random(seed)
    made = case(*registry(random))
    for key in random.sample("abc", random.randint(1, 3)):
        if random.random() < 0.8:
            set_live(made, key, PROMPT, random.choice([None, *TEXTS]))
        if random.random() < 0.4:
            set_live(made, key, MODE, random.choice([None, "prepend", "replace"]))
        if random.random() < 0.1:
            del made.live[model(key)]
    found = made.export()
    synced = merged(desired_of(*found.files), made.base, made.live)
    assert found.skipped == ()
    assert {entity: leaves for entity, leaves in after(synced).items() if leaves is not None} == made.live
