"""Prompts in files of their own: what is declared, which paths lead to a text, and where each fault stands."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from quart_proxy.commands.registry import main
from registry.entities import EntityKey, Stanza
from registry.files.gathering import gather_files
from registry.files.prompts import list_prompt_paths, prompt_of, text_of
from registry.files.sources import TEXT_BYTES_MAX, SourceFile, UnreadableSource, digest_of, find_files
from registry.files.validation import validate
from registry.schema import Parsed, parse_files, parse_model

HEAD = "version: 1\nproviders: {p: {api_format: openai, api_url: https://p.example/v1}}\n"
PROMPT = "system_prompt.text"
KIND = "Be kind.\nAlways.\n"


def parsed(yaml: str, texts: Mapping[str, str] | None = None, *, sheet: str = "models.yaml") -> Parsed:
    named = [SourceFile(name, text) for name, text in (texts or {"prompts/a.md": KIND}).items()]
    return parse_files([SourceFile(sheet, HEAD + yaml), *named])


def stanza(yaml: str, texts: Mapping[str, str] | None = None, *, key: str = "a", sheet: str = "models.yaml") -> Stanza:
    found = parsed(yaml, texts, sheet=sheet)
    assert found.desired, [fault.render() for fault in found.faults]
    return found.desired.stanzas[EntityKey("model", key)]


def faults_of(yaml: str, texts: Mapping[str, str] | None = None) -> list[tuple[str, str, str]]:
    return [
        (f"{fault.line - 2}:{fault.column} {fault.code}", fault.path, fault.message)
        for fault in parsed(yaml, texts).faults
    ]


def prompt(file: str) -> str:
    """A model whose prompt is in this file; the value begins at 2:42."""
    return f"models:\n  a: {{provider: p, system_prompt: {{file: {file}}}}}\n"


# --- what is declared -------------------------------------------------------------------------------------------


def test_the_text_is_declared_at_the_line_that_names_its_file_and_nothing_of_the_path() -> None:
    found = stanza(
        "models:\n  a:\n    provider: p\n    system_prompt:\n      mode: replace\n      file: prompts/a.md\n"
    )
    assert dict(found.leaves) == {
        "upstreams.default.provider": "p",
        "system_prompt.mode": "replace",
        PROMPT: "Be kind.\nAlways.",
    }
    assert found.places[PROMPT] == "models.yaml:8"
    assert dict(found.vias) == {PROMPT: "prompts/a.md"}


def test_the_path_begins_at_the_folder_of_the_file_that_says_it() -> None:
    texts = {"conf/team/prompts/a.md": "Here.", "prompts/a.md": "Elsewhere."}
    found = stanza(prompt("./prompts//a.md"), texts, sheet="conf/team/models.yaml")
    assert found.leaves[PROMPT] == "Here."
    assert found.vias[PROMPT] == "conf/team/prompts/a.md"


@pytest.mark.parametrize("layer", ["defaults: {model: {system_prompt: {%s}}}", "profiles: {s: {system_prompt: {%s}}}"])
def test_a_prompt_of_a_layer_comes_by_the_layer_and_its_file(layer: str) -> None:
    name = "defaults.model" if layer.startswith("defaults") else "profiles.s"
    extends = "" if layer.startswith("defaults") else ", extends: s"
    found = stanza(f"{layer % 'file: prompts/a.md'}\nmodels: {{a: {{provider: p{extends}}}}}\n")
    assert (found.leaves[PROMPT], found.places[PROMPT]) == ("Be kind.\nAlways.", "models.yaml:3")
    assert found.vias[PROMPT] == f"{name}, prompts/a.md"


@pytest.mark.parametrize(
    ("below", "above", "expected"),
    [
        ("file: prompts/a.md", "text: mine", "mine"),
        ("text: theirs", "file: prompts/a.md", "Be kind.\nAlways."),
        ("file: prompts/a.md", "file: prompts/b.md", "B."),
        ("file: prompts/a.md", "text: null", None),
        ("file: prompts/a.md", "file: null", None),
        ("text: theirs", "file: null", None),
        ("file: prompts/a.md", "mode: replace", "Be kind.\nAlways."),
        ("file: null", "file: null, text: mine", "mine"),
        ("text: null", "text: null, file: prompts/b.md", "B."),
    ],
)
def test_of_a_text_and_a_file_in_two_layers_the_later_one_wins(below: str, above: str, expected: str | None) -> None:
    model = f"{{provider: p, system_prompt: {{{above}}}}}"
    found = stanza(
        f"defaults: {{model: {{system_prompt: {{{below}}}}}}}\nmodels: {{a: {model}}}",
        {"prompts/a.md": KIND, "prompts/b.md": "B.\n"},
    )
    assert found.leaves[PROMPT] == expected
    assert "system_prompt.file" not in found.leaves


def test_an_anchor_carries_a_file_to_all_who_use_it() -> None:
    yaml = "x-p: &p {file: prompts/a.md}\nx-m: &m {system_prompt: *p}\nmodels:\n  a: {provider: p, system_prompt: *p}\n"
    yaml += "  b: {provider: p, <<: *m}\n  c: {provider: p, system_prompt: {<<: *p, mode: replace}}\n"
    for key in "abc":
        assert stanza(yaml, key=key).leaves[PROMPT] == "Be kind.\nAlways."


def test_a_null_table_unsets_the_prompt_and_declares_no_file() -> None:
    assert stanza("models: {a: {provider: p, system_prompt: null}}").leaves.keys() == {
        "upstreams.default.provider",
        "system_prompt.disabled",
        PROMPT,
        "system_prompt.mode",
    }


@pytest.mark.parametrize("text", ["", "\n", "\r\n", "\ufeff\n"])
def test_an_empty_file_says_nothing_as_an_empty_text_does(text: str) -> None:
    assert stanza(prompt("prompts/a.md"), {"prompts/a.md": text}).leaves[PROMPT] is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One.\r\nTwo.\r\n", "One.\nTwo."),
        ("One.\nTwo.", "One.\nTwo."),
        ("\ufeffOne.\n\n", "One.\n"),
        (" lead, trail \n", " lead, trail "),
        ("a\rb\n", "a\rb"),
    ],
)
def test_ends_of_lines_and_the_last_break_are_the_editors_and_all_else_is_the_prompt(text: str, expected: str) -> None:
    assert prompt_of(text) == expected


PROMPTS = st.text(st.sampled_from("ab \n\r\ufeff\tü"), max_size=8)


@settings(deadline=None, max_examples=500)
@given(PROMPTS, PROMPTS)
def test_a_prompt_that_a_file_can_say_is_read_back_whatever_was_in_the_file(wanted: str, before: str) -> None:
    text = text_of(wanted, before)
    if text is None:
        assert "\r" in wanted or wanted.startswith("\ufeff")
    else:
        assert prompt_of(text) == wanted


@settings(deadline=None, max_examples=300)
@given(PROMPTS)
def test_a_file_whose_lines_end_alike_is_written_as_it_was(text: str) -> None:
    for newline in ("\n", "\r\n"):
        before = text.replace("\r", "").replace("\n", newline)
        if prompt_of(before) and not before.startswith("\n") and not before.endswith("\ufeff"):
            assert text_of(prompt_of(before), before) == before


# --- faults -----------------------------------------------------------------------------------------------------


PATHS = [
    ("/etc/motd.md", "E601", "must begin at the folder of this YAML file, such as prompts/house-style.md"),
    ("../a.md", "E601", "must not lead out of the folder of this YAML file; move the text into it"),
    ("prompts/../../a.md", "E601", "must not lead out of the folder of this YAML file; move the text into it"),
    ("prompts/../a.md", "E601", "must not lead out of the folder of this YAML file; move the text into it"),
    ("'prompts\\a.md'", "E601", "must have / between folders, on every system"),
    ("prompts/a.yaml", "E601", "must name a file that ends in .md or .txt"),
    (".env", "E601", "must name a file that ends in .md or .txt"),
    (".md", "E601", "must name a file that ends in .md or .txt"),
    ("''", "E204", "must not be empty"),
    ('"a\\0.md"', "E204", "must not have control or surrounding characters"),
    ("5", "E203", 'must be text, not a number; quote it: "5"'),
    ("[a.md]", "E203", "must be text, not a list"),
    ("prompts/b.md", "E602", "there is no file prompts/b.md; the path begins at the folder of models.yaml"),
]


@pytest.mark.parametrize(("path", "code", "message"), PATHS, ids=[path for path, _, _ in PATHS])
def test_a_path_that_leads_to_no_text_is_told_at_its_value(path: str, code: str, message: str) -> None:
    assert faults_of(prompt(path)) == [(f"2:42 {code}", "models.a.system_prompt.file", message)]


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ("a\0b", "E204", "must not contain a NUL character"),
        ("x" * 1_000_001, "E204", "must have at most 1,000,000 characters, has 1,000,001"),
        ("x" * 10_001 + "\n", "W601", "10,001 characters; what is beyond 10,000 is cut"),
    ],
    ids=["NUL", "endless", "long"],
)
def test_the_rules_of_a_text_hold_for_the_text_of_a_file(text: str, code: str, message: str) -> None:
    assert faults_of(prompt("prompts/a.md"), {"prompts/a.md": text}) == [
        (f"2:42 {code}", "models.a.system_prompt.file", message)
    ]
    assert parsed(f"models:\n  a: {{provider: p, system_prompt: {{text: {'x' * 10_001}}}}}").faults[0].message == (
        "10,001 characters; what is beyond 10,000 is cut"
    )


def test_a_prompt_of_ten_thousand_characters_is_not_counted_with_its_last_break() -> None:
    assert faults_of(prompt("prompts/a.md"), {"prompts/a.md": "x" * 10_000 + "\n"}) == []


def test_text_and_file_in_one_place_exclude_each_other() -> None:
    (fault,) = faults_of("models:\n  a: {provider: p, system_prompt: {text: hi, file: prompts/a.md}}\n")
    assert fault == (
        "2:52 E208",
        "models.a.system_prompt.file",
        "file and text exclude each other; keep one of them",
    )


def test_all_faults_of_all_places_are_told_in_one_run_and_each_once() -> None:
    yaml = """\
defaults: {model: {system_prompt: {file: /a.md}}}
profiles:
  used: {system_prompt: {file: missing.md}}
  unused: {system_prompt: {file: 5}}
models:
  a: {provider: p, extends: used}
  b: {provider: p, extends: used}
  c: {provider: p, system_prompt: {file: prompts/a.md, text: x}}
"""
    assert [place for place, _, _ in faults_of(yaml)] == ["1:42 E601", "3:32 E602", "4:34 E203", "8:42 E208"]


def test_the_caret_is_under_the_path() -> None:
    (fault,) = parsed(prompt("../a.md")).faults
    assert fault.render().splitlines()[1:] == [
        "     4 |   a: {provider: p, system_prompt: {file: ../a.md}}",
        "       |                                          ^",
    ]


def test_a_document_over_the_api_says_its_text() -> None:
    _, (fault,) = parse_model("a", {"provider": "p", "system_prompt": {"file": "prompts/a.md"}})
    assert (fault.code, fault.path) == ("E601", "models.a.system_prompt.file")
    assert "say its content as text" in fault.message


YAML = st.recursive(
    st.sampled_from(["prompts/a.md", "../a.md", "/a.md", "b.txt", "", "5", "null", "*p", "x\\\\y", "~"]),
    lambda below: st.dictionaries(st.sampled_from(["system_prompt", "file", "text", "<<", "a", "model"]), below).map(
        lambda found: "{" + ", ".join(f"{name}: {value or chr(39) * 2}" for name, value in found.items()) + "}"
    ),
    max_leaves=6,
)


@settings(deadline=None, max_examples=300)
@given(YAML, YAML, YAML)
def test_whatever_is_written_there_is_read_or_told_of_and_never_an_exception(one: str, two: str, three: str) -> None:
    text = f"x-p: &p {{file: prompts/a.md}}\ndefaults: {one}\nprofiles: {two}\nmodels: {three}\n"
    files = [SourceFile("models.yaml", HEAD + text), SourceFile("prompts/a.md", KIND)]
    found = parse_files(files)
    assert found.desired or any(fault.severity == "error" for fault in found.faults)
    assert all(path.endswith((".md", ".txt")) and ".." not in path for path in list_prompt_paths(files[0]))


# --- the disk ---------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one model whose prompt is in prompts/a.md, and a secret beside it."""
    (tmp_path / "secret.md").write_text("do not tell")
    conf = tmp_path / "conf"
    (conf / "prompts").mkdir(parents=True)
    (conf / "prompts" / "a.md").write_bytes(KIND.encode())
    (conf / "models.yaml").write_text(HEAD + prompt("prompts/a.md"))
    return conf


def name(folder: Path, path: str) -> None:
    (folder / "models.yaml").write_text(HEAD + prompt(path))


def told(folder: Path) -> list[str]:
    return [
        f"{fault.line}:{fault.column} {fault.code} {fault.message}"
        for fault in parse_files(gather_files(str(folder))).faults
    ]


def test_a_folder_a_glob_and_a_file_bring_the_texts_that_they_name_and_no_others(folder: Path) -> None:
    (folder / "README.md").write_text("# not a prompt, not YAML: [")
    (folder / "prompts" / "unused.md").write_text("nobody names me")
    for pattern in (folder, folder / "models.yaml", folder / "*", folder / "*.*"):
        assert gather_files(str(pattern)) == [
            SourceFile("models.yaml", HEAD + prompt("prompts/a.md")),
            SourceFile("prompts/a.md", KIND),
        ]
    assert [file.name for file in gather_files(str(folder.parent / "**" / "*"))] == [
        "conf/models.yaml",
        "conf/prompts/a.md",
    ]


def test_a_text_is_no_yaml_file_and_says_so_when_it_is_named_as_one(folder: Path) -> None:
    assert find_files(str(folder / "prompts" / "a.md")) == []
    with pytest.raises(UnreadableSource, match="is a text by its name"):
        gather_files(str(folder / "prompts" / "a.md"))


def test_files_in_folders_of_their_own_name_texts_of_their_own(folder: Path) -> None:
    (folder / "team" / "prompts").mkdir(parents=True)
    (folder / "team" / "prompts" / "a.md").write_text("Team.")
    (folder / "team" / "models.yaml").write_text(prompt("prompts/a.md").replace("  a:", "  b:") + "version: 1\n")
    found = parse_files(gather_files(str(folder / "**" / "*.yaml")))
    assert found.desired, found.faults
    texts = {entity.key: stanza.leaves.get(PROMPT) for entity, stanza in found.desired.stanzas.items()}
    assert texts == {"p": None, "a": "Be kind.\nAlways.", "b": "Team."}


def test_the_digest_covers_the_text_alone_where_the_yaml_stays(folder: Path) -> None:
    before = digest_of(gather_files(str(folder)))
    (folder / "prompts" / "a.md").write_text("Be kinder.\n")
    edited = digest_of(gather_files(str(folder)))
    (folder / "prompts" / "a.md").unlink()
    assert len({before, edited, digest_of(gather_files(str(folder)))}) == 3


def test_links_inside_the_folder_are_followed_as_a_mounted_configuration_has_them(folder: Path) -> None:
    (folder / "..data").symlink_to(folder / "prompts", target_is_directory=True)
    (folder / "style.md").symlink_to("..data/a.md")
    name(folder, "style.md")
    assert told(folder) == []
    assert gather_files(str(folder))[1] == SourceFile("style.md", KIND)


@pytest.mark.parametrize("way", ["file", "folder", "absolute"])
def test_a_link_that_leads_out_is_not_read(folder: Path, way: str) -> None:
    path = "out.md"
    if way == "folder":
        (folder / "up").symlink_to("..", target_is_directory=True)
        path = "up/secret.md"
    else:
        (folder / "out.md").symlink_to(folder.parent / "secret.md" if way == "absolute" else "../secret.md")
    name(folder, path)
    assert told(folder) == [f"4:42 E602 {path} is a link that leads out of the folder; put the text itself there"]
    assert "do not tell" not in str(gather_files(str(folder)))


def test_a_link_out_of_one_folder_is_a_fault_though_another_file_may_read_it(folder: Path) -> None:
    (folder / "team").mkdir()
    (folder / "team" / "x.md").symlink_to("../prompts/a.md")
    name(folder, "team/x.md")
    assert told(folder) == []
    (folder / "team" / "models.yaml").write_text("version: 1\n" + prompt("x.md").replace("  a:", "  b:"))
    found = validate([str(folder), str(folder / "team")])
    assert {fault.code for fault in found.faults} == {"E602"}
    assert f"{folder}/team/models.yaml" in {fault.file for fault in found.faults}


def test_what_is_there_and_is_no_text_is_told_of(folder: Path) -> None:
    place = folder / "prompts" / "b.md"
    name(folder, "prompts/b.md")
    assert told(folder) == ["4:42 E602 there is no file prompts/b.md; the path begins at the folder of models.yaml"]
    place.mkdir()
    assert told(folder) == ["4:42 E602 prompts/b.md is not a file"]
    place.rmdir()
    place.write_bytes(b"caf\xe9")
    assert told(folder) == ["4:42 E602 prompts/b.md is not UTF-8: byte 3 cannot be read; save it as UTF-8"]
    place.write_bytes(b"x" * (TEXT_BYTES_MAX + 1))
    assert told(folder) == [
        f"4:42 E602 prompts/b.md is larger than {TEXT_BYTES_MAX:,} bytes; a prompt is a text of some pages"
    ]
    place.unlink()
    place.symlink_to("b.md")
    assert told(folder) == ["4:42 E602 prompts/b.md cannot be read: its links go in a ring"]
    place.unlink()
    os.mkfifo(place)
    assert told(folder) == ["4:42 E602 prompts/b.md is not a file"]
    name(folder, "prompts/a.md/b.md")
    assert told(folder)[0].startswith("4:42 E602 there is no file")
    name(folder, f"{'n' * 300}.md")
    assert told(folder)[0].endswith("cannot be read: File name too long")


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read everything")
def test_a_text_that_may_not_be_read_is_told_of(folder: Path) -> None:
    (folder / "prompts" / "a.md").chmod(0)
    assert told(folder) == ["4:42 E602 prompts/a.md cannot be read: Permission denied"]


def test_validate_reads_texts_offline_and_tells_of_all_of_them(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert CliRunner().invoke(main, ["validate"]).output == "0 errors, 0 warnings in models.yaml: 1 provider, 1 model\n"
    (folder / "prompts" / "a.md").write_text("a\0b")
    with (folder / "models.yaml").open("a") as file:
        file.write("  b: {provider: p, system_prompt: {file: prompts/b.md}}\n")
    done = CliRunner().invoke(main, ["validate", "models.yaml"])
    assert done.exit_code == 1
    assert "models.yaml:4:42: error[E204]: models.a.system_prompt.file" in done.output
    assert "models.yaml:5:42: error[E602]: models.b.system_prompt.file" in done.output
