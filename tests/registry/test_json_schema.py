"""The JSON Schema that editors use says what the parser does."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings

from registry.files.grammar import MODEL, OVERLAY, PRICING, REGISTRY
from registry.files.json_schema import DEFINITIONS, render_schema
from registry.files.readers import Fields
from registry.files.sources import SourceFile
from registry.schema import parse_files, parse_registry
from tests.registry.test_declared import registries

ROOT = Path(__file__).parents[2]
SCHEMA: Mapping[str, Any] = json.loads(render_schema())


# --- just enough of draft 07 to ask the schema ----------------------------------------------------------------

TYPES: Mapping[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "null": (type(None),),
}
SAYS_NOTHING = frozenset({"description", "title", "format", "$schema", "$id", "definitions", "then", "else"})
ABOUT_PROPERTIES = frozenset({"properties", "patternProperties", "additionalProperties"})


def accepts(schema: Any, value: Any) -> bool:
    """Whether the schema takes the value. A keyword that is not known here fails the test."""
    if isinstance(schema, bool):
        return schema
    if "$ref" in schema:
        return accepts(SCHEMA["definitions"][schema["$ref"].removeprefix("#/definitions/")], value)
    asked = [keyword for keyword in schema if keyword not in SAYS_NOTHING | ABOUT_PROPERTIES]
    return all(obeys(keyword, schema[keyword], value) for keyword in asked) and obeys_properties(schema, value)


def is_of(name: str, value: Any) -> bool:
    return isinstance(value, TYPES[name]) and (name == "boolean" or not isinstance(value, bool))


def obeys(keyword: str, said: Any, value: Any) -> bool:
    is_number, is_text = is_of("number", value), isinstance(value, str)
    match keyword:
        case "type":
            return any(is_of(name, value) for name in ([said] if isinstance(said, str) else said))
        case "if":
            return accepts(SCHEMA["then"] if accepts(said, value) else SCHEMA["else"], value)
        case "enum":
            return value in said
        case "const":
            return bool(value == said) and not isinstance(value, bool)
        case "anyOf":
            return any(accepts(schema, value) for schema in said)
        case "required":
            return not isinstance(value, dict) or all(name in value for name in said)
        case "maxProperties":
            return not isinstance(value, dict) or len(value) <= said
        case "propertyNames":
            return not isinstance(value, dict) or all(accepts(said, name) for name in value)
        case "items":
            return not isinstance(value, list) or all(accepts(said, item) for item in value)
        case "uniqueItems":
            return not isinstance(value, list) or all(item not in value[:index] for index, item in enumerate(value))
        case "minimum":
            return not is_number or value >= said
        case "maximum":
            return not is_number or value <= said
        case "exclusiveMaximum":
            return not is_number or value < said
        case "minLength":
            return not is_text or len(value) >= said
        case "maxLength":
            return not is_text or len(value) <= said
        case "pattern":
            return not is_text or re.search(said, value) is not None
    raise AssertionError(keyword)


def obeys_properties(schema: Mapping[str, Any], value: Any) -> bool:
    if not isinstance(value, dict):
        return True
    named, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    for name, below in value.items():
        asked = [named[name]] if name in named else []
        asked += [said for pattern, said in patterns.items() if re.search(pattern, name)]
        if not all(accepts(said, below) for said in asked or [schema.get("additionalProperties", True)]):
            return False
    return True


# --- the file -------------------------------------------------------------------------------------------------


def test_the_file_is_what_the_grammar_says() -> None:
    text = (ROOT / "models.schema.json").read_text()
    assert text == render_schema(), "run: python -m registry.files.json_schema > models.schema.json"


def test_the_shipped_registry_names_its_schema_for_both_kinds_of_editors() -> None:
    assert (ROOT / "models.yaml").read_text().splitlines()[:2] == [
        "# yaml-language-server: $schema=./models.schema.json",
        "# $schema: ./models.schema.json",
    ]


def test_the_schema_is_of_draft_07_and_has_no_address_of_its_own() -> None:
    assert SCHEMA["$schema"] == "http://json-schema.org/draft-07/schema#"
    assert SCHEMA["$id"] == "models.schema.json"
    assert SCHEMA["title"]


TABLES = {"else": REGISTRY, "then": OVERLAY, **DEFINITIONS}


@pytest.mark.parametrize("name", list(TABLES))
def test_every_field_of_the_grammar_is_there_with_its_description(name: str) -> None:
    table: Fields = TABLES[name]
    schema = SCHEMA[name] if name in SCHEMA else SCHEMA["definitions"][name]
    assert {field: said["description"] for field, said in schema["properties"].items()} == {
        field.name: field.doc for field in table.values()
    }
    assert schema.get("required", []) == [field.name for field in table.values() if field.required]
    assert schema["additionalProperties"] is False
    assert schema["patternProperties"] == {"^x-": {}}
    for field in table.values():
        assert accepts(schema["properties"][field.name], None) == field.nullable, field.name


def test_every_pattern_compiles_and_every_reference_leads_somewhere() -> None:
    references = set(re.findall(r'"\$ref": "#/definitions/(\w+)"', render_schema()))
    assert references == SCHEMA["definitions"].keys()
    patterns = re.findall(r'"pattern": (".*")', render_schema())
    assert len(patterns) > 10
    for pattern in patterns:
        re.compile(json.loads(pattern))


# --- schema and parser ----------------------------------------------------------------------------------------


def test_the_shipped_registry_is_accepted() -> None:
    assert accepts(SCHEMA, yaml.safe_load((ROOT / "models.yaml").read_text()))


@settings(max_examples=100, deadline=None)
@given(registries)
def test_what_the_parser_takes_the_schema_takes(registry: dict[str, Any]) -> None:
    assert accepts(SCHEMA, registry)


GOOD = [
    "{}",
    "{display_name: Model 5.1, aliases: [a b]}",
    "{extends: chat}",
    "{extends: [chat]}",
    "{pricing: {input: 1.25, output: '10.00', cached_input: .5}}",
    "{pricing: {free: true}}",
    "{pricing: {input: 1, output: 2, tiers: {200000: {input: 2, output: '3.00'}, '400000': {input: 4, output: 4}}}}",
    "{pricing: {input: 1, output: 2, tiers: null}}",
    "{pricing: {input: 1, output: 2, tiers: {}}}",
    "{pricing: null, limits: null, tags: null, system_prompt: null, routing: null}",
    "{limits: {timeout: 120, idle_timeout: 2m, context_window: 9}}",
    "{system_prompt: {disabled: false, text: '', mode: null}}",
    '{system_prompt: {text: "two\\nlines", mode: replace}}',
    "{system_prompt: {text: a, file: null}}",
    "{routing: {retry_on: [429, 5xx, timeout], cooldown: 30s, max_attempts: 3}}",
    "{x-note: {any: [thing]}}",
    "{groups: [eng], visibility: internal, protect: true, enabled: false, description: d, owned_by: us}",
]
BAD = [
    "5",
    "[]",
    "{display_nmae: a}",
    "{display_name: 5}",
    "{display_name: ' a'}",
    "{display_name: ''}",
    f"{{display_name: {'n' * 201}}}",
    "{aliases: a}",
    "{aliases: [a, a]}",
    "{extends: 5}",
    "{extends: Chat}",
    "{enabled: 1}",
    "{pricing: {input: null, output: 1}}",
    "{pricing: {input: -1, output: 1}}",
    "{pricing: {input: 1000000, output: 1}}",
    "{pricing: {input: cheap, output: 1}}",
    "{pricing: {input: 1, output: 1, cache: 1}}",
    "{pricing: 5}",
    "{pricing: {input: 1, output: 1, tiers: [200000]}}",
    "{pricing: {input: 1, output: 1, tiers: {200000: 5}}}",
    "{pricing: {input: 1, output: 1, tiers: {200000: null}}}",
    "{pricing: {input: 1, output: 1, tiers: {'0': {input: 1, output: 1}}}}",
    "{pricing: {input: 1, output: 1, tiers: {200k: {input: 1, output: 1}}}}",
    "{pricing: {input: 1, output: 1, tiers: {200000: {input: 1, output: null}}}}",
    "{pricing: {input: 1, output: 1, tiers: {200000: {free: true}}}}",
    "{limits: {timeout: 2 minutes}}",
    "{limits: {timeout: 0}}",
    "{limits: {timeout: 86401}}",
    "{limits: {context_window: 0}}",
    "{limits: {context_window: 1.5}}",
    "{system_prompt: {mode: append}}",
    "{system_prompt: {file: 5}}",
    "{system_prompt: {file: /a.md}}",
    "{system_prompt: {file: 'a\\\\b.md'}}",
    "{system_prompt: {file: a.yaml}}",
    "{system_prompt: {file: a.md, text: b}}",
    "{routing: {retry_on: [1.5]}}",
    "{routing: {max_attempts: 21}}",
    "{upstreams: {A b: {}}}",
    "{upstreams: {a: {weight: -1}}}",
    "{upstreams: {a: {api_key: opaque}}}",
    "{upstreams: {a: {api_url: 'ftp://a'}}}",
    "{upstreams: {a: {api_url: 'http://u@a'}}}",
]
HEAD = "version: 1\nproviders: {p: {api_format: openai, api_url: http://a}}\nprofiles: {chat: {}}\n"


def with_model(body: str) -> str:
    return f"{HEAD}defaults: {{model: {{provider: p}}}}\nmodels: {{m: {body}}}\n"


def with_profile(body: str) -> str:
    return f"version: 1\nmodels: {{}}\nprofiles: {{chat: {body}}}\n"


def with_defaults(body: str) -> str:
    return f"version: 1\nmodels: {{}}\ndefaults: {{model: {body}}}\n"


@pytest.mark.parametrize("body", GOOD)
def test_a_good_model_is_good_to_both(body: str) -> None:
    assert parse_registry(with_model(body)).registry
    assert accepts(SCHEMA, yaml.safe_load(with_model(body)))


@pytest.mark.parametrize("body", BAD)
def test_a_bad_model_is_bad_to_both(body: str) -> None:
    for text in (with_model(body), with_profile(body), with_defaults(body)):
        assert parse_registry(text).registry is None
        assert not accepts(SCHEMA, yaml.safe_load(text))


@pytest.mark.parametrize("path", ["a.md", "./a.md", "prompts/a b.TXT", "..a/b.md", "ü.md"])
def test_a_path_of_a_text_is_good_to_both(path: str) -> None:
    text = with_model(f"{{system_prompt: {{file: {path}, text: null}}}}")
    assert parse_files([SourceFile("models.yaml", text), SourceFile(path.removeprefix("./"), "x")]).registry
    assert accepts(SCHEMA, yaml.safe_load(text))


BAD_FILES = [
    "models: {}",
    "version: 2\nmodels: {}",
    "version: 1\nmodles: {}",
    "version: 1\nmodels: []",
    "version: 1\nmodels: {}\nproviders: {p: {api_url: http://a}}",
    "version: 1\nmodels: {}\nproviders: {p: {api_url: http://a, api_format: open}}",
    "version: 1\nmodels: {}\nproviders: {p: {api_url: http://a, api_format: openai, api_key: opaque}}",
    "version: 1\nmodels: {}\nproviders: {p: {api_url: http://a, api_format: openai, headers: {a b: c}}}",
    "version: 1\nmodels: {}\nownership: [{fields: [a]}]",
    "version: 1\nmodels: {}\nownership: [{fields: [a], mode: git}]",
    "version: 1\nmodels: {}\nmoved: [{from: a}]",
    "version: 1\nmodels: {}\nremoved: [{id: a, destroy: 1}]",
    "version: 1\nmodels: {}\ndefaults: {model: {display_name: a}}",
    "version: 1\nmodels: {}\nsource: My Files",
]


GOOD_OVERLAYS = [
    "{}",
    "{source: main}",
    "{providers: {p: {api_url: 'http://b'}}, models: {m: }}",
    "{providers: {p: {headers: {x-a: b}}}, models: {m: {limits: null, pricing: {output: 2}}}, x-note: 1}",
]
BAD_OVERLAYS = [
    "{overlay: null}",
    "{overlay: Prod}",
    "{version: 2}",
    "{defaults: {}}",
    "{profiles: {}}",
    "{ownership: []}",
    "{moved: []}",
    "{removed: []}",
    "{models: {m: {limits: {timeout: soon}}}}",
    "{providers: {p: {api_format: null}}}",
]
OVERLAID = """\
version: 1
providers: {p: {api_format: openai, api_url: http://a}}
models: {m: {provider: p, pricing: {input: 1, output: 2}}}
"""


def overlay(body: str) -> dict[str, Any]:
    return {"version": 1, "overlay": "prod", **yaml.safe_load(body)}


def parse_overlay(said: dict[str, Any]) -> bool:
    """Whether the parser takes it, over a base that has what it is laid over."""
    return parse_files([SourceFile("a", OVERLAID), SourceFile("b", yaml.safe_dump(said))]).registry is not None


@pytest.mark.parametrize("body", GOOD_OVERLAYS)
def test_an_overlay_may_leave_out_what_the_base_says(body: str) -> None:
    assert parse_overlay(overlay(body))
    assert accepts(SCHEMA, overlay(body))


@pytest.mark.parametrize("body", BAD_OVERLAYS)
def test_a_bad_overlay_is_bad_to_both(body: str) -> None:
    assert not parse_overlay(overlay(body))
    assert not accepts(SCHEMA, overlay(body))


@pytest.mark.parametrize("text", BAD_FILES)
def test_a_bad_file_is_bad_to_both(text: str) -> None:
    assert parse_registry(text).registry is None
    assert not accepts(SCHEMA, yaml.safe_load(text))


def test_prices_and_models_are_described_where_they_are_written() -> None:
    pricing = SCHEMA["definitions"]["model"]["properties"]["pricing"]
    assert pricing["anyOf"][0] == {"$ref": "#/definitions/pricing"}
    assert SCHEMA["definitions"]["pricing"]["properties"].keys() == PRICING.keys()
    assert SCHEMA["definitions"]["model"]["properties"].keys() == MODEL.keys()
