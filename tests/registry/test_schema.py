"""`models.yaml` in, typed documents or exact faults out."""

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from quart_proxy.commands.registry import main
from quart_proxy.core.names import distinct_aliases
from quart_proxy.core.pricing import Price
from quart_proxy.core.usage import COUNT_MAX, Dimension
from quart_proxy.services.attempts import ATTEMPTS_DEFAULT, COOLDOWN_DEFAULT_S, RETRY_ON_DEFAULT
from registry.documents import (
    LimitsDocument,
    ModelDocument,
    PricingDocument,
    ProviderDocument,
    SystemPromptDocument,
    UpstreamDocument,
)
from registry.entities import EntityKey, OwnershipRule
from registry.files.grammar import API_FORMATS, ROUTING
from registry.files.values import TIERS_MAX
from registry.schema import as_document, parse_model, parse_provider, parse_registry

SHIPPED = Path(__file__).parents[2] / "models.yaml"

HEAD = """version: 1
providers:
  p: {api_format: openai, api_url: https://api.example/v1, api_key: "${env:P_API_KEY}"}
models:
"""
"""Four lines that are right: what a test adds begins at line 5."""
NINE_TIERS = "{" + ", ".join(f"{threshold}: {{input: 2, output: 2}}" for threshold in range(1, 10)) + "}"


def faults_of(text: str) -> list[str]:
    return [f"{fault.line}:{fault.column} {fault.code}" for fault in parse_registry(text).faults]


def model(body: str) -> str:
    """A file whose line 5 is one model in flow form; its body begins at column 7."""
    return HEAD + "  m: {provider: p, " + body + "}\n"


BAD = [
    ("version: 1\nmodels: {a: [}\n", "2:14 E101"),
    ("version: 1\n\tmodels: {}\n", "2:1 E101"),
    ("version: 1\nsource: a\x00b\n", "2:10 E101"),
    ("version: 1\nsource: \ud800\n", "2:9 E101"),
    ("version: 1\n---\nversion: 1\n", "2:1 E101"),
    ("version: 1\nversion: 1\nmodels: {}\n", "2:1 E102"),
    ("version: 1\n? [a, b]\n: c\nmodels: {}\n", "2:3 E103"),
    ("version: 1\nsource: !!python/name:os.system x\nmodels: {}\n", "2:9 E104"),
    ("version: 1\nx-a: &a 5\nmodels: {<<: *a}\n", "3:10 E104"),
    ("version: 1\nx-a: &a [*a]\n", "2:6 E105"),
    ("version: 1\nx-a: " + "[" * 100_000, "2:44 E105"),
    ("version: 1\nmodles: {}\nmodels: {}\n", "2:1 E201"),
    ("providers: {}\nmodels: {}\n", "1:1 E202"),
    (HEAD + "  m: {actual_model: a}\n", "5:3 E202"),
    (HEAD + "  m: {upstreams: {}}\n", "5:3 E202"),
    (HEAD + "  m: {api_url: 'https://a.example'}\n", "5:3 E202"),
    (model("pricing: {input: 1}"), "5:20 E202"),
    ("version: 1\nmodels: [a]\n", "2:9 E203"),
    (model("enabled: yes"), "5:29 E203"),
    (model("display_name: 5"), "5:34 E203"),
    (model("actual_model: on, description: 1.5"), "5:51 E203"),
    (model("system_prompt: {mode: append}"), "5:42 E203"),
    (model("limits: {timeout: 2 minutes}"), "5:38 E203"),
    (model("limits: {timeout: 0}"), "5:38 E204"),
    (model("limits: {context_window: -1}"), "5:45 E204"),
    (model('display_name: "a\\tb"'), "5:34 E204"),
    (model(f"display_name: {'n' * 201}"), "5:34 E204"),
    (model("aliases: [a, b, a]"), "5:36 E204"),
    (HEAD + "  M: {provider: p}\n", "5:3 E205"),
    ("version: 1\nproviders: {p: {api_format: openai, api_url: ftp://a.example}}\nmodels: {}\n", "2:46 E206"),
    ("version: 1\nproviders: {p: {api_format: openai, api_url: 'https://'}}\nmodels: {}\n", "2:46 E206"),
    ("version: 1\nproviders: {p: {api_format: openai, api_url: 'https://u:v@a.example'}}\nmodels: {}\n", "2:46 E206"),
    ("version: 1\nproviders: {p: {api_format: openai, api_url: 'https://a.example?k=v'}}\nmodels: {}\n", "2:46 E206"),
    ("version: 1\nproviders: {p: {api_format: openai, api_url: 'https://a.example#f'}}\nmodels: {}\n", "2:46 E206"),
    ("version: 1\nproviders: {p: {api_format: openai, api_url: 'https://a.example:99999'}}\nmodels: {}\n", "2:46 E206"),
    ("version: 2\nmodels: {}\n", "1:10 E207"),
    (model("api_key: '${env:A}'"), "5:20 E208"),
    (model("upstreams: {a: {provider: p}}"), "5:7 E208"),
    (
        "version: 1\nmodels: {}\nproviders:\n  p:\n    api_format: openai\n    api_key: opaque\n    api_url: http://a\n",
        "6:14 E301",
    ),
    (
        "version: 1\nproviders: {p: {api_format: openai, api_url: http://a, api_key: '${env:1}'}}\nmodels: {}\n",
        "2:65 E302",
    ),
    (
        "version: 1\nproviders: {p: {api_format: openai, api_url: http://a, api_key: '${file:a}'}}\nmodels: {}\n",
        "2:65 E302",
    ),
    ("version: 1\nproviders: {p: {api_format: openai, api_url: 'http://${env:H}'}}\nmodels: {}\n", "2:46 E302"),
    (
        "version: 1\nproviders: {p: {api_format: openai, api_url: http://a, headers: {X-Token: abc}}}\nmodels: {}\n",
        "2:75 E301",
    ),
    (HEAD + "  m: {provider: p, display_name: Straße}\n  n: {provider: p, aliases: [STRASSE]}\n", "6:30 E401"),
    (HEAD + "  m: {provider: p}\n  n: {provider: p, display_name: M}\n", "6:34 E401"),
    (HEAD + "  m: {provider: q}\n", "5:17 E402"),
    (HEAD + "  m: {upstreams: {a: {provider: q}}}\n", "5:33 E402"),
    (model("extends: [chat]"), "5:29 E403"),
    (HEAD + "  m: {provider: p}\nmoved: [{from: m, to: m}]\n", "6:9 E404"),
    (HEAD + "  m: {provider: p}\nmoved: [{from: a, to: n}]\n", "6:9 E404"),
    (HEAD + "  m: {provider: p}\nremoved: [{id: m, destroy: true}]\n", "6:11 E404"),
    (model("pricing: {input: .nan, output: 1}"), "5:37 E501"),
    (model("pricing: {input: null, output: 1}"), "5:37 E501"),
    (model("pricing: {input: 1e3, output: 1}"), "5:37 E501"),
    (model("pricing: {input: 1_000, output: 1}"), "5:37 E501"),
    (model("pricing: {input: -1, output: 1}"), "5:37 E502"),
    (model("pricing: {input: 0.1234567, output: 1}"), "5:37 E503"),
    (model("pricing: {input: 1000000, output: 1}"), "5:37 E504"),
    (model("pricing: {input: 0, output: 1}"), "5:37 E505"),
    (model("pricing: {free: true, output: 1}"), "5:42 E506"),
    (model("pricing: {free: true, tiers: {9: {input: 1, output: 1}}}"), "5:42 E506"),
    (model("pricing: {input: 1, output: 1, tiers: {0: {input: 1, output: 1}}}"), "5:59 E507"),
    (model("pricing: {input: 1, output: 1, tiers: {9k: {input: 1, output: 1}}}"), "5:59 E507"),
    (model("pricing: {input: 1, output: 1, tiers: {2147483648: {input: 1, output: 1}}}"), "5:59 E507"),
    (model("pricing: {input: 1, cached_input: 1, output: 1, tiers: {9: {input: 1, output: 1}}}"), "5:76 E508"),
    (model("pricing: {input: 1, output: 1, tiers: {9: {input: 1, output: 1, cache_write: 1}}}"), "5:84 E508"),
    (model("pricing: {input: 1, output: 1, tiers: {9: {input: 1}}}"), "5:59 E202"),
    (model("pricing: {input: 1, output: 1, tiers: {9: {input: 1, output: 1, cahced_input: 1}}}"), "5:84 E201"),
    (model("pricing: {input: 1, output: 1, tiers: {9: {input: 0, output: 1}}}"), "5:70 E505"),
    (model("pricing: {input: 1, output: 1, tiers: {9: {input: 0.1234567, output: 1}}}"), "5:70 E503"),
    (model("pricing: {input: 1, output: 1, tiers: {9: 2}}"), "5:62 E203"),
    (model("pricing: {input: 1, output: 1, tiers: [9]}"), "5:58 E203"),
    (model(f"pricing: {{input: 1, output: 1, tiers: {NINE_TIERS}}}"), "5:58 E204"),
    (model("pricing: {input: 1, cached_input: 2, output: 1}"), "5:54 W501"),
    (model("pricing: {input: 1, output: 0.00001}"), "5:48 W503"),
    (model("pricing: {input: 1, output: 0}"), "5:48 W504"),
    (model(f"system_prompt: {{text: {'x' * 10_001}}}"), "5:42 W601"),
]


@pytest.mark.parametrize(("text", "expected"), BAD, ids=[f"{place}-{n}" for n, (_, place) in enumerate(BAD)])
def test_each_fault_stands_at_its_exact_place(text: str, expected: str) -> None:
    assert faults_of(text) == [expected]


def test_all_faults_come_in_one_run_in_the_order_of_the_text() -> None:
    text = HEAD + "  m: {provider: q, enabled: on}\n  N: {pricing: {input: -1}}\nextra: 1\n"
    assert faults_of(text) == ["5:17 E402", "5:29 E203", "6:3 E202", "6:3 E205", "6:7 E202", "6:24 E502", "7:1 E201"]


def test_an_error_leaves_no_registry_and_a_warning_does() -> None:
    assert parse_registry(model("enabled: 1")).registry is None
    assert parse_registry(model("pricing: {input: 1, output: 0.00001}")).registry is not None


def test_a_fault_renders_with_source_caret_and_suggestion() -> None:
    (fault,) = parse_registry(model("pricing: {input: 1, output: 2, ouput: 3}"), file="m.yaml").faults
    assert fault.render().splitlines() == [
        'm.yaml:5:51: error[E201]: models.m.pricing.ouput: unknown key "ouput"; did you mean "output"?',
        "     5 |   m: {provider: p, pricing: {input: 1, output: 2, ouput: 3}}",
        "       | " + " " * 50 + "^",
    ]


def test_the_caret_stays_under_its_place_when_a_secret_before_it_is_hidden() -> None:
    text = "version: 1\nproviders: {p: {api_key: sk-abcdefghijkl, api_format: nope, api_url: http://a}}\nmodels: {}\n"
    fault = parse_registry(text).faults[1]
    assert (fault.code, fault.column) == ("E203", 55)
    assert fault.source_line[fault.caret :].startswith("nope")


@pytest.mark.parametrize("word", ["on", "off", "yes", "no", "y", "1:30", "1_000", "012:30", "2026-11-23", "0b1", "="])
def test_yaml_1_1_words_stay_text(word: str) -> None:
    parsed = parse_registry(model(f"display_name: {word}"))
    assert parsed.registry
    assert parsed.registry.models["m"].display_name == word


def test_a_price_is_the_decimal_that_was_written() -> None:
    parsed = parse_registry(model("pricing: {input: 0.1, cached_input: 0.010, output: 15.00}"))
    assert parsed.registry
    pricing = parsed.registry.models["m"].pricing
    assert pricing
    assert [str(rate) for rate in pricing.rates.values()] == ["0.1", "0.010", "15.00"]


def test_keys_are_text_whatever_they_look_like() -> None:
    parsed = parse_registry(HEAD + "  on: {provider: p}\n  4.1: {provider: p}\n  null: {provider: p}\n")
    assert parsed.registry
    assert list(parsed.registry.models) == ["on", "4.1", "null"]


def test_anchors_aliases_and_merge_keys_work() -> None:
    text = HEAD + (
        "  a: &a {provider: p, pricing: &price {input: 1, output: 2}}\n"
        "  b: {<<: *a, pricing: {<<: *price, output: 3}}\n"
    )
    parsed = parse_registry(text)
    assert parsed.registry
    assert parsed.registry.models["b"].pricing == PricingDocument(
        {Dimension.INPUT: Decimal(1), Dimension.OUTPUT: Decimal(3)}
    )


def test_a_fault_in_an_aliased_value_stands_where_the_alias_is_used() -> None:
    text = HEAD.replace("models:", "x-p: &n -1\nmodels:") + "  m: {provider: p, pricing: {input: *n, output: 1}}\n"
    assert faults_of(text) == ["6:30 E502"]


def test_an_alias_bomb_is_refused_and_not_expanded() -> None:
    layers = [f"  a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 40)]
    text = "version: 1\nx-bomb:\n  a0: &a0 [lol]\n" + "\n".join(layers)
    (fault,) = parse_registry(text).faults
    assert (fault.code, fault.severity) == ("E105", "error")
    assert "1,000,000 nodes" in fault.message


def test_defaults_and_profiles_are_below_the_model_and_keep_their_place() -> None:
    text = (
        "version: 1\n"
        "defaults:\n"
        "  model: {limits: {timeout: 120s, context_window: 10}, tags: [a], owned_by: us}\n"
        "  upstream: {weight: 7}\n"
        "profiles:\n"
        "  chat: {limits: {context_window: 20}, tags: [b]}\n"
        "providers: {p: {api_format: openai, api_url: http://a}}\n"
        "models:\n"
        "  m: {extends: chat, provider: p, tags: [c], owned_by: null, limits: {max_output_tokens: 5}}\n"
    )
    parsed = parse_registry(text)
    assert parsed.registry
    assert parsed.desired
    found = parsed.registry.models["m"]
    assert found.limits == LimitsDocument(timeout_s=120, context_window=20, max_output_tokens=5)
    assert (found.tags, found.owned_by, found.upstreams[0].weight) == (("a", "b", "c"), None, 7)
    places = parsed.desired.stanzas[EntityKey("model", "m")].places
    assert places["limits.timeout"] == "models.yaml:3"
    assert places["limits.context_window"] == "models.yaml:6"
    assert places["limits.max_output_tokens"] == "models.yaml:9"


def test_a_fault_in_a_profile_is_told_once_however_many_models_use_it() -> None:
    text = HEAD + "  a: {provider: p, extends: x}\n  b: {provider: p, extends: x}\nprofiles:\n  x: {enabled: 1}\n"
    assert faults_of(text) == ["8:16 E203"]


def test_the_short_form_is_one_upstream_called_default() -> None:
    registry = parse_registry(HEAD + "  m: {provider: p, actual_model: real}\n").registry
    assert registry
    assert registry.models["m"].upstreams == (UpstreamDocument("default", provider="p", actual_model="real"),)
    assert registry.models["m"].display_name == "m"


def test_the_long_form_keeps_its_order_priority_and_weight() -> None:
    text = HEAD + (
        "  m:\n    upstreams:\n"
        "      direct: {provider: p}\n"
        "      spare: {api_format: anthropic, api_url: http://b, priority: 1, weight: 70, enabled: false}\n"
    )
    registry = parse_registry(text).registry
    assert registry
    assert registry.models["m"].upstreams == (
        UpstreamDocument("direct", provider="p"),
        UpstreamDocument("spare", api_format="anthropic", api_url="http://b", priority=1, weight=70, enabled=False),
    )


@pytest.mark.parametrize(("written", "seconds"), [("120s", 120), ("5m", 300), ("1h", 3600), ("90", 90), ('"90"', 90)])
def test_a_duration_is_read_as_seconds(written: str, seconds: int) -> None:
    registry = parse_registry(model(f"limits: {{idle_timeout: {written}}}")).registry
    assert registry
    assert registry.models["m"].limits.idle_timeout_s == seconds


def test_what_a_later_merge_needs_is_accepted_and_kept() -> None:
    text = HEAD + (
        "  m:\n    provider: p\n    protect: true\n    visibility: internal\n    groups: [g]\n"
        "    routing: {strategy: priority, max_attempts: 2, retry_on: [429, 5xx], cooldown: 30s}\n"
        "ownership:\n  - {fields: [enabled], mode: ui}\n"
        "moved: [{from: old, to: m}]\nremoved: [{id: gone, destroy: false}]\nx-anything: [1, {a: b}]\n"
    )
    parsed = parse_registry(text)
    assert parsed.registry
    assert parsed.desired
    found = parsed.registry.models["m"]
    assert (found.protect, found.visibility, found.groups) == (True, "internal", ("g",))
    assert found.routing == {
        "strategy": "priority",
        "max_attempts": 2,
        "retry_on": ["429", "5xx"],
        "cooldown": "30s",
    }
    assert parsed.desired.ownership == (OwnershipRule(("enabled",), "ui"),)
    assert (parsed.desired.moved, parsed.desired.removed) == ({"old": "m"}, {"gone": False})


@pytest.mark.parametrize(
    "routing",
    [
        "strategy: random",
        "retry_on: [4xx]",
        "retry_on: [400]",
        "retry_on: [600]",
        "retry_on: [slow]",
        "retry_on: [5.5]",
    ],
)
def test_routing_says_only_what_is_done(routing: str) -> None:
    assert [fault.code for fault in parse_registry(model(f"routing: {{{routing}}}")).faults] == ["E203"]


def test_defaults_of_routing_are_those_that_the_schema_tells() -> None:
    assert f"Default: {ATTEMPTS_DEFAULT}." in ROUTING["max_attempts"].doc
    assert f"Default: {COOLDOWN_DEFAULT_S:.0f}s." in ROUTING["cooldown"].doc
    told = ROUTING["retry_on"].doc.split("Default: ")[1].rstrip(".").split(", ")
    assert set(told) == RETRY_ON_DEFAULT


def test_a_model_without_pricing_is_kept_unpriced_and_free_is_said_out_loud() -> None:
    registry = parse_registry(HEAD + "  m: {provider: p}\n  n: {provider: p, pricing: {free: true}}\n").registry
    assert registry
    assert registry.models["m"].pricing is None
    assert registry.models["n"].pricing == PricingDocument(free=True)


def test_an_empty_text_misses_its_version_and_its_models() -> None:
    assert faults_of("") == ["1:1 E202", "1:1 E202"]


def test_a_file_without_models_says_so() -> None:
    assert faults_of("version: 1\n") == ["1:1 E202"]
    parsed = parse_registry("version: 1\nmodels: {}\n")
    assert parsed.registry
    assert not parsed.registry.models


def test_a_byte_order_mark_is_no_part_of_the_text() -> None:
    assert faults_of("\ufeffversion: 1\nmodels: {}\n") == []


# --- secrets --------------------------------------------------------------------------------------------------

CANARY = "Opaque77CanaryValue"
LEAKS = [
    "version: 1\nproviders:\n  p: {api_format: x, api_url: http://a, api_key: CANARY}\n",
    "version: 1\nproviders:\n  p: {api_format: x, api_url: http://a, api_key: [CANARY, 5]}\n",
    "version: 1\nproviders:\n  p: {api_format: x, api_url: http://a, api_key: {a: CANARY}}\n",
    "version: 1\nproviders:\n  p:\n    api_key: |\n      CANARY\n    api_format: x\n",
    "version: 1\nproviders:\n  p: {api_kye: CANARY}\n",
    "version: 1\nproviders:\n  p: {api_key: '${env:A}', api_key: CANARY}\n",
    "version: 1\nproviders:\n  p: {api_key: '${CANARY'}\n",
    "version: 1\nproviders:\n  p: {headers: {Authorization: CANARY}}\n",
    "version: 1\nproviders:\n  p: {api_url: 'https://u:CANARY@a.example', api_format: x}\n",
    "version: 1\nproviders:\n  p: {api_url: 'https://a.example?key=CANARY', api_format: x}\n",
    "version: 1\nmodels:\n  m: {api_key: CANARY, api_format: x, api_url: http://a}\n",
    "version: 1\nmodels:\n  m: {upstreams: {a: {api_key: CANARY, weight: x}}}\n",
    "version: 1\nx-k: &k CANARY\nproviders:\n  p: {api_key: *k}\n",
    "version: 1\napi_key: CANARY: [\n",
    'version: 1\napi_key: "CANARY\n  CANARY [\n',
    "version: 1\nproviders: {p: {api_key: CANARY, api_url: [}}\n",
    "version: 1\nmodels:\n  m: {provider: sk-CANARY}\n",
    "version: 1\nmodels: {sk-CANARY: 5}\n",
    "version: 1\nproviders: {p: CANARY}\n",
    "version: 1\nproviders: [{key: p, api_key: CANARY}]\n",
    "version: 1\nproviders: {p: {headers: [authorization, CANARY]}}\n",
    "version: 1\nproviders:\n  p:\n    headers:\n      - authorization: CANARY\n",
    "version: 1\nproviders:\n  p:\n    headers:\n      - {name: x-api-key, value: CANARY}\n",
    "version: 1\nproviders: {p: {headers: 'x-api-key: CANARY'}}\n",
    "version: 1\nproviders: {p: {headers: {'x-api-key: CANARY': x}}}\n",
    "version: 1\nproviders: {p: {headers: {'x team': CANARY}}}\n",
    "version: 1\nproviders: {p: {headers: {x-auth: CANARY}}}\n",
    "version: 1\nproviders: {p: {headers: {x-team: Bearer CANARY}}}\n",
    "version: 1\nproviders: {p: {api_key: {CANARY: 1}}}\n",
    "version: 1\nproviders: {p: {api_kye: {CANARY: 1}}}\n",
    "version: 1\nproviders: {p: {api_key: '${env:A}', api_key: {CANARY: 1}}}\n",
    "version: 1\nproviders: {p: {api_key: '${env:4CANARY}', api_format: x}}\n",
    "version: 1\nproviders: {p: {<<: CANARY}}\n",
    "version: 1\nproviders: {p: {[CANARY]: 1}}\n",
    "version: 1\nproviders: {p: &p {again: *p, api_key: CANARY}}\n",
    "version: 1\nproviders: {p: {api_format: x}} # old api_key: CANARY\n",
    "version: 1\nproviders: {p: {api_format: x}} # api_key=CANARY\n",
    "version: 1\nmodels: {m: {description: 'the token: CANARY', nonsense: 1}}\n",
    "version: 1\nmodels: {m: {provider: CANARY}}\n",
    "version: 1\nmodels: {m: {provider: {api_key: CANARY}}}\n",
    "version: 1\nmodels: {m: {upstreams: {a: CANARY}}}\n",
    "version: 1\nmodels: {m: {upstreams: [{api_key: CANARY}]}}\n",
    "version: 1\ndefaults: {upstream: CANARY}\nmodels: {}\n",
]


@pytest.mark.parametrize("canary", [CANARY, "plain-canary-value"])
@pytest.mark.parametrize("text", LEAKS, ids=[str(number) for number in range(len(LEAKS))])
def test_a_secret_is_never_in_a_fault(text: str, canary: str) -> None:
    faults = parse_registry(text.replace("CANARY", canary)).faults
    assert faults
    for fault in faults:
        assert canary not in fault.render()
        assert canary not in str(fault.as_json())


def test_a_key_in_a_wrong_place_is_known_by_its_form_and_a_name_is_shown() -> None:
    text = "version: 1\nmodels: {m: {display_name: NAME, nonsense: 1, provider: p}}\nproviders: {}\n"
    pasted, named = (parse_registry(text.replace("NAME", name)).faults[0] for name in (CANARY, "gpt-6-sol-preview"))
    assert CANARY not in pasted.source_line
    assert "gpt-6-sol-preview" in named.source_line


def test_what_is_harmless_beside_a_fault_stays_readable() -> None:
    text = "version: 1\nmodels: {m: {limits: {max_output_tokens: 9, nonsense: 1}}} # tokens are few\n"
    fault = next(fault for fault in parse_registry(text).faults if fault.code == "E201")
    assert fault.source_line == text.splitlines()[1]


@pytest.mark.parametrize("name", ["x-auth", "x-goog-credential", "x-signature", "proxy-authorization", "x-api-key"])
def test_a_header_that_carries_a_secret_takes_a_reference_alone(name: str) -> None:
    address = {"api_format": "openai", "api_url": "https://a.example"}
    document, faults = parse_provider("p", {**address, "headers": {name: "plain-canary-value"}})
    assert (document, [fault.code for fault in faults]) == (None, ["E301"])
    assert parse_provider("p", {**address, "headers": {name: "${env:A_KEY}"}})[1] == ()


@pytest.mark.parametrize("value", ["Bearer canary", "sk-canary4711", "https://u:canary@a.example"])
def test_a_secret_by_its_form_is_a_literal_under_any_header(value: str) -> None:
    address = {"api_format": "openai", "api_url": "https://a.example"}
    document, faults = parse_provider("p", {**address, "headers": {"x-team": value}})
    assert (document, [fault.code for fault in faults]) == (None, ["E301"])
    assert parse_provider("p", {**address, "headers": {"openai-organization": "org-aB3dE5gH7jK9mN1pQ3s"}})[1] == ()


def test_a_reference_is_shown_and_a_number_beside_it_too() -> None:
    text = "version: 1\nproviders: {p: {api_key: '${env:A_KEY}', api_format: x, api_url: http://a}}\nmodels: {}\n"
    (fault,) = parse_registry(text).faults
    assert "${env:A_KEY}" in fault.source_line


def test_a_control_character_cannot_act_from_inside_a_fault() -> None:
    (fault,) = parse_registry("version: 1\nsource: a\x1b[31mb\nmodels: {}\n").faults
    assert "\x1b" not in fault.render()


# --- one document, as the admin API sends it ------------------------------------------------------------------

slugs = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,12}", fullmatch=True)
names = st.text(min_size=1, max_size=30).filter(lambda name: name.isprintable() and name == name.strip())
prose = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=60)
seconds = st.none() | st.integers(1, 86_400)
counts = st.none() | st.integers(1, 2**31 - 1)
references = st.sampled_from(["${env:A_KEY}", "${file:/run/secrets/a b}", "${secret:shared-1}"])
urls = st.sampled_from(["https://api.example/v1", "http://127.0.0.1:8000", "http://[::1]:80/a", "https://a.b."])
rates = st.decimals(min_value=0, max_value=Decimal("999999.999999"), places=6)


@st.composite
def pricings(draw: st.DrawFn) -> PricingDocument | None:
    kind = draw(st.sampled_from(["none", "free", "rates"]))
    if kind == "none":
        return None
    if kind == "free":
        return PricingDocument(free=True)
    named = draw(st.frozensets(st.sampled_from(list(Dimension)))) | {Dimension.INPUT, Dimension.OUTPUT}
    price = st.fixed_dictionaries({d: rates.filter(bool) if d is Dimension.INPUT else rates for d in sorted(named)})
    tiers = draw(st.dictionaries(st.integers(1, COUNT_MAX), price, max_size=TIERS_MAX))
    return PricingDocument(draw(price), tiers=tiers)


@st.composite
def upstreams(draw: st.DrawFn, key: str) -> UpstreamDocument:
    connection: dict[str, Any] = {"provider": draw(slugs)}
    if draw(st.booleans()):
        connection = {
            "api_format": draw(st.sampled_from(API_FORMATS)),
            "api_url": draw(urls),
            "api_key": draw(st.none() | references),
        }
    return UpstreamDocument(
        key,
        **connection,
        actual_model=draw(st.none() | names),
        priority=draw(st.integers(0, 1000)),
        weight=draw(st.integers(0, 1_000_000)),
        enabled=draw(st.booleans()),
    )


@st.composite
def models(draw: st.DrawFn) -> ModelDocument:
    keys = draw(st.lists(slugs, min_size=1, max_size=3, unique=True) | st.just(["default"]))
    return ModelDocument(
        key=draw(slugs),
        display_name=(display_name := draw(names)),
        upstreams=tuple(draw(upstreams(key)) for key in keys),
        aliases=tuple(distinct_aliases(display_name, draw(st.lists(names, max_size=3, unique=True)))),
        pricing=draw(pricings()),
        system_prompt=SystemPromptDocument(
            draw(st.none() | st.booleans()),
            draw(st.none() | prose),
            draw(st.sampled_from([None, "prepend", "replace"])),
        ),
        limits=LimitsDocument(draw(seconds), draw(seconds), draw(seconds), draw(counts), draw(counts)),
        enabled=draw(st.booleans()),
        description=draw(st.none() | prose),
        owned_by=draw(st.none() | names),
        visibility=draw(st.none() | slugs),
        tags=tuple(draw(st.lists(names, max_size=2, unique=True))),
        groups=tuple(draw(st.lists(names, max_size=2, unique=True))),
        protect=draw(st.booleans()),
        routing=draw(st.sampled_from([{}, {"max_attempts": 2, "retry_on": ["429", "5xx"], "cooldown": "30s"}])),
    )


@given(models())
def test_a_model_written_out_reads_back_the_same(document: ModelDocument) -> None:
    found, faults = parse_model(document.key, as_document(document))
    assert [fault.render() for fault in faults if fault.severity == "error"] == []
    assert found == document


@given(slugs, st.sampled_from(API_FORMATS), urls, st.none() | references)
def test_a_provider_written_out_reads_back_the_same(key: str, form: str, url: str, api_key: str | None) -> None:
    document = ProviderDocument(key, form, url, api_key, {"anthropic-version": "2023-06-01"} if api_key else {})
    assert parse_provider(key, as_document(document)) == (document, ())


def test_faults_of_a_lone_document_have_paths_and_no_places() -> None:
    found, faults = parse_model("m", {"provider": "p", "api_url": "nope", "pricing": {"input": -1, "outptu": 2}})
    assert found is None
    assert sorted((fault.code, fault.path, fault.line) for fault in faults) == [
        ("E201", "models.m.pricing.outptu", 0),
        ("E202", "models.m.pricing", 0),
        ("E206", "models.m.api_url", 0),
        ("E208", "models.m.api_url", 0),
        ("E502", "models.m.pricing.input", 0),
    ]
    assert faults[0].render().startswith("error[")


def test_json_numbers_are_prices_by_their_shortest_text() -> None:
    found, faults = parse_model("m", {"provider": "p", "pricing": {"input": 0.1, "output": 2}})
    assert not faults
    assert found
    assert found.pricing == PricingDocument({Dimension.INPUT: Decimal("0.1"), Dimension.OUTPUT: Decimal(2)})


@pytest.mark.parametrize(("price", "code"), [(float("nan"), "E501"), (None, "E501"), (True, "E501"), (1e-7, "E501")])
def test_a_json_price_that_is_no_price_is_refused(price: object, code: str) -> None:
    _, faults = parse_model("m", {"provider": "p", "pricing": {"input": price, "output": 2}})
    assert [fault.code for fault in faults] == [code]


def test_a_bad_key_and_endless_nesting_are_faults_of_a_lone_document() -> None:
    assert [fault.code for fault in parse_provider("Bad Key", {"api_format": "openai", "api_url": "http://a"})[1]] == [
        "E205"
    ]
    deep: list[Any] = []
    for _ in range(100):
        deep = [deep]
    assert [fault.code for fault in parse_model("m", {"tags": deep})[1]] == ["E105"]


# --- never an exception ---------------------------------------------------------------------------------------


@settings(max_examples=200)
@given(st.data())
def test_no_damage_to_a_file_makes_the_parser_raise(data: st.DataObject) -> None:
    text = SHIPPED.read_text()[:4_000]
    for _ in range(data.draw(st.integers(1, 5))):
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(len(text), start + 40)))
        text = text[:start] + data.draw(st.text("{}[]:,\"'|>&*!%#?- \n\t0a<é\0$\u2028", max_size=4)) + text[end:]
    parsed = parse_registry(text)
    assert all(fault.render() for fault in parsed.faults)
    assert (parsed.registry is None) == any(fault.severity == "error" for fault in parsed.faults)


@given(st.text())
def test_no_text_makes_the_parser_raise(text: str) -> None:
    assert all(fault.render() for fault in parse_registry(text).faults)


def test_two_thousand_models_are_read_whole() -> None:
    text = HEAD + "".join(
        f"  m{n}: {{provider: p, display_name: Model {n}, pricing: {{input: 1.25, output: 10.00}}}}\n"
        for n in range(2_000)
    )
    registry = parse_registry(text).registry
    assert registry
    assert len(registry.models) == 2_000


# --- the shipped file -----------------------------------------------------------------------------------------


def test_the_shipped_file_has_no_faults() -> None:
    parsed = parse_registry(SHIPPED.read_text())
    assert [fault.render() for fault in parsed.faults] == []


def test_every_shipped_price_is_complete() -> None:
    registry = parse_registry(SHIPPED.read_text()).registry
    assert registry
    priced = [found.pricing for found in registry.models.values() if found.pricing]
    assert priced
    assert all(Price(0, pricing.rates, pricing.free).is_complete for pricing in priced)


def test_every_shipped_price_has_a_dated_source_in_its_block() -> None:
    text = SHIPPED.read_text()
    registry = parse_registry(text).registry
    assert registry
    blocks = dict(re.findall(r"^  ([a-z0-9._-]+):\n((?:    .*\n)+)", text[text.index("\nmodels:") :], re.MULTILINE))
    assert blocks.keys() == registry.models.keys()
    for key, found in registry.models.items():
        source = re.search(r"# 2026-\d\d-\d\d: \S.{9,}", blocks[key])
        assert (source is not None) == (found.pricing is not None), key


def test_every_shipped_key_is_a_reference_that_the_environment_may_answer() -> None:
    registry = parse_registry(SHIPPED.read_text()).registry
    assert registry
    assert len(registry.providers) == 7
    for provider in registry.providers.values():
        assert re.fullmatch(r"\$\{env:[A-Z]+_API_KEY\}", provider.api_key or "")


# --- the command ----------------------------------------------------------------------------------------------


def test_validate_exits_0_for_the_shipped_file_and_1_for_a_broken_one(tmp_path: Path) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text("version: 1\nmodles: {}\n")
    assert CliRunner().invoke(main, ["validate", str(SHIPPED)]).exit_code == 0
    result = CliRunner().invoke(main, ["validate", str(broken)])
    assert result.exit_code == 1
    assert f"{broken}:2:1: error[E201]" in result.output


def test_validate_speaks_json(tmp_path: Path) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_bytes(b"\xff")
    result = CliRunner().invoke(main, ["validate", "--json", str(broken), str(SHIPPED)])
    assert result.exit_code == 1
    assert '"errors": 1' in result.output
    assert '"code": "E100"' in result.output


def test_validate_of_a_missing_file_fails_with_a_sentence() -> None:
    result = CliRunner().invoke(main, ["validate", "no-such-file.yaml"])
    assert (result.exit_code, result.output) == (1, 'Error: No file matches "no-such-file.yaml".\n')
