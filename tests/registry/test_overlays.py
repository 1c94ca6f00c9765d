"""What is different in one environment: which files are read, how they are laid over the base, and what they may not
say."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from quart_proxy.commands.registry import main
from registry.entities import EntityKey, Origin, Policy, Stanza
from registry.files.overlays import find_overlay, in_play, list_overlays
from registry.files.sources import SourceFile, UnreadableSource, digest_of
from registry.files.validation import validate_files
from registry.planning.plan_document import Plan
from registry.planning.render_markdown import render_markdown
from registry.planning.render_plan import render_text
from registry.schema import Parsed, parse_files
from tests.registry.test_declared import connection, profile, registries, some, upstream

BASE = """\
version: 1
defaults: {model: {owned_by: us}}
profiles: {chat: {limits: {timeout: 9s}, tags: [p]}}
providers:
  p: {api_format: openai, api_url: https://p.example/v1, api_key: "${env:P_API_KEY}", headers: {x-a: a}}
models:
  m:
    provider: p
    extends: chat
    tags: [base]
    groups: [g, h]
    description: everywhere
    pricing: {input: 1.00, output: 2.00}
    limits: {context_window: 1000}
"""
HEAD = "version: 1\noverlay: prod\n"


def files(overlay: str = "", *, base: str = BASE, **others: str) -> list[SourceFile]:
    """The base, prod.yaml with what stands below its head, and `name="..."` as the file name.yaml."""
    named = {"models": base, "prod": HEAD + overlay, **others}
    return [SourceFile(f"{name}.yaml", text) for name, text in named.items()]


def laid(overlay: str, **others: str) -> Parsed:
    parsed = parse_files(files(overlay, **others))
    assert parsed.faults == (), [fault.render() for fault in parsed.faults]
    return parsed


def stanza_of(parsed: Parsed, address: str = "m", kind: Any = "model") -> Stanza:
    assert parsed.desired is not None
    return parsed.desired.stanzas[EntityKey(kind, address)]


def changes(parsed: Parsed) -> dict[str, Any]:
    """The leaves of the model `m` that are not what the base says."""
    before, now = stanza_of(parse_files(files()[:1])).leaves, stanza_of(parsed).leaves
    return {path: now.get(path, "gone") for path in before.keys() | now.keys() if now.get(path) != before.get(path)}


# --- what is laid over what ---------------------------------------------------------------------------


def test_maps_merge_tags_unite_and_all_else_is_replaced() -> None:
    parsed = laid("models:\n  m: {pricing: {output: 3.00}, tags: [here], groups: [k], description: here}\n")
    assert changes(parsed) == {
        "pricing.output": "3.00",
        "tags": ("base", "here", "p"),
        "groups": ("k",),
        "description": "here",
    }


def test_null_unsets_a_field_or_a_table_whoever_else_says_it() -> None:
    parsed = laid("models:\n  m: {description: null, owned_by: null, limits: null}\n")
    unset = stanza_of(parsed).leaves
    assert [unset[path] for path in ("description", "owned_by", "limits.timeout", "limits.context_window")] == [
        None
    ] * 4
    assert unset["pricing.input"] == "1.00"


def test_an_overlay_is_above_the_model_which_is_above_its_profiles_and_the_defaults() -> None:
    above = {"owned_by": "here", "limits": {"timeout": "1s"}}
    parsed = laid(yaml.safe_dump({"models": {"m": above}}))
    assert changes(parsed) == {"owned_by": "here", "limits.timeout": "1s"}
    parsed = laid("models: {m: {extends: []}}\n")
    assert changes(parsed) == {"limits.timeout": "gone", "tags": ("base",)}


@pytest.mark.parametrize(
    "overlay", ["", "models:\n", "models: {m: }\n", "models: {m: {x-note: 1}}\nproviders: {p: }\n"]
)
def test_an_overlay_that_says_nothing_changes_nothing(overlay: str) -> None:
    parsed, base = laid(overlay), parse_files(files()[:1])
    assert parsed.registry == base.registry
    assert parsed.desired is not None and base.desired is not None
    assert parsed.desired.stanzas == base.desired.stanzas
    assert (parsed.desired.overlay, base.desired.overlay) == ("prod", None)


def test_each_leaf_is_called_where_it_truly_stands_and_the_entity_where_the_base_has_it() -> None:
    stanza = stanza_of(laid("models:\n  m:\n    pricing:\n      output: 3.00\n    tags: [here]\n"))
    assert stanza.place == "models.yaml:7"
    assert stanza.places["pricing.output"] == "prod.yaml:6"
    assert stanza.places["pricing.input"] == "models.yaml:13"
    assert stanza.places["tags"] == "prod.yaml:7"
    assert stanza.vias == {"owned_by": "defaults.model", "limits.timeout": "profiles.chat"}


def test_a_provider_gets_its_own_key_and_headers_by_name() -> None:
    parsed = laid('providers:\n  p: {api_key: "${env:PROD_API_KEY}", headers: {x-b: b}}\n')
    assert stanza_of(parsed, "p", "provider").leaves == {
        "api_format": "openai",
        "api_url": "https://p.example/v1",
        "api_key": "${env:PROD_API_KEY}",
        "headers.x-a": "a",
        "headers.x-b": "b",
    }


def test_a_key_that_the_base_does_not_have_is_an_entity_of_that_environment() -> None:
    parsed = laid(
        "models:\n  n: {provider: q, extends: chat}\nproviders:\n  q: {api_format: openai, api_url: http://q}\n"
    )
    assert parsed.registry is not None
    assert list(parsed.registry.models) == ["m", "n"]
    assert stanza_of(parsed, "n").place == "prod.yaml:4"
    assert stanza_of(parsed, "n").leaves["limits.timeout"] == "9s"


def test_a_connection_is_changed_from_short_to_long_by_unsetting_the_short_one() -> None:
    parsed = laid("models:\n  m: {provider: null, upstreams: {a: {provider: p}, b: {provider: p, weight: 0}}}\n")
    assert {path for path in stanza_of(parsed).leaves if path.startswith("upstreams")} == {
        "upstreams.a.provider",
        "upstreams.b.provider",
        "upstreams.b.weight",
    }


def test_several_files_of_one_overlay_unite_and_their_place_among_the_files_does_not_matter() -> None:
    first, second = (
        files("models: {m: {description: here}}\n"),
        SourceFile("a.yaml", HEAD + "models: {n: {provider: p}}\n"),
    )
    orders = [parse_files(order) for order in ([*first, second], [second, *first], [first[1], second, first[0]])]
    assert all(parsed.registry is not None and parsed.registry.models.keys() == {"m", "n"} for parsed in orders)
    assert len({repr(sorted(parsed.desired.stanzas.items())) for parsed in orders if parsed.desired}) == 1


# --- faults -------------------------------------------------------------------------------------------

FAULTS = {
    "defaults, profiles and lists": (
        "defaults: {}\nprofiles: {}\nownership: []\nmoved: []\nremoved: []\n",
        [f"prod.yaml:{line}:1 E208" for line in range(3, 8)],
    ),
    "unknown key": ("modles: {}\n", ["prod.yaml:3:1 E201"]),
    "wrong type": ("models:\n  m: 5\n", ["prod.yaml:4:6 E203"]),
    "wrong value": ("models:\n  m:\n    pricing: {output: dear}\n", ["prod.yaml:5:23 E501"]),
    "unknown field": ("models:\n  m:\n    pricng: {}\n", ["prod.yaml:5:5 E201"]),
    "unknown profile": ("models:\n  m: {extends: caht}\n", ["prod.yaml:4:16 E403"]),
    "unknown provider": ("models:\n  m: {provider: pp}\n", ["prod.yaml:4:17 E402"]),
    "name taken": ("models:\n  n: {provider: p, aliases: [M]}\n", ["prod.yaml:4:30 E401"]),
    "new and not complete": ("models:\n  n: {description: x}\n", ["prod.yaml:4:3 E202"]),
    "new provider, not complete": ("providers:\n  q: {api_url: http://q}\n", ["prod.yaml:4:3 E202"]),
    "twice in one file": ("models:\n  m: {}\n  m: {}\n", ["prod.yaml:5:3 E102"]),
    "long form over short": ("models:\n  m:\n    upstreams: {a: {provider: p}}\n", ["prod.yaml:5:5 E208"]),
    "address over provider": ("models:\n  m:\n    api_url: http://x\n", ["prod.yaml:5:5 E208"]),
    "provider unset": ("models:\n  m:\n    provider: null\n", ["prod.yaml:5:5 E202"]),
    "free over rates": ("models:\n  m:\n    pricing: {free: true}\n", ["prod.yaml:5:15 E506"]),
    "secret": ("providers:\n  p: {api_key: opaque}\n", ["prod.yaml:4:16 E301"]),
    "version": ("", ["prod.yaml:1:10 E207"]),
    "source of its own": ("source: other\n", ["prod.yaml:3:9 E209"]),
}


def places(parsed: Parsed) -> list[str]:
    return [f"{fault.file}:{fault.line}:{fault.column} {fault.code}" for fault in parsed.faults]


@pytest.mark.parametrize("name", list(FAULTS))
def test_what_is_wrong_with_an_overlay_is_told_of_at_its_own_line(name: str) -> None:
    overlay, expected = FAULTS[name]
    given = files(overlay)
    if name == "version":
        given[1] = SourceFile("prod.yaml", "version: 2\noverlay: prod\n")
    assert places(parse_files(given)) == expected


def test_provider_over_an_address_is_told_of_at_the_line_of_the_overlay() -> None:
    base = "version: 1\nmodels:\n  m: {api_format: openai, api_url: http://a}\n"
    provider = "providers: {q: {api_format: openai, api_url: http://q}}\nmodels:\n  m:\n    provider: q\n"
    parsed = parse_files(files(provider, base=base))
    assert [(fault.file, fault.line, fault.message) for fault in parsed.faults] == [
        ("prod.yaml", 6, "api_format and provider exclude each other"),
        ("prod.yaml", 6, "api_url and provider exclude each other"),
    ]


def test_a_misplaced_section_says_where_it_belongs() -> None:
    (fault,) = parse_files(files("removed: [{id: x, destroy: true}]\n")).faults
    assert fault.render().startswith(
        "prod.yaml:3:1: error[E208]: removed: belongs in the base: an overlay has providers and models only\n"
    )


def test_a_key_in_two_files_of_one_overlay_is_a_duplicate() -> None:
    parsed = parse_files(files("models: {m: {}}\n", again=HEAD + "models: {m: {}}\n"))
    (fault,) = parsed.faults
    assert (fault.file, fault.code, fault.message) == ("again.yaml", "E102", 'duplicate key "m" (first at prod.yaml:3)')


def test_files_of_two_overlays_are_not_read_as_one() -> None:
    (fault,) = parse_files(files("", test="version: 1\noverlay: test\n")).faults
    assert (fault.file, fault.line, fault.code) == ("test.yaml", 2, "E209")
    assert fault.message == 'must be "prod" as at prod.yaml:2: files of one overlay at a time'


@pytest.mark.parametrize("name", ["Prod", "5", "null", "[prod]", ""])
def test_an_overlay_without_a_name_is_a_fault_whichever_is_chosen(name: str) -> None:
    given = [*files(), SourceFile("x.yaml", f"version: 1\noverlay: {name}\n")]
    for overlay in (None, "prod"):
        assert [fault.file for fault in parse_files(in_play(given, overlay)).faults] == ["x.yaml"] * (
            1 if overlay is None else 2
        )


def test_an_overlay_agrees_with_the_source_of_the_base() -> None:
    named = f"source: eu\n{BASE}"
    assert parse_files(files("source: eu\n", base=named)).faults == ()
    assert parse_files(files("source: main\n")).faults == ()
    assert places(parse_files(files("source: us\n", base=named))) == ["prod.yaml:3:9 E209"]


def test_what_the_base_removed_cannot_come_back_in_an_overlay() -> None:
    parsed = parse_files(files("models: {n: {provider: p}}\n", base=BASE + "removed: [{id: n, destroy: true}]\n"))
    assert [(fault.file, fault.code) for fault in parsed.faults] == [("models.yaml", "E404")]


# --- which files are in play --------------------------------------------------------------------------

MANY = files("", test="version: 1\noverlay: test\n", more=HEAD, base2="version: 1\n")


def names(chosen: list[SourceFile]) -> list[str]:
    return [file.name.removesuffix(".yaml") for file in chosen]


def test_the_base_is_read_everywhere_and_an_overlay_where_it_is_chosen() -> None:
    assert list_overlays(MANY) == ["prod", "test"]
    assert names(in_play(MANY, None)) == ["models", "base2"]
    assert names(in_play(MANY, "prod")) == ["models", "prod", "more", "base2"]
    assert names(in_play(MANY, "test")) == ["models", "test", "base2"]


def test_the_digest_is_of_what_is_in_play_and_another_overlay_is_a_change_of_the_files() -> None:
    digests = {overlay: digest_of(in_play(MANY, overlay)) for overlay in (None, "prod", "test")}
    assert len(set(digests.values())) == 3
    changed = [SourceFile(file.name, file.text + "# new\n") if file.name == "test.yaml" else file for file in MANY]
    assert {overlay: digest_of(in_play(changed, overlay)) == digests[overlay] for overlay in digests} == {
        None: True,
        "prod": True,
        "test": False,
    }


@pytest.mark.parametrize(
    ("given", "there"),
    [
        (MANY, "there are prod, test"),
        (MANY[:2], "there is prod"),
        (MANY[:1], "there is none"),
    ],
    ids=["two", "one", "none"],
)
def test_an_overlay_that_no_file_is_of_is_refused_with_those_that_there_are(
    given: list[SourceFile], there: str
) -> None:
    with pytest.raises(UnreadableSource) as refused:
        in_play(given, "staging")
    assert str(refused.value) == f'No file is of the overlay "staging"; {there}.'


def test_files_without_a_base_are_a_fault_with_a_place() -> None:
    for overlay in (None, "prod"):
        parsed = parse_files(in_play(files()[1:], overlay))
        assert [(fault.file, fault.line, fault.code) for fault in parsed.faults] == [("prod.yaml", 2, "E202")]


@pytest.mark.parametrize("line", ["overlay: test", "overlay: 'test'  # a", 'overlay: "test"\r'])
def test_who_breaks_the_file_of_one_environment_stops_no_other(line: str) -> None:
    broken = SourceFile("test.yaml", f"version: 1\n{line}\nmodels: [\n")
    assert find_overlay(broken) == "test"
    assert names(in_play([*files(), broken], "prod")) == ["models", "prod"]
    assert places(parse_files(in_play([*files(), broken], "test")))[0].endswith("E101")


def test_a_word_in_a_comment_or_below_another_key_makes_no_overlay() -> None:
    for text in ("version: 1\n# overlay: prod\n", "x-a: {overlay: prod}\n", "x-a: |\n  overlay: prod\n"):
        assert find_overlay(SourceFile("a.yaml", text)) is None


# --- validation ---------------------------------------------------------------------------------------


def test_validation_checks_the_base_and_every_overlay_over_it() -> None:
    broken = files("models: {m: {pricing: {output: dear}}}\n", test="version: 1\noverlay: test\nmodels: {n: {}}\n")
    found = validate_files(broken)
    assert [(fault.file, fault.code) for fault in found.faults] == [("prod.yaml", "E501"), ("test.yaml", "E202")]
    assert (found.registry, found.overlays) == (None, ("prod", "test"))
    assert validate_files(broken[:1]).faults == ()


def test_a_fault_of_the_base_is_told_of_once_and_one_that_an_overlay_makes_there_names_it() -> None:
    base = BASE + "removed: [{id: n, destroy: true}]\nx-a: 1\nx-a: 2\n"
    found = validate_files(files("models: {n: {provider: p}}\n", base=base, test="version: 1\noverlay: test\n"))
    assert [(fault.code, fault.message) for fault in found.faults] == [
        ("E102", 'duplicate key "x-a" (first at line 16)'),
        ("E404", '"n" was removed, yet is still here (with the overlay prod)'),
    ]


def validate(*arguments: str, status: int = 0) -> Result:
    result = CliRunner().invoke(main, ["validate", *arguments])
    assert result.exit_code == status, result.output
    return result


def test_validate_is_of_every_environment_unless_one_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for file in files("", test="version: 1\noverlay: test\nmodels: {n: {}}\n"):
        Path(file.name).write_text(file.text)
    monkeypatch.setenv("REGISTRY_OVERLAY", "prod")
    output = validate(".", status=1).output
    assert "test.yaml:3:10: error[E202]" in output
    assert output.splitlines()[-1] == "1 error, 0 warnings in 3 files with the overlays prod, test"
    said = validate(".", "--overlay", "prod").output
    assert said == "0 errors, 0 warnings in 2 files with the overlay prod: 1 provider, 1 model\n"
    validate("models.yaml", "prod.yaml")
    refused = validate(".", "--overlay", "staging", status=1)
    assert refused.output == 'Error: No file is of the overlay "staging"; there are prod, test.\n'


# --- plans --------------------------------------------------------------------------------------------


def test_a_plan_names_its_overlay_in_every_form() -> None:
    plan = Plan("main", Origin("sha256:0"), 1, "", 0, None, Policy(), datetime(2026, 1, 1, tzinfo=UTC), overlay="prod")
    assert Plan.from_json(plan.as_json()) == plan
    assert plan.as_json()["source"]["overlay"] == "prod"
    assert render_text(plan).startswith("Source  main with overlay prod: ")
    assert "Source `main` with overlay `prod` at " in render_markdown(plan)


# --- laws ---------------------------------------------------------------------------------------------

partial = st.tuples(
    some({**profile, "pricing": st.none() | some({"input": st.just("7.00"), "output": st.just(9)})}),
    some({"extends": st.lists(st.sampled_from(["one", "two.x"]), unique=True)}),
    some({"display_name": st.just("Other"), "aliases": st.lists(st.sampled_from(["n1", "n3"]), unique=True)}),
    st.one_of(
        connection,
        st.fixed_dictionaries({"upstreams": st.dictionaries(st.sampled_from(["default", "b", "new"]), upstream)}),
        st.just({}),
    ),
).map(lambda parts: {key: value for part in parts for key, value in part.items()})
overlays = some(
    {
        "providers": some({"p": st.none() | some({"api_url": st.just("http://b"), "headers": st.just({"x-b": "d"})})}),
        "models": some({"m.1": st.none() | partial, "n": partial.map(lambda found: {"provider": "p", **found})}),
    }
)


def by_hand(lower: Any, upper: Any, name: str = "") -> Any:
    """The rule once more, on plain values."""
    if isinstance(lower, dict) and isinstance(upper, dict):
        both = {key: by_hand(lower[key], upper[key], key) for key in lower.keys() & upper.keys()}
        return {**lower, **upper, **both}
    if name == "tags" and isinstance(lower, list) and isinstance(upper, list):
        return [*(item for item in lower if item not in upper), *upper]
    return upper


def entities_by_hand(base: dict[str, Any], overlay: dict[str, Any]) -> dict[str, Any]:
    made = dict(base)
    for section in ("providers", "models"):
        entities = dict(base[section])
        for key, stanza in overlay.get(section, {}).items():
            entities[key] = by_hand(entities.get(key) or {}, stanza or {})
        made[section] = entities
    return made


@settings(max_examples=250, deadline=None)
@given(registries, overlays, st.booleans())
def test_base_and_overlay_are_the_one_file_that_was_merged_by_hand(
    base: dict[str, Any], overlay: dict[str, Any], is_first: bool
) -> None:
    pair = [
        SourceFile("models.yaml", yaml.safe_dump(base, sort_keys=False)),
        SourceFile("prod.yaml", yaml.safe_dump({"version": 1, "overlay": "prod", **overlay}, sort_keys=False)),
    ]
    whole = SourceFile("models.yaml", yaml.safe_dump(entities_by_hand(base, overlay), sort_keys=False))
    said, meant = parse_files(pair[::-1] if is_first else pair), parse_files([whole])
    assert said.registry == meant.registry
    # Two faults of the base that one key of the overlay makes are one, at that key.
    faults, expected = ({(fault.code, fault.path) for fault in parsed.faults} for parsed in (said, meant))
    assert faults <= expected
    assert {code for code, _ in faults} == {code for code, _ in expected}
    if said.desired is not None and meant.desired is not None:
        assert said.desired.stanzas.keys() == meant.desired.stanzas.keys()
        for key, stanza in meant.desired.stanzas.items():
            assert said.desired.stanzas[key].leaves == stanza.leaves
            assert said.desired.stanzas[key].vias == stanza.vias
            assert said.desired.stanzas[key].places.keys() == stanza.places.keys()


@settings(max_examples=60, deadline=None)
@given(registries)
def test_an_empty_overlay_changes_nothing_that_is_declared(base: dict[str, Any]) -> None:
    file = SourceFile("models.yaml", yaml.safe_dump(base, sort_keys=False))
    alone, over = parse_files([file]), parse_files([file, SourceFile("prod.yaml", HEAD)])
    assert over.registry == alone.registry
    assert over.faults == alone.faults
    assert (over.desired and over.desired.stanzas) == (alone.desired and alone.desired.stanzas)
