"""What a validation looks like to people, to programs, to GitHub, and as SARIF."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from quart_proxy.commands.registry import main
from registry.files.positions import Fault
from registry.files.reports import CODES, FORMATS, render_github, render_json, render_sarif, render_text
from registry.files.sources import SourceFile
from registry.files.validation import Validation, validate
from registry.schema import parse_files
from tests.registry.test_schema import CANARY, LEAKS

ROOT = Path(__file__).parents[2]

P = 'providers: {p: {api_format: openai, api_url: "https://a.example"}}\n'
V = "version: 1\n"
M = V + P + "models:\n"
SECOND = "--- second.yaml\n"
CASES = {
    "E101": V + "models: {a: [}\n",
    "E102": V + "models: {}\nmodels: {}\n",
    "E103": V + "models: {}\n? [a, b]\n: c\n",
    "E104": V + "x-a: !env NAME\nmodels: {}\n",
    "E105": V + "x-a: &a [*a]\n",
    "E201": V + "modles: {}\nmodels: {}\n",
    "E202": V + P,
    "E203": M + "  m: {provider: p, enabled: yes}\n",
    "E204": M + "  m: {provider: p, limits: {context_window: 0}}\n",
    "E205": M + "  m: {provider: p, visibility: All}\n",
    "E206": V + "providers: {p: {api_format: openai, api_url: a.example}}\nmodels: {}\n",
    "E207": "version: 2\nmodels: {}\n",
    "E208": M + "  m: {provider: p, api_key: '${env:K}'}\n",
    "E209": V + "source: main\nmodels: {}\n" + SECOND + V + "source: other\n",
    "E301": V + "providers: {p: {api_format: openai, api_url: http://a, api_key: opaque}}\nmodels: {}\n",
    "E302": V + "providers: {p: {api_format: openai, api_url: http://a, api_key: '${K}'}}\nmodels: {}\n",
    "E401": M + "  m: {provider: p}\n  n: {provider: p, aliases: [M]}\n",
    "E402": M + "  m: {provider: pp}\n",
    "E403": "profiles: {chat: {}}\n" + M + "  m: {provider: p, extends: caht}\n",
    "E404": M + "  main: {provider: p}\nmoved: [{from: old, to: mian}]\n",
    "E501": M + "  m: {provider: p, pricing: {input: cheap, output: 1}}\n",
    "E502": M + "  m: {provider: p, pricing: {input: -1, output: 1}}\n",
    "E503": M + "  m: {provider: p, pricing: {input: 0.00000125, output: 1}}\n",
    "E504": M + "  m: {provider: p, pricing: {input: 1000000, output: 1}}\n",
    "E505": M + "  m: {provider: p, pricing: {input: 0, output: 1}}\n",
    "E506": M + "  m: {provider: p, pricing: {free: true, output: 1}}\n",
    "E507": M + "  m: {provider: p, pricing: {input: 1, output: 1, tiers: {200k: {input: 2, output: 2}}}}\n",
    "E508": M
    + "  m: {provider: p, pricing: {input: 2, cached_input: 1, output: 2, tiers: {9: {input: 4, output: 4}}}}\n",
    "E601": M + "  m: {provider: p, system_prompt: {file: ../shared/tone.md}}\n",
    "E602": M + "  m: {provider: p, system_prompt: {file: prompts/tone.md}}\n",
    "W501": M + "  m: {provider: p, pricing: {input: 1, cached_input: 2, output: 3}}\n",
    "W503": M + "  m: {provider: p, pricing: {input: 0.00025, output: 1}}\n",
    "W504": M + "  m: {provider: p, pricing: {input: 1, output: 0}}\n",
    "W601": M + "  m:\n    provider: p\n    system_prompt:\n      text: >-\n" + f"        {'a' * 39}\n" * 260,
}
"""For each code a registry that has this one fault."""

GOLDEN = """\
models.yaml:2:14: error[E101]: not valid YAML: while parsing a flow node, did not find expected node content
     2 | models: {a: [}
       |              ^

models.yaml:3:1: error[E102]: duplicate key "models" (first at line 2)
     3 | models: {}
       | ^

models.yaml:3:3: error[E103]: a key must be plain text
     3 | ? [a, b]
       |   ^

models.yaml:2:6: error[E104]: the tag "!env" is not supported
     2 | x-a: !env NAME
       |      ^

models.yaml:2:6: error[E105]: an anchor contains itself
     2 | x-a: &a [*a]
       |      ^

models.yaml:2:1: error[E201]: modles: unknown key "modles"; did you mean "models"?
     2 | modles: {}
       | ^

models.yaml:1:1: error[E202]: missing required "models"; with none to serve, say models: {}
     1 | version: 1
       | ^

models.yaml:4:29: error[E203]: models.m.enabled: must be true or false, not text; yes is text in YAML 1.2
     4 |   m: {provider: p, enabled: yes}
       |                             ^

models.yaml:4:45: error[E204]: models.m.limits.context_window: must be from 1 to 2,147,483,647
     4 |   m: {provider: p, limits: {context_window: 0}}
       |                                             ^

models.yaml:4:32: error[E205]: models.m.visibility: must be a slug: a-z, 0-9, dot, dash, underscore; first a letter or digit
     4 |   m: {provider: p, visibility: All}
       |                                ^

models.yaml:2:46: error[E206]: providers.p.api_url: must begin with http:// or https://
     2 | providers: {p: {api_format: openai, api_url: a.example}}
       |                                              ^

models.yaml:1:10: error[E207]: version: must be 1
     1 | version: 2
       |          ^

models.yaml:4:20: error[E208]: models.m.api_key: api_key and provider exclude each other
     4 |   m: {provider: p, api_key: '${env:K}'}
       |                    ^

second.yaml:2:9: error[E209]: source: must be "main" as at models.yaml:2
     2 | source: other
       |         ^

models.yaml:2:65: error[E301]: providers.p.api_key: a literal secret is not allowed here; use ${env:NAME}, ${file:/path} or ${secret:name}
     2 | providers: {p: {api_format: openai, api_url: http://a, api_key: <redacted>}}
       |                                                                 ^

models.yaml:2:65: error[E302]: providers.p.api_key: not a reference; write ${env:NAME}, ${file:/path} or ${secret:name}
     2 | providers: {p: {api_format: openai, api_url: http://a, api_key: <redacted>}}
       |                                                                 ^

models.yaml:5:30: error[E401]: models.n.aliases[0]: client name "M" is already used by m
     5 |   n: {provider: p, aliases: [M]}
       |                              ^

models.yaml:4:17: error[E402]: models.m.provider: no provider "pp"; did you mean "p"?
     4 |   m: {provider: pp}
       |                 ^

models.yaml:5:29: error[E403]: models.m.extends: no profile "caht"; did you mean "chat"?
     5 |   m: {provider: p, extends: caht}
       |                             ^

models.yaml:5:9: error[E404]: moved[0]: moved to "mian", which is not here; did you mean "main"?
     5 | moved: [{from: old, to: mian}]
       |         ^

models.yaml:4:37: error[E501]: models.m.pricing.input: must be dollars per 1M tokens in plain digits, such as 1.25
     4 |   m: {provider: p, pricing: {input: cheap, output: 1}}
       |                                     ^

models.yaml:4:37: error[E502]: models.m.pricing.input: must not be negative
     4 |   m: {provider: p, pricing: {input: -1, output: 1}}
       |                                     ^

models.yaml:4:37: error[E503]: models.m.pricing.input: must have at most 6 decimals; is it a price per token?
     4 |   m: {provider: p, pricing: {input: 0.00000125, output: 1}}
       |                                     ^

models.yaml:4:37: error[E504]: models.m.pricing.input: must be below 1,000,000
     4 |   m: {provider: p, pricing: {input: 1000000, output: 1}}
       |                                     ^

models.yaml:4:37: error[E505]: models.m.pricing.input: must not be 0; a model that costs nothing says so: pricing: {free: true}
     4 |   m: {provider: p, pricing: {input: 0, output: 1}}
       |                                     ^

models.yaml:4:42: error[E506]: models.m.pricing.output: a free model has no rates
     4 |   m: {provider: p, pricing: {free: true, output: 1}}
       |                                          ^

models.yaml:4:59: error[E507]: models.m.pricing.tiers.200k: "200k" is no threshold; write a number of tokens such as 200000
     4 |   m: {provider: p, pricing: {input: 1, output: 1, tiers: {200k: {input: 2, output: 2}}}}
       |                                                           ^

models.yaml:4:76: error[E508]: models.m.pricing.tiers.9: missing "cached_input": a tier names every rate that the price names
     4 |   m: {provider: p, pricing: {input: 2, cached_input: 1, output: 2, tiers: {9: {input: 4, output: 4}}}}
       |                                                                            ^

models.yaml:4:42: error[E601]: models.m.system_prompt.file: must not lead out of the folder of this YAML file; move the text into it
     4 |   m: {provider: p, system_prompt: {file: ../shared/tone.md}}
       |                                          ^

models.yaml:4:42: error[E602]: models.m.system_prompt.file: there is no file prompts/tone.md; the path begins at the folder of models.yaml
     4 |   m: {provider: p, system_prompt: {file: prompts/tone.md}}
       |                                          ^

models.yaml:4:54: warning[W501]: models.m.pricing.cached_input: cached_input 2 is above input 1; swapped?
     4 |   m: {provider: p, pricing: {input: 1, cached_input: 2, output: 3}}
       |                                                      ^

models.yaml:4:37: warning[W503]: models.m.pricing.input: 0.00025 dollars per 1M tokens looks like a price per token
     4 |   m: {provider: p, pricing: {input: 0.00025, output: 1}}
       |                                     ^

models.yaml:4:48: warning[W504]: models.m.pricing.output: output costs nothing; right for embeddings only
     4 |   m: {provider: p, pricing: {input: 1, output: 0}}
       |                                                ^

models.yaml:7:13: warning[W601]: models.m.system_prompt.text: 10,399 characters; what is beyond 10,000 is cut
     7 |       text: >-
       |             ^
"""  # noqa: E501


def validation_of(text: str) -> Validation:
    """Of models.yaml, and second.yaml if there is a line that begins it."""
    names = ("models.yaml", "second.yaml")
    files = [SourceFile(name, part) for name, part in zip(names, text.split(SECOND), strict=False)]
    parsed = parse_files(files)
    return Validation(tuple(file.name for file in files), parsed.faults, parsed.registry)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["validate", *arguments])


# --- people ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("code", "golden"), list(zip(CASES, GOLDEN[:-1].split("\n\n"), strict=True)), ids=list(CASES))
def test_each_fault_reads_like_this(code: str, golden: str) -> None:
    (fault,) = validation_of(CASES[code]).faults
    assert fault.code == code
    assert fault.render() == golden


def test_the_text_ends_with_a_count() -> None:
    assert render_text(validation_of(CASES["E201"])).splitlines()[-1] == "1 error, 0 warnings in models.yaml"
    assert render_text(validation_of(CASES["E209"])).splitlines()[-1] == "1 error, 0 warnings in 2 files"
    assert (
        render_text(validation_of(CASES["W504"])).splitlines()[-1]
        == "0 errors, 1 warning in models.yaml: 1 provider, 1 model"
    )


# --- programs -------------------------------------------------------------------------------------------------


def test_json_has_every_field_of_a_fault() -> None:
    assert json.loads(render_json(validation_of(CASES["E402"]))) == {
        "valid": False,
        "files": ["models.yaml"],
        "overlays": [],
        "errors": 1,
        "warnings": 0,
        "faults": [
            {
                "code": "E402",
                "severity": "error",
                "path": "models.m.provider",
                "message": 'no provider "pp"; did you mean "p"?',
                "file": "models.yaml",
                "line": 4,
                "column": 17,
                "source_line": "  m: {provider: pp}",
            }
        ],
    }


def test_github_is_told_with_a_workflow_command() -> None:
    assert render_github(validation_of(CASES["E402"])).splitlines() == [
        '::error file=models.yaml,line=4,col=17,title=E402::models.m.provider: no provider "pp"; did you mean "p"?',
        "1 error, 0 warnings in models.yaml",
    ]
    assert render_github(validation_of(CASES["W504"])).startswith(
        "::warning file=models.yaml,line=4,col=48,title=W504::"
    )


def test_github_is_told_nothing_that_ends_a_command_or_begins_another() -> None:
    fault = Fault("E203", "a", "100% of\r\n::error::x", "a,b:c%.yaml\n", 1, 2)
    (command, _) = render_github(Validation(("x",), (fault,))).splitlines()
    assert command == "::error file=a%2Cb%3Ac%25.yaml%0A,line=1,col=2,title=E203::a: 100%25 of??::error::x"


def test_github_is_told_of_a_fault_without_a_place() -> None:
    assert render_github(Validation((), (Fault("E101", "", "no"),))).splitlines()[0] == "::error title=E101::no"


def sarif_run(validation: Validation) -> dict[str, Any]:
    log = json.loads(render_sarif(validation))
    assert log["version"] == "2.1.0"
    assert log["$schema"].endswith("/sarif-2.1.0.json")
    (found,) = log["runs"]
    assert isinstance(found, dict)
    return found


def test_sarif_has_each_fault_as_a_result_at_its_place() -> None:
    found = sarif_run(validation_of(CASES["E209"]))
    assert found["columnKind"] == "unicodeCodePoints"
    assert found["results"] == [
        {
            "ruleId": "E209",
            "level": "error",
            "message": {"text": 'source: must be "main" as at models.yaml:2'},
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {"uri": "second.yaml"},
                        "region": {"startLine": 2, "startColumn": 9},
                    },
                    "logicalLocations": [{"fullyQualifiedName": "source"}],
                }
            ],
        }
    ]


def test_sarif_has_a_rule_for_every_code() -> None:
    driver = sarif_run(validation_of(CASES["W504"]))["tool"]["driver"]
    assert driver["name"] == "registry validate"
    assert [rule["id"] for rule in driver["rules"]] == list(CODES)
    levels = {rule["id"]: rule["defaultConfiguration"]["level"] for rule in driver["rules"]}
    assert (levels["E101"], levels["W504"]) == ("error", "warning")
    assert all(rule["shortDescription"]["text"] for rule in driver["rules"])


@pytest.mark.parametrize(
    ("name", "uri"),
    [("conf/a b.yaml", "conf/a%20b.yaml"), ("/etc/m.yaml", "file:///etc/m.yaml"), ("a:b.yaml", "a%3Ab.yaml")],
)
def test_sarif_names_files_by_uri(name: str, uri: str) -> None:
    (result,) = sarif_run(Validation((name,), (Fault("E101", "", "no", name, 1, 1),)))["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"] == {"uri": uri}


@pytest.mark.parametrize("form", list(FORMATS))
@pytest.mark.parametrize("text", LEAKS, ids=[str(number) for number in range(len(LEAKS))])
def test_a_secret_is_in_no_report(form: str, text: str) -> None:
    for files in (text.replace("CANARY", CANARY), V + SECOND + text.replace("CANARY", CANARY)):
        validation = validation_of(files)
        assert validation.faults
        assert CANARY not in FORMATS[form](validation)


@pytest.mark.parametrize("form", list(FORMATS))
def test_no_report_has_a_control_character(form: str) -> None:
    for text in (V + "models: {}\nsource: a\x1b[31m\x9b1mb\n", M + "  'a\x07': {provider: p}\n"):
        report = FORMATS[form](validation_of(text))
        assert all(character.isprintable() or character == "\n" for character in report)


# --- the codes ------------------------------------------------------------------------------------------------


def test_every_code_that_is_used_has_a_meaning_and_a_test() -> None:
    used = {
        code
        for module in (ROOT / "registry").rglob("*.py")
        if module.stem != "reports"
        for code in re.findall(r'"([EW]\d{3})"', module.read_text())
    }
    # What is a fault by the settings of a server has its tests there.
    assert sorted(used) == sorted(CODES) == sorted(["E100", *CASES, "E303", "E304"])


def test_the_table_in_the_documentation_is_the_one_of_the_codes() -> None:
    text = (ROOT / "docs" / "models.md").read_text()
    assert re.findall(r"^\| ([EW]\d{3}) \| (.+) \|$", text, re.MULTILINE) == list(CODES.items())


# --- the verb -------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder with one registry in two files."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "a.yaml").write_text(V + P)
    (tmp_path / "conf" / "b.yaml").write_text(V + "models: {m: {provider: p, pricing: {input: 1, output: 0}}}\n")
    return tmp_path


@pytest.mark.parametrize(
    "arguments", [("conf",), ("conf/*.yaml",), ("conf/a.yaml", "conf/b.yaml"), ("conf", "conf/b.yaml")]
)
@pytest.mark.usefixtures("folder")
def test_all_files_that_are_named_are_one_registry(arguments: tuple[str, ...]) -> None:
    result = run(*arguments)
    assert result.exit_code == 0
    assert result.output.splitlines()[-1] == "0 errors, 1 warning in 2 files: 1 provider, 1 model"
    assert result.output.startswith("conf/b.yaml:2:55: warning[W504]: models.m.pricing.output: ")


@pytest.mark.usefixtures("folder")
def test_a_warning_is_a_fault_when_asked_for() -> None:
    assert run("-W", "error", "conf").exit_code == 1
    assert run("-W", "error", str(ROOT / "models.yaml")).exit_code == 0


@pytest.mark.usefixtures("folder")
def test_one_file_of_two_misses_what_is_in_the_other() -> None:
    result = run("conf/b.yaml")
    assert result.exit_code == 1
    assert "error[E402]" in result.output


@pytest.mark.parametrize("form", list(FORMATS))
@pytest.mark.usefixtures("folder")
def test_the_verb_speaks_every_format(form: str) -> None:
    result = run("--format", form, "conf")
    assert result.exit_code == 0
    assert result.output == FORMATS[form](validate(["conf"])) + "\n"


@pytest.mark.usefixtures("folder")
def test_nothing_to_read_is_a_failure() -> None:
    for arguments in ((), ("none.yaml",), ("conf/*.yml",), ("conf", "none.yaml")):
        result = run(*arguments)
        assert result.exit_code == 1
        assert "No file matches" in result.output


def test_without_arguments_models_yaml_is_read(folder: Path) -> None:
    (folder / "models.yaml").write_text(V + "models: {}\n")
    result = run()
    assert (result.exit_code, result.output) == (0, "0 errors, 0 warnings in models.yaml: 0 providers, 0 models\n")


def test_files_that_cannot_be_read_are_all_told_of_and_nothing_else(folder: Path) -> None:
    for name in ("c.yaml", "d.yaml"):
        (folder / "conf" / name).write_bytes(b"\xff")
    result = run("conf")
    assert result.exit_code == 1
    assert result.output.splitlines() == [
        "conf/c.yaml:1:1: error[E100]: conf/c.yaml is not UTF-8: byte 0 cannot be read.",
        "conf/d.yaml:1:1: error[E100]: conf/d.yaml is not UTF-8: byte 0 cannot be read.",
        "2 errors, 0 warnings in 4 files",
    ]
