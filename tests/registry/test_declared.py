"""What the files declare, leaf by leaf: values, places, and what each came by."""

from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.entities import EntityKey, Stanza
from registry.files.declared import _TABLES
from registry.leaves import TABLES, document_of, group_of, leaves_of, shown_path, split_path
from registry.schema import parse_model, parse_registry

FIRST = 'version: 1\nproviders:\n  p: {api_format: openai, api_url: https://a.example/v1, api_key: "${env:K}"}\n'


def stanza_of(text: str, key: str = "m", kind: Any = "model") -> Stanza:
    parsed = parse_registry(text)
    assert [fault.render() for fault in parsed.faults] == []
    assert parsed.desired
    return parsed.desired.stanzas[EntityKey(kind, key)]


def model_stanza(body: str, above: str = "") -> Stanza:
    return stanza_of(f"{FIRST}{above}models:\n  m: {body}\n")


# --- leaves ---------------------------------------------------------------------------------------------------


def test_the_short_form_declares_the_upstream_called_default() -> None:
    assert model_stanza("{provider: p, actual_model: real}").leaves == {
        "upstreams.default.provider": "p",
        "upstreams.default.actual_model": "real",
    }


def test_the_long_form_declares_each_upstream_whatever_dots_its_key_has() -> None:
    stanza = model_stanza("{upstreams: {eu.west: {provider: p, weight: 70}, b: {provider: p, priority: 1}}}")
    assert stanza.leaves == {
        "upstreams.eu.west.provider": "p",
        "upstreams.eu.west.weight": 70,
        "upstreams.b.provider": "p",
        "upstreams.b.priority": 1,
    }


def test_keys_with_dots_do_not_lend_each_other_leaves() -> None:
    text = f"{FIRST}models:\n  a: {{provider: p, description: one}}\n  a.pricing: {{provider: p}}\n"
    assert stanza_of(text, "a").leaves == {"upstreams.default.provider": "p", "description": "one"}
    assert stanza_of(text, "a.pricing").leaves == {"upstreams.default.provider": "p"}


def test_values_are_canonical() -> None:
    stanza = model_stanza(
        "{provider: p, tags: [b, a], pricing: {input: 1.250, output: 10.00}, limits: {timeout: 2m},"
        " routing: {cooldown: 1m, retry_on: [timeout, 429, 5xx], max_attempts: 2}}"
    )
    assert stanza.leaves == {
        "upstreams.default.provider": "p",
        "tags": ("a", "b"),
        "pricing.input": "1.25",
        "pricing.output": "10.00",
        "limits.timeout": "120s",
        "routing.cooldown": "60s",
        "routing.retry_on": ("429", "5xx", "timeout"),
        "routing.max_attempts": 2,
    }


def test_a_default_written_out_and_null_both_declare_that_the_leaf_is_unset() -> None:
    stanza = model_stanza(
        "{provider: p, display_name: m, enabled: true, aliases: [], description: null, api_key: null,"
        " system_prompt: {text: ''}, limits: {timeout: null}}"
    )
    assert {path: value for path, value in stanza.leaves.items() if path != "upstreams.default.provider"} == {
        "display_name": None,
        "enabled": None,
        "aliases": None,
        "description": None,
        "upstreams.default.api_key": None,
        "system_prompt.text": None,
        "limits.timeout": None,
    }


def test_a_null_table_declares_that_each_of_its_leaves_is_unset() -> None:
    stanza = model_stanza("{provider: p, pricing: null, system_prompt: null, limits: null, routing: null}")
    expected = {f"{table}.{name}" for table, fields in _TABLES.items() for name in fields}
    assert stanza.leaves.keys() - {"upstreams.default.provider"} == expected
    assert all(stanza.leaves[path] is None for path in expected)
    assert "pricing.cache_write_1h" in expected


def test_each_rate_of_a_tier_is_a_leaf_with_its_own_place() -> None:
    stanza = model_stanza(
        "\n    provider: p\n    pricing:\n      input: 3\n      output: 15\n"
        "      tiers:\n        200000:\n          input: 6\n          output: 22.5"
    )
    assert {path: value for path, value in stanza.leaves.items() if path.startswith("pricing.")} == {
        "pricing.input": "3.00",
        "pricing.output": "15.00",
        "pricing.tiers.200000.input": "6.00",
        "pricing.tiers.200000.output": "22.50",
    }
    assert stanza.places["pricing.tiers.200000.output"] == "models.yaml:13"
    assert {group_of(path) for path in stanza.leaves if path.startswith("pricing.")} == {"pricing"}


def test_tiers_unite_with_those_of_a_profile_unless_they_are_null() -> None:
    above = "profiles: {long: {pricing: {input: 1, output: 2, tiers: {9: {input: 3, output: 4}}}}}\n"
    both = model_stanza("{extends: long, provider: p, pricing: {tiers: {20: {input: 5, output: 6}}}}", above)
    assert both.leaves["pricing.tiers.9.input"] == "3.00"
    assert both.vias["pricing.tiers.9.input"] == "profiles.long"
    assert "pricing.tiers.20.input" not in both.vias
    none = model_stanza("{extends: long, provider: p, pricing: {tiers: null}}", above)
    assert [path for path in none.leaves if path.startswith("pricing.")] == ["pricing.input", "pricing.output"]


def test_the_tables_are_those_that_leaves_know() -> None:
    assert tuple(_TABLES) == TABLES


def test_what_is_not_written_is_not_declared_and_x_keys_are_nothing() -> None:
    stanza = model_stanza("{provider: p, x-note: 1, limits: {x-y: 2}, upstreams: null}")
    assert stanza.leaves == {"upstreams.default.provider": "p"}


def test_an_empty_stanza_that_the_defaults_fill_declares_what_they_say() -> None:
    above = "defaults: {model: {provider: p}, upstream: {weight: 7}}\n"
    stanza = model_stanza("", above)
    assert stanza.leaves == {"upstreams.default.provider": "p", "upstreams.default.weight": 7}


def test_defaults_of_upstreams_fill_every_upstream() -> None:
    stanza = model_stanza("{upstreams: {a: {weight: 1}, b: null}}", "defaults: {upstream: {provider: p, weight: 5}}\n")
    assert stanza.leaves == {
        "upstreams.a.provider": "p",
        "upstreams.a.weight": 1,
        "upstreams.b.provider": "p",
        "upstreams.b.weight": 5,
    }
    assert stanza.vias == {
        "upstreams.a.provider": "defaults.upstream",
        "upstreams.b.provider": "defaults.upstream",
        "upstreams.b.weight": "defaults.upstream",
    }


def test_a_provider_declares_its_headers_one_by_one() -> None:
    text = FIRST + (
        "  q:\n    api_format: anthropic\n    api_url: http://b\n    api_key: null\n"
        "    headers:\n      X-Team.Name: core\n      x-token: ${env:T}\nmodels: {}\n"
    )
    stanza = stanza_of(text, "q", "provider")
    assert stanza.leaves == {
        "api_format": "anthropic",
        "api_url": "http://b",
        "api_key": None,
        "headers.X-Team.Name": "core",
        "headers.x-token": "${env:T}",
    }
    assert stanza.places["headers.x-token"] == "models.yaml:10"
    assert (stanza.place, dict(stanza.vias)) == ("models.yaml:4", {})


# --- what came by what ----------------------------------------------------------------------------------------

ABOVE = """\
defaults:
  model: {limits: {timeout: 120s, context_window: 10}, tags: [a], owned_by: us, visibility: public}
  upstream: {weight: 7}
profiles:
  chat: {limits: {context_window: 20}, tags: [b]}
  cheap: {limits: null, pricing: {input: 1, output: 2}}
"""


def test_a_leaf_names_the_topmost_layer_that_declares_it() -> None:
    stanza = model_stanza("{extends: chat, provider: p, owned_by: them}", ABOVE)
    assert stanza.vias == {
        "limits.timeout": "defaults.model",
        "limits.context_window": "profiles.chat",
        "tags": "profiles.chat",
        "visibility": "defaults.model",
        "upstreams.default.weight": "defaults.upstream",
    }
    assert stanza.leaves["tags"] == ("a", "b")
    assert stanza.places["limits.timeout"] == "models.yaml:5"
    assert stanza.places["limits.context_window"] == "models.yaml:8"
    assert stanza.places["owned_by"] == "models.yaml:11"


def test_a_united_set_counts_as_the_stanzas_own() -> None:
    stanza = model_stanza("{extends: chat, provider: p, tags: [c]}", ABOVE)
    assert stanza.leaves["tags"] == ("a", "b", "c")
    assert "tags" not in stanza.vias
    assert stanza.places["tags"] == "models.yaml:11"


def test_a_table_that_a_profile_unsets_came_by_that_profile() -> None:
    stanza = model_stanza("{extends: [chat, cheap], provider: p}", ABOVE)
    assert {path: value for path, value in stanza.leaves.items() if path.startswith("limits.")} == {
        f"limits.{name}": None for name in _TABLES["limits"]
    }
    assert stanza.vias["limits.timeout"] == "profiles.cheap"
    assert stanza.vias["pricing.input"] == "profiles.cheap"


def test_what_a_stanza_says_again_is_its_own() -> None:
    stanza = model_stanza("{provider: p, visibility: public, limits: {timeout: 120s}}", ABOVE)
    assert stanza.vias == {
        "limits.context_window": "defaults.model",
        "tags": "defaults.model",
        "owned_by": "defaults.model",
        "upstreams.default.weight": "defaults.upstream",
    }


def test_the_place_of_an_aliased_value_is_its_key() -> None:
    above = "x-common:\n  why: &why because\n"
    stanza = model_stanza("\n    provider: p\n    description: *why", above)
    assert stanza.places["description"] == "models.yaml:9"
    assert "description" not in stanza.vias


# --- laws -----------------------------------------------------------------------------------------------------

words = st.sampled_from(["a", "b", "x.y", "1", "null-ish"])
durations = st.sampled_from(["30s", 90, "2m", "1h", None])


def some(fields: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=fields)


connection = some({"actual_model": words | st.none()})
upstream = some(
    {
        "actual_model": words,
        "priority": st.integers(0, 3),
        "weight": st.sampled_from([0, 70, 100, None]),
        "enabled": st.booleans(),
    }
)
said = {"input": st.sampled_from([1.25, "3.30", 2]), "output": st.sampled_from(["10.00", 5])}
cached = {"cached_input": st.sampled_from(["0.10", 1])}
thresholds = st.dictionaries(st.sampled_from(["9", "200000"]), st.fixed_dictionaries({**said, **cached}), max_size=2)
# With tiers there is always a rate for cached input: then whatever lies over what, price and tiers name the same.
rates = st.fixed_dictionaries(said, optional=cached) | st.fixed_dictionaries({**said, **cached, "tiers": thresholds})
profile: dict[str, st.SearchStrategy[Any]] = {
    "pricing": rates | st.none(),
    "system_prompt": st.none()
    | some({"disabled": st.booleans(), "text": words | st.just(""), "mode": st.sampled_from(["prepend", None])}),
    "limits": st.none() | some({"timeout": durations, "context_window": st.integers(1, 9)}),
    "enabled": st.booleans() | st.none(),
    "description": words | st.none(),
    "visibility": st.sampled_from(["public", "internal"]),
    "tags": st.lists(words, unique=True, max_size=3) | st.none(),
    "protect": st.booleans(),
    "routing": st.none()
    | some(
        {"cooldown": durations, "retry_on": st.lists(st.sampled_from([429, "5xx", "timeout"]), unique=True, max_size=3)}
    ),
}
model = st.tuples(
    some({**profile, "aliases": st.lists(st.sampled_from(["n1", "n2"]), unique=True), "display_name": words}),
    st.one_of(
        connection.map(lambda found: {**found, "provider": "p"}),
        st.dictionaries(st.sampled_from(["default", "eu.west", "b"]), upstream, min_size=1).map(
            lambda found: {"upstreams": {key: {**entry, "provider": "p"} for key, entry in found.items()}}
        ),
    ),
    st.lists(st.sampled_from(["one", "two.x"]), unique=True).map(lambda names: {"extends": names}),
).map(lambda parts: {key: value for part in parts for key, value in part.items()})
registries = st.fixed_dictionaries(
    {
        "version": st.just(1),
        "providers": st.just({"p": {"api_format": "openai", "api_url": "http://a", "headers": {"x-a.b": "c"}}}),
        "defaults": some({"model": some(profile), "upstream": some({"weight": st.integers(0, 9)})}),
        "profiles": st.fixed_dictionaries({"one": some(profile), "two.x": some(profile)}),
        "models": st.fixed_dictionaries({"m.1": model}),
    }
)


@settings(max_examples=150, deadline=None)
@given(registries)
def test_what_is_declared_is_what_the_document_has(registry: dict[str, Any]) -> None:
    parsed = parse_registry(yaml.safe_dump(registry, sort_keys=False))
    assert [fault.render() for fault in parsed.faults if fault.severity == "error"] == []
    assert parsed.registry
    assert parsed.desired
    documents = {
        **{EntityKey("provider", key): document for key, document in parsed.registry.providers.items()},
        **{EntityKey("model", key): document for key, document in parsed.registry.models.items()},
    }
    assert parsed.desired.stanzas.keys() == documents.keys()
    for key, document in documents.items():
        stanza = parsed.desired.stanzas[key]
        assert {path: value for path, value in stanza.leaves.items() if value is not None} == leaves_of(document)
        assert stanza.places.keys() == stanza.leaves.keys()
        assert stanza.vias.keys() <= stanza.leaves.keys()


@settings(max_examples=100, deadline=None)
@given(registries)
def test_a_layer_is_named_for_exactly_what_the_stanza_does_not_write(registry: dict[str, Any]) -> None:
    parsed = parse_registry(yaml.safe_dump(registry, sort_keys=False))
    assert parsed.desired
    stanza = parsed.desired.stanzas[EntityKey("model", "m.1")]
    written = registry["models"]["m.1"]
    for path in stanza.leaves:
        holder: Any = written
        if path.startswith("upstreams."):
            key, _, name = path.removeprefix("upstreams.").rpartition(".")
            holder = written.get("upstreams", {"default": written})[key]
        else:
            *tables, name = split_path(path)
            for table in tables:
                holder = None if holder is None else holder.get(table, {})
        assert (path in stanza.vias) == (holder is not None and name not in holder), path


@settings(max_examples=100, deadline=None)
@given(registries)
def test_the_leaves_that_are_set_make_the_same_document_again(registry: dict[str, Any]) -> None:
    parsed = parse_registry(yaml.safe_dump(registry, sort_keys=False))
    assert parsed.desired
    stanza = parsed.desired.stanzas[EntityKey("model", "m.1")]
    document, faults = parse_model("m.1", document_of(stanza.leaves))
    assert [fault for fault in faults if fault.severity == "error"] == []
    assert document
    assert leaves_of(document) == {path: value for path, value in stanza.leaves.items() if value is not None}


def test_paths_are_written_short_where_the_short_form_says_the_same() -> None:
    stanza = model_stanza("{provider: p, actual_model: real, pricing: {free: true}}")
    assert [shown_path(path) for path in sorted(stanza.leaves)] == ["pricing.free", "actual_model", "provider"]
