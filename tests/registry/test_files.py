"""Several files read as one registry: what unites, what may not disagree, and where each fault stands."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.entities import EntityKey, OwnershipRule
from registry.files.sources import SourceFile, UnreadableSource, digest_of, find_files, read_files
from registry.schema import parse_files

PROVIDERS = """version: 1
providers:
  p: {api_format: openai, api_url: https://api.example/v1, api_key: "${env:P_API_KEY}"}
"""


def files(**texts: str) -> list[SourceFile]:
    """`a="..."` is the file a.yaml."""
    return [SourceFile(f"{name}.yaml", text) for name, text in texts.items()]


def faults_of(**texts: str) -> list[str]:
    return [f"{fault.file}:{fault.line}:{fault.column} {fault.code}" for fault in parse_files(files(**texts)).faults]


# --- one registry of several files ----------------------------------------------------------------------------


def test_providers_models_and_profiles_of_all_files_unite() -> None:
    parsed = parse_files(
        files(
            a=PROVIDERS + "defaults: {model: {owned_by: us}}\n",
            b="version: 1\nprofiles: {chat: {tags: [chat]}}\nmodels:\n  m: {provider: p, extends: chat}\n",
            c="version: 1\nmodels:\n  n: {provider: p}\n",
        )
    )
    assert parsed.faults == ()
    assert parsed.registry
    assert list(parsed.registry.providers) == ["p"]
    assert list(parsed.registry.models) == ["m", "n"]
    assert parsed.registry.models["m"].tags == ("chat",)
    assert [model.owned_by for model in parsed.registry.models.values()] == ["us", "us"]


def test_places_name_the_file_that_a_leaf_stands_in() -> None:
    parsed = parse_files(
        files(
            a=PROVIDERS + "defaults: {model: {owned_by: us}}",
            b="version: 1\n\nmodels:\n  m:\n    provider: p\n",
        )
    )
    assert parsed.desired
    model = parsed.desired.stanzas[EntityKey("model", "m")]
    assert model.place == "b.yaml:4"
    assert dict(model.places) == {"owned_by": "a.yaml:4", "upstreams.default.provider": "b.yaml:5"}
    provider = parsed.desired.stanzas[EntityKey("provider", "p")]
    assert (provider.place, provider.places["api_key"]) == ("a.yaml:3", "a.yaml:3")


def test_lists_follow_each_other_in_the_order_of_the_files() -> None:
    parsed = parse_files(
        files(
            a=PROVIDERS + "ownership: [{fields: [enabled], mode: ui, models: [m*]}]\nmoved: [{from: old, to: m}]\n",
            b=(
                "version: 1\nownership: [{fields: ['*'], mode: yaml, providers: [p]}]\n"
                "models: {m: {provider: p}}\nremoved:\n  - {id: gone, destroy: true}\n"
            ),
        )
    )
    assert parsed.desired
    assert parsed.desired.ownership == (
        OwnershipRule(("enabled",), "ui", models=("m*",)),
        OwnershipRule(("*",), "yaml", providers=("p",)),
    )
    assert (parsed.desired.moved, parsed.desired.removed) == ({"old": "m"}, {"gone": True})
    assert parsed.desired.places == {"moved/old": "a.yaml:5", "removed/gone": "b.yaml:5"}


@pytest.mark.parametrize("section", ["models", "profiles", "providers"])
def test_a_key_in_two_files_is_a_duplicate_that_names_the_other_file(section: str) -> None:
    bodies = {"models": "{provider: p}", "profiles": "{}", "providers": "{api_format: openai, api_url: http://a}"}
    text = f"version: 1\n{section}:\n  x: {bodies[section]}\n"
    parsed = parse_files(files(a=PROVIDERS + "models: {}\n" if section != "models" else PROVIDERS, b=text, c=text))
    (fault,) = parsed.faults
    assert (fault.code, fault.file, fault.line, fault.column) == ("E102", "c.yaml", 3, 3)
    assert fault.message == 'duplicate key "x" (first at b.yaml:3)'
    assert fault.path == f"{section}.x"


def test_a_duplicate_in_one_file_names_its_line_alone() -> None:
    parsed = parse_files(files(a="version: 1\nmodels: {}\n", b="version: 1\nx-a: 1\nx-a: 2\n"))
    (fault,) = parsed.faults
    assert (fault.file, fault.line) == ("b.yaml", 3)
    assert fault.message == 'duplicate key "x-a" (first at line 2)'


DISAGREEING = [
    ({"a": "version: 1\nmodels: {}\n", "b": "providers: {}\n"}, ["b.yaml:1:1 E202"]),
    ({"a": "version: 1\nmodels: {}\n", "b": "version: 2\n"}, ["b.yaml:1:10 E207"]),
    ({"a": "version: 1\nsource: x\n", "b": "version: 1\nmodels: {}\nsource: y\n"}, ["b.yaml:3:9 E209"]),
    ({"a": "version: 1\ndefaults: {}\n", "b": "version: 1\ndefaults: {}\nmodels: {}\n"}, ["b.yaml:2:1 E102"]),
    ({"a": PROVIDERS, "b": "version: 1\n"}, ["a.yaml:1:1 E202"]),
    ({"a": PROVIDERS, "b": "- 5\n"}, ["b.yaml:1:1 E203"]),
    ({"a": "version: 1\nmodels: {M: {provider: p}}", "b": PROVIDERS}, ["a.yaml:2:10 E205"]),
    (
        {"a": PROVIDERS + "models: {m: {provider: p}}\n", "b": "version: 1\nmodels: {n: {provider: p, aliases: [M]}}"},
        ["b.yaml:2:37 E401"],
    ),
    ({"a": PROVIDERS, "b": "version: 1\nmodels: {n: {provider: q}}"}, ["b.yaml:2:24 E402"]),
]


@pytest.mark.parametrize(("texts", "expected"), DISAGREEING, ids=[expected[0] for _, expected in DISAGREEING])
def test_each_fault_names_its_own_file(texts: dict[str, str], expected: list[str]) -> None:
    assert faults_of(**texts) == expected


def test_one_source_may_be_named_in_one_file_only() -> None:
    parsed = parse_files(files(a="version: 1\nsource: x\n", b="version: 1\nmodels: {}\n"))
    assert parsed.desired
    assert parsed.desired.source == "x"


def test_a_file_that_is_no_yaml_hides_what_the_others_might_miss() -> None:
    assert faults_of(a="version: 1\nmodels: {m: {provider: p}}\n", b="version: [\n", c="\tx") == [
        "b.yaml:2:1 E101",
        "c.yaml:1:1 E101",
    ]


def test_a_file_without_an_end_of_line_does_not_run_into_the_next() -> None:
    assert faults_of(a="version: 1\nmodels: {", b="version: 1\n") == ["a.yaml:2:10 E101"]
    assert faults_of(a="\ufeffversion: 1", b="\ufeffversion: 1\nmodles: {}\nmodels: {}") == ["b.yaml:2:1 E201"]


def test_a_secret_is_hidden_in_its_own_file_and_nothing_is_hidden_in_another() -> None:
    first, second = parse_files(
        files(
            a="version: 1\nproviders: {p: {api_key: Opaque77, api_url: http://a, api_format: openai}}",
            b="version: 1\nmodels: {m: {provider: p, enabled: Opaque78}}",
        )
    ).faults
    assert first.source_line == "providers: {p: {api_key: <redacted>, api_url: http://a, api_format: openai}}"
    assert second.source_line == "models: {m: {provider: p, enabled: Opaque78}}"


yamlish = st.lists(
    st.sampled_from(
        ["version: 1\n", "models:\n", "  m: {", "provider: p", "}\n", "source: x\n", "- ", "\t", "\r", "&a", "*a"]
    ),
    max_size=12,
).map("".join)


@settings(max_examples=150, deadline=None)
@given(st.lists(yamlish | st.text(max_size=20), max_size=3))
def test_whatever_files_say_each_fault_stands_in_one_of_them(texts: list[str]) -> None:
    found = parse_files([SourceFile(str(number), text) for number, text in enumerate(texts)])
    for fault in found.faults:
        assert fault.render()
        if texts:
            text = texts[int(fault.file)].removeprefix("\ufeff")
            assert 1 <= fault.line <= len(re.split("\r\n|[\n\r\x85\u2028\u2029]", text))
    assert (
        (found.registry is None) == (found.desired is None) == any(fault.severity == "error" for fault in found.faults)
    )


# --- moves ----------------------------------------------------------------------------------------------------


def moved(*pairs: str) -> str:
    entries = "".join(f"  - {{from: {pair[0]}, to: {pair[1]}}}\n" for pair in pairs)
    return f"{PROVIDERS}models: {{z: {{provider: p}}}}\nmoved:\n{entries}"


def test_a_chain_of_moves_is_kept_as_it_is_written() -> None:
    parsed = parse_files(files(a=moved("ab", "bz")))
    assert parsed.faults == ()
    assert parsed.desired
    assert parsed.desired.moved == {"a": "b", "b": "z"}


@pytest.mark.parametrize(
    ("pairs", "lines"),
    [
        (("az", "az"), [7, 7]),
        (("az", "bz"), [7]),
        (("az", "ab"), [7, 7]),
        (("ab", "ba"), [6, 7]),
        (("aa",), [6]),
        (("ab", "bc", "ca"), [6, 7, 8]),
        (("za", "az"), [6]),
        (("ax",), [6]),
    ],
    ids=str,
)
def test_moves_that_meet_split_or_go_in_a_circle_are_faults(pairs: tuple[str, ...], lines: list[int]) -> None:
    found = parse_files(files(a=moved(*pairs))).faults
    assert [(fault.code, fault.line) for fault in found] == [("E404", line) for line in lines]


def test_a_key_is_removed_once_and_not_moved_as_well() -> None:
    removed = "removed:\n  - {id: a, destroy: true}\n  - {id: a, destroy: false}\n  - {id: b, destroy: true}\n"
    found = parse_files(files(a=moved("bz") + removed)).faults
    assert [(fault.code, fault.line) for fault in found] == [("E404", 9), ("E404", 10)]


# --- which files ----------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.yaml", "a.yml", "note.txt", ".hidden.yaml", "eu/models.yaml", "us/models.yaml"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"# {name}\n")
    (tmp_path / "folder.yaml").mkdir()
    return tmp_path


def test_a_folder_means_its_yaml_files(folder: Path) -> None:
    assert [file.name for file in read_files(str(folder))] == ["a.yml", "b.yaml"]
    assert find_files(f"{folder}/") == [folder / "a.yml", folder / "b.yaml"]


def test_a_glob_means_the_files_that_match_named_from_where_it_begins(folder: Path) -> None:
    assert [file.name for file in read_files(f"{folder}/*/models.yaml")] == ["eu/models.yaml", "us/models.yaml"]
    assert [file.name for file in read_files(f"{folder}/**/*.yaml")] == ["b.yaml", "eu/models.yaml", "us/models.yaml"]


def test_one_file_is_called_by_its_name(folder: Path) -> None:
    (file,) = read_files(str(folder / "eu" / "models.yaml"))
    assert (file.name, file.text) == ("models.yaml", "# eu/models.yaml\n")


def test_names_are_found_from_the_current_folder_too(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert [file.name for pattern in ("b.yaml", ".", "e*/*.yaml") for file in read_files(pattern)] == [
        "b.yaml",
        "a.yml",
        "b.yaml",
        "eu/models.yaml",
    ]


def test_a_folder_whose_name_looks_like_a_glob_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "[x]").mkdir()
    (tmp_path / "[x]" / "a.yaml").write_text("")
    assert [file.name for file in read_files(str(tmp_path / "[x]"))] == ["a.yaml"]


def test_nothing_to_read_is_a_sentence_that_names_what_was_asked_for(tmp_path: Path) -> None:
    for pattern in ("none.yaml", f"{tmp_path}/*.yaml", str(tmp_path)):
        with pytest.raises(UnreadableSource) as caught:
            read_files(pattern)
        assert str(caught.value) == f'No file matches "{pattern}".'
        assert caught.value.file == ""


def test_a_file_that_is_not_utf_8_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"version: 1\n\xff")
    with pytest.raises(UnreadableSource) as caught:
        read_files(str(tmp_path))
    assert str(caught.value) == "a.yaml is not UTF-8: byte 11 cannot be read."
    assert caught.value.file == "a.yaml"


# --- the digest -----------------------------------------------------------------------------------------------

named = st.lists(st.tuples(st.text(max_size=4), st.text(max_size=8)), max_size=3, unique_by=lambda pair: pair[0])


@settings(max_examples=200, deadline=None)
@given(named, named)
def test_the_digest_is_the_same_for_the_same_files_in_any_order_and_no_others(
    one: list[tuple[str, str]], other: list[tuple[str, str]]
) -> None:
    first, second = ([SourceFile(*pair) for pair in pairs] for pairs in (one, other))
    assert digest_of(reversed(first)) == digest_of(first)
    assert (digest_of(first) == digest_of(second)) == (sorted(one) == sorted(other))


def test_the_digest_tells_a_name_from_a_text_and_one_file_from_two() -> None:
    assert digest_of([SourceFile("ab", "c")]) != digest_of([SourceFile("a", "bc")])
    assert digest_of([SourceFile("a", "b"), SourceFile("c", "d")]) != digest_of([SourceFile("a", "bcd")])
    assert digest_of([SourceFile("a", "b")]).startswith("sha256:")
    assert len(digest_of([])) == len("sha256:") + 64
