"""Live edits as edits of the files: what goes along, what stays out, and that nothing else changes."""

import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from textwrap import dedent
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.entities import BaseEntry, Desired, EntityKey, Leaves, LiveEntry, Policy, Value
from registry.export import Export, export, render_registry
from registry.files.sources import SourceFile
from registry.leaves import document_of, upstream_of
from registry.merge import merge
from registry.outcome import Merged
from registry.schema import parse_files, parse_model
from registry.splicing.patch import render_patch
from registry.splicing.splice import AddRemoved, RemoveEntity, RemoveUpstream, SpliceError

SHIPPED = Path(__file__).parents[2] / "models.yaml"
A, B, C, MADE_LIVE = (EntityKey("model", key) for key in ("a", "b", "c", "made-live"))
HEAD = "version: 1\nproviders: {p: {api_format: openai, api_url: https://p.example/v1}}\n"
Live = dict[EntityKey, dict[str, Value]]


# --- a registry whose files were applied --------------------------------------------------------------


def desired_of(*files: SourceFile) -> Desired:
    parsed = parse_files(files)
    assert parsed.desired is not None, [fault.render() for fault in parsed.faults]
    return parsed.desired


def base_of(desired: Desired) -> dict[EntityKey, BaseEntry]:
    return {entity: BaseEntry(number, stanza.leaves) for number, (entity, stanza) in enumerate(desired.stanzas.items())}


def live_of(desired: Desired) -> Live:
    """What is live right after an apply, for a test to edit."""
    return {
        entity: {path: value for path, value in stanza.leaves.items() if value is not None}
        for entity, stanza in desired.stanzas.items()
    }


def entries(live: Mapping[EntityKey, Leaves]) -> dict[EntityKey, LiveEntry]:
    return {entity: LiveEntry(number, leaves) for number, (entity, leaves) in enumerate(live.items())}


class Case:
    """Files that were applied, and what is live since."""

    def __init__(self, *files: SourceFile) -> None:
        self.files = files
        self.desired = desired_of(*files)
        self.base = base_of(self.desired)
        self.live = live_of(self.desired)

    def export(self, **options: Any) -> Export:
        return export(self.files, self.desired, self.base, entries(self.live), **options)

    def body(self, **options: Any) -> str:
        """The exported text of the one file, without the head."""
        (file,) = self.export(**options).files
        return file.text.removeprefix(HEAD)


def case(body: str, head: str = HEAD) -> Case:
    return Case(SourceFile("models.yaml", head + dedent(body)))


def merged(desired: Desired, base: Mapping[EntityKey, BaseEntry], live: Mapping[EntityKey, Leaves]) -> Merged:
    return merge(desired, base, entries(live), tombstones={}, policy=Policy(on_conflict="defer", adopt=True))


def after(result: Merged) -> dict[EntityKey, Leaves | None]:
    return {outcome.key: outcome.after for outcome in result.entities}


def drift_of(result: Merged) -> list[str]:
    """What the merge calls drift: leaves, and entities that were deleted live."""
    leaves = [f"{outcome.key} {leaf.path}" for outcome in result.entities for leaf in outcome.drift]
    return leaves + [str(outcome.key) for outcome in result.entities if outcome.action == "deleted"]


# --- what goes along ----------------------------------------------------------------------------------


def test_without_drift_the_files_are_the_same_bytes() -> None:
    made = case("models:\n  a: {provider: p}   # a comment\n\n\n")
    made.live[A]["description"] = "the page's own"
    made.live[B] = {"upstreams.default.provider": "p"}
    exported = made.export()
    assert exported == Export(made.files)
    assert exported.files[0] is made.files[0]


def test_a_leaf_that_drifted_is_written_and_one_that_was_never_declared_is_not() -> None:
    made = case("models:\n  a: {provider: p, limits: {timeout: 30s}}   # a\n")
    made.live[A] |= {"limits.timeout": "45s", "description": "the page's own"}
    assert made.body() == "models:\n  a: {provider: p, limits: {timeout: 45s}}   # a\n"


def test_what_belongs_to_the_page_and_what_the_files_own_stay_out() -> None:
    made = case("""\
        ownership: [{fields: [enabled], mode: ui}, {fields: ["limits.*"], mode: yaml}]
        models:
          a: {provider: p, enabled: false, limits: {timeout: 30s}}
        """)
    made.live[A] = {"upstreams.default.provider": "p", "limits.timeout": "45s"}
    exported = made.export()
    assert exported.files == made.files
    assert exported.skipped == ("model/a limits.timeout is owned by the files, which take it back.",)


def test_what_both_sides_changed_is_left_with_a_sentence() -> None:
    made = case("""\
        models:
          a: {provider: p, pricing: {input: 1, output: 2}, description: mine}
          b: {provider: p, description: mine}
        """)
    made.base[A] = BaseEntry(1, {**made.desired.stanzas[A].leaves, "pricing.input": "9.00"})
    made.base[B] = BaseEntry(2, {**made.desired.stanzas[B].leaves, "description": "was"})
    made.live[A] |= {"pricing.input": "9.00", "pricing.output": "3.00", "description": "live"}
    made.live[B] |= {"description": "live"}
    exported = made.export()
    assert "pricing: {input: 1, output: 2}, description: live}" in exported.files[0].text
    assert "b: {provider: p, description: mine}" in exported.files[0].text
    assert exported.skipped == (
        "model/a pricing was changed in the files as well as live: resolve the conflict first.",
        "model/b description was changed in the files as well as live: resolve the conflict first.",
    )


def test_a_price_with_its_tiers_is_one_group_and_goes_whole() -> None:
    made = case("models:\n  a: {provider: p, pricing: {input: 3, output: 15}}   # a\n")
    made.live[A] |= {"pricing.tiers.9.input": "6.00", "pricing.tiers.9.output": "22.50"}
    assert made.export().files == made.files  # nothing that was declared is otherwise
    made.live[A] |= {"pricing.input": "4.00"}
    assert made.body() == (
        "models:\n"
        "  a: {provider: p, pricing: {input: 4.00, output: 15, tiers: {9: {input: 6.00, output: 22.50}}}}   # a\n"
    )


def test_tiers_of_a_first_file_are_a_line_each_lowest_first() -> None:
    tiers = {f"pricing.tiers.{threshold}.{rate}": "5.00" for threshold in (1000000, 9) for rate in ("output", "input")}
    live = {A: LiveEntry(1, {"upstreams.default.provider": "p", "pricing.input": "1", "pricing.output": "2", **tiers})}
    assert dedent("\n".join(render_registry(live).splitlines()[-6:])) == dedent("""\
            pricing:
              input: 1
              output: 2
              tiers:
                9: {input: 5.00, output: 5.00}
                1000000: {input: 5.00, output: 5.00}""")


def test_a_group_goes_whole_so_a_switch_to_free_or_to_a_connection_of_its_own_is_valid() -> None:
    made = case("""\
        models:
          a:
            provider: p
            pricing: {input: 1, output: 2}   # dear
        """)
    made.live[A] = {
        "upstreams.default.api_format": "openai",
        "upstreams.default.api_url": "https://own.example/v1",
        "pricing.free": True,
    }
    assert made.body() == dedent("""\
        models:
          a:
            pricing: {free: true}   # dear
            api_format: openai
            api_url: https://own.example/v1
        """)


def test_an_unset_leaf_loses_its_line_or_says_null_where_a_profile_would_fill_it() -> None:
    made = case("""\
        profiles: {chat: {description: talks, limits: {timeout: 9s}}}
        models:
          a:
            extends: chat
            provider: p
            description: mine
            owned_by: me
        """)
    for path in ("description", "owned_by", "limits.timeout"):
        del made.live[A][path]
    assert made.body() == dedent("""\
        profiles: {chat: {description: talks, limits: {timeout: 9s}}}
        models:
          a:
            extends: chat
            provider: p
            description: null
            limits: {timeout: null}
        """)


def test_what_cannot_be_unset_is_skipped_with_its_group_and_the_rest_goes_along() -> None:
    made = case("""\
        profiles: {x: {pricing: {input: 1, cached_input: 0.5, output: 2}}}
        models:
          a: {extends: x, provider: p, description: mine}
        """)
    del made.live[A]["pricing.cached_input"]
    made.live[A] |= {"pricing.output": "3.00", "description": "live"}
    exported = made.export()
    assert exported.files[0].text.endswith("a: {extends: x, provider: p, description: live}\n")
    assert exported.skipped == (
        "model/a pricing.cached_input: it comes from elsewhere in the files and cannot be null.",
    )


def test_a_set_that_lost_an_element_is_what_it_is_live() -> None:
    made = case("models:\n  a: {provider: p, aliases: [x, y], groups: [g]}\n")
    made.live[A] |= {"aliases": ("new", "y"), "groups": ("g", "page")}
    assert made.body() == "models:\n  a: {provider: p, aliases: [y, new], groups: [g]}\n"


def test_a_model_deleted_live_leaves_the_files_and_is_destroyed_by_them() -> None:
    made = case("models:\n  a: {provider: p}\n  b: {provider: p}\n")
    del made.live[A]
    exported = made.export()
    assert exported.edits == (RemoveEntity(A), AddRemoved("a", destroy=True))
    assert made.body() == "models:\n  b: {provider: p}\n\nremoved:\n  - {id: a, destroy: true}\n"


def test_a_provider_deleted_live_leaves_the_files() -> None:
    made = case("version: 1\nproviders:\n  p: {api_format: openai, api_url: https://p.example/v1}\nmodels: {}\n", "")
    made.live.clear()
    assert made.body() == "version: 1\nproviders: {}\nmodels: {}\n"


def test_a_provider_that_the_files_still_need_is_refused_with_its_place() -> None:
    made = case("models:\n  a: {provider: p}\n")
    del made.live[EntityKey("provider", "p")]
    with pytest.raises(SpliceError, match=r'models.yaml:4: models.a.provider: no provider "p"'):
        made.export()


def test_an_upstream_deleted_live_goes_and_one_that_took_its_place_comes() -> None:
    made = case("""\
        models:
          a:
            provider: p   # who
          b:
            upstreams:
              one: {provider: p}
              two: {provider: p}
        """)
    made.live[A] = {"upstreams.new.provider": "p", "upstreams.new.weight": 5}
    made.live[B] = {"upstreams.one.provider": "p", "upstreams.page.provider": "p"}
    del made.live[B]["upstreams.page.provider"]
    exported = made.export()
    assert RemoveUpstream(A, "default") in exported.edits
    assert made.body() == dedent("""\
        models:
          a:
            upstreams:
              new: {provider: p, weight: 5}
          b:
            upstreams:
              one: {provider: p}
        """)


def test_only_limits_the_export_to_what_it_names() -> None:
    made = case("models:\n  a: {provider: p, description: x}\n  b: {provider: p, description: x}\n")
    made.live[A]["description"] = made.live[B]["description"] = "y"
    assert made.body(only=[B]) == "models:\n  a: {provider: p, description: x}\n  b: {provider: p, description: y}\n"


def test_a_rename_that_is_not_applied_yet_is_found_under_the_old_key() -> None:
    made = case("moved: [{from: old, to: a}]\nmodels:\n  a: {provider: p, description: x, display_name: n}\n")
    old = EntityKey("model", "old")
    made.base[old] = made.base.pop(A)
    made.live[old] = {**made.live.pop(A), "description": "y"}
    assert made.body().endswith("  a: {provider: p, description: y, display_name: n}\n")


# --- adoption -----------------------------------------------------------------------------------------


def test_a_model_made_live_is_adopted_as_it_is_and_defaults_do_not_change_it() -> None:
    made = case("""\
        defaults: {model: {limits: {timeout: 9s}, enabled: false}, upstream: {weight: 7}}
        models:
          a: {provider: p}
        removed: [{id: b, destroy: true}]
        """)
    made.live[B] = {"upstreams.default.provider": "p", "pricing.input": "1.00", "pricing.output": "2.00"}
    assert made.body(adopt=[B]) == dedent("""\
        defaults: {model: {limits: {timeout: 9s}, enabled: false}, upstream: {weight: 7}}
        models:
          a: {provider: p}
          b:
            upstreams:
              default: {provider: p, weight: 100}
            pricing: {input: 1.00, output: 2.00}
            limits: {timeout: null}
            enabled: true
        """)


def test_adoption_of_a_declared_model_adds_what_the_files_do_not_declare() -> None:
    made = case("models:\n  a: {provider: p, tags: [t]}\n")
    made.live[A] |= {"description": "page", "tags": ("t", "u"), "upstreams.spare.provider": "p"}
    assert made.body(adopt=[A]) == (
        "models:\n  a: {upstreams: {default: {provider: p}, spare: {provider: p}}, tags: [t, u], description: page}\n"
    )


def test_what_is_not_live_cannot_be_adopted() -> None:
    made = case("models:\n  a: {provider: p}\n")
    assert made.export(adopt=[C]) == Export(made.files, (), ("model/c is not live.",))


def test_a_model_whose_provider_is_not_in_the_files_is_refused_with_a_sentence() -> None:
    made = case("models:\n  a: {provider: p}\n")
    made.live[B] = {"upstreams.default.provider": "elsewhere"}
    with pytest.raises(SpliceError, match='no provider "elsewhere"'):
        made.export(adopt=[B])


def test_a_first_file_from_live_declares_just_that() -> None:
    live: Live = {
        EntityKey("provider", "q"): {
            "api_format": "openai",
            "api_url": "https://q.example/v1",
            "api_key": "${secret:q}",
            "headers.x-team": "1",
        },
        A: {
            "upstreams.default.provider": "q",
            "pricing.input": "1.00",
            "pricing.output": "2.50",
            "system_prompt.text": "# not a comment\n\n  indented\n",
            "aliases": ("2.5", "on", "plain"),
            "routing.retry_on": ("429", "5xx"),
            "routing.max_attempts": 3,
            "protect": True,
        },
        EntityKey("model", "1.5"): {"upstreams.a.b.provider": "q", "upstreams.a.b.weight": 3, "pricing.free": True},
    }
    text = render_registry(entries(live), source="eu")
    assert live_of(desired_of(SourceFile("models.yaml", text))) == live
    assert "source: eu\n" in text
    assert "   # not in this file: create the secret q where this is applied\n" in text
    assert live_of(desired_of(SourceFile("models.yaml", render_registry({})))) == {}


# --- the shipped file ---------------------------------------------------------------------------------


def test_edits_of_the_shipped_file_touch_their_own_lines_alone() -> None:
    made = case(SHIPPED.read_text(), "")
    priced = [key for key, leaves in made.live.items() if "pricing.output" in leaves]
    for entity in priced:
        made.live[entity]["pricing.output"] = "77.125"
    dead = priced[3]
    del made.live[dead]
    exported = made.export()
    before, now = made.files[0].text.splitlines(), exported.files[0].text.splitlines()
    changed = [line for line in now if line not in before]
    assert len(changed) == len(priced) - 1 + 2
    assert changed[-2:] == ["removed:", f"  - {{id: {dead.key}, destroy: true}}"]
    assert all("output: 77.125" in line for line in changed[:-2])
    assert live_of(desired_of(*exported.files)) == made.live


def test_the_shipped_file_made_anew_from_live_declares_the_same() -> None:
    live = live_of(desired_of(SourceFile("models.yaml", SHIPPED.read_text())))
    assert live_of(desired_of(SourceFile("models.yaml", render_registry(entries(live))))) == live


# --- patches ------------------------------------------------------------------------------------------


def applied(before: SourceFile, now: SourceFile, folder: Path) -> str:
    """What `git apply` makes of the patch from one to the other."""
    patch = render_patch([before], [now])
    path = folder / before.name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(before.text.encode())
    for check in (["--check"], []):
        command = ["git", "-c", "core.autocrlf=false", "apply", "--whitespace=nowarn", *check, "-"]
        subprocess.run(command, input=patch.encode(), cwd=folder, check=True, capture_output=True)
    return path.read_bytes().decode()


@pytest.mark.parametrize("name", ["models.yaml", "registry/a b.yaml", 'registry/"ü\\.yaml'])
@pytest.mark.parametrize(
    ("before", "now"),
    [
        ("a\nb\nc\n", "a\nB\nc\n"),
        ("a\r\nb\r\nc\r\n", "a\r\nB\r\nc\r\nd\r\n"),
        ("a\nb", "a\nc"),
        ("a\nb", "a\nb\n"),
        ("a\nb\n", "a\nb"),
        ("a", ""),
        ("", "a\n"),
        ("\ufeffa\u2028x\x85\nb\rc\n", "\ufeffa\u2028y\x85\nb\rd\n"),
        ("".join(f"{n}\n" for n in range(99)), "".join(f"{n}\n" for n in range(99) if n not in (3, 80))),
    ],
)
def test_git_applies_a_patch_to_the_very_bytes(name: str, before: str, now: str, tmp_path: Path) -> None:
    assert applied(SourceFile(name, before), SourceFile(name, now), tmp_path) == now


def test_equal_files_have_an_empty_patch() -> None:
    files = [SourceFile("a.yaml", "x\n"), SourceFile("b.yaml", "y")]
    assert render_patch(files, files) == ""


# --- random files, random edits -----------------------------------------------------------------------


class Number(str):
    """A price, in its own digits."""


@dataclass(frozen=True)
class Ref:
    """What an alias stands for, with what is merged over it."""

    name: str
    over: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Anchored:
    name: str
    value: Any


Line = tuple[str, str]
"""A line, and the key of the entity that it belongs to; empty for none."""


class Layout:
    """Writes documents as a person might: block or flow, with comments, blank lines, quotes."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.step = random.choice([2, 4])
        self.comments = 0

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def comment(self) -> str:
        self.comments += 1
        return f"# note {self.comments}\twith: [odd {{ *marks &x"

    def scalar(self, value: Any) -> str:
        if isinstance(value, Number):
            return self.random.choice([str(value), str(value), f'"{value}"'])
        if not isinstance(value, str):
            return str(value).lower()
        styles = ['"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"']
        if "\n" not in value:
            styles.append("'" + value.replace("'", "''") + "'")
        if re.fullmatch(r"[a-zA-Z][\w./-]*(:[\w./-]+)*", value) and value not in ("on", "null", "true"):
            styles += [value, value]
        return self.random.choice(styles)

    def key(self, key: str) -> str:
        return self.random.choice([key, key, key, f'"{key}"'])

    def flow(self, value: Any) -> str:
        if isinstance(value, Anchored):
            return f"&{value.name} {self.flow(value.value)}"
        if isinstance(value, Ref):
            below = "".join(f", {key}: {self.flow(item)}" for key, item in value.over.items())
            return f"{{<<: *{value.name}{below}}}" if below else f"*{value.name}"
        if isinstance(value, dict):
            space = self.random.choice(["", " "])
            pairs = ", ".join(f"{self.key(key)}: {self.flow(item)}" for key, item in value.items())
            return f"{{{space}{pairs}{space}}}"
        if isinstance(value, list):
            return (
                "["
                + ", ".join(self.flow(item) for item in value)
                + self.random.choice(["", ","] if value else [""])
                + "]"
            )
        return self.scalar(value)

    def pair(self, key: str, value: Any, indent: int) -> Iterator[str]:
        """The lines of one pair of a block map."""
        space = " " * indent
        if self.chance(0.15):
            yield space + self.comment()
        if self.chance(0.1):
            yield ""
        head, anchor = f"{space}{self.key(key)}:", ""
        if isinstance(value, Anchored):
            anchor, value = f" &{value.name}", value.value
        tail = f"   {self.comment()}" if self.chance(0.2) else ""
        if isinstance(value, dict) and value and self.chance(0.6):
            yield head + anchor + tail
            for below, item in value.items():
                yield from self.pair(below, item, indent + self.step)
        elif isinstance(value, dict) and len(value) > 1 and self.chance(0.2):
            yield f"{head}{anchor} {{{tail}"
            for number, (below, item) in enumerate(value.items()):
                comma = "," if number + 1 < len(value) else self.random.choice(["", ","])
                yield f"{space}{' ' * self.step}{below}: {self.flow(item)}{comma}   {self.comment()}"
            yield f"{space}}}"
        elif isinstance(value, list) and value and self.chance(0.4):
            yield head + anchor + tail
            dash = space + self.random.choice(["", "  "])
            for item in value:
                yield f"{dash}- {self.flow(item)}" + (f" {self.comment()}" if self.chance(0.2) else "")
        elif isinstance(value, Ref) and value.over and self.chance(0.5):
            yield head + anchor + tail
            yield f"{space}{' ' * self.step}<<: *{value.name}"
            for below, item in value.over.items():
                yield from self.pair(below, item, indent + self.step)
        elif self.is_block_text(value) and self.chance(0.5):
            yield f"{head} {'|' if value.endswith(chr(10)) else '|-'}{tail}"
            for line in value.removesuffix("\n").split("\n"):
                yield f"{space}{' ' * self.step}{line}" if line else ""
        else:
            yield f"{head}{anchor} {self.flow(value)}{tail}"

    @staticmethod
    def is_block_text(value: object) -> bool:
        """Whether a block scalar without more ado holds the text."""
        return isinstance(value, str) and re.fullmatch(r"\S[^\r]*\n[^\r]*[^\r\n]\n?", value) is not None

    def section(self, name: str, entities: Mapping[str, Any]) -> Iterator[Line]:
        if not entities or self.chance(0.1):
            yield f"{name}: {self.flow(dict(entities))}", "*"
            return
        yield f"{name}:", "*"
        for key, value in entities.items():
            if self.chance(0.2):
                yield from ((f"{' ' * self.step}{self.comment()}", ""), ("", ""))
            for line in self.pair(key, value, self.step):
                yield line, key


WORDS = [
    "plain",
    "two words",
    "it's",
    'say "so"',
    "on",
    "1.5",
    "a: b",
    "#no",
    "null",
    "~",
    "{x}",
    "ends:",
    "- x",
    "ü ☃",
    "*a",
]
TEXTS = [
    *WORDS,
    "",
    "One.\nTwo.",
    "One.\n\n  indented\n",
    " lead\nx",
    "tab\there\n",
    "end\n\n",
    "trail \nx\n",
    "a\r\nb",
]
PRICES = ["0.125", "1.00", "2.50", "14.00", "999.00", "0.000001"]
LABELS = ["x", "y", "zed", "on", "7", "two words"]


def pricing(random: Random) -> dict[str, Any]:
    if random.random() < 0.15:
        return {"free": True}
    rates = {"input": Number(random.choice(PRICES)), "output": Number(random.choice(PRICES))}
    return rates | ({"cached_input": Number(random.choice(PRICES))} if random.random() < 0.4 else {})


def connection(random: Random) -> dict[str, Any]:
    if random.random() < 0.8:
        found: dict[str, Any] = {"provider": random.choice(["p", "q"])}
    else:
        found = {"api_format": "openai", "api_url": "https://own.example/v1", "api_key": "${env:OWN_API_KEY}"}
    return found | ({"actual_model": random.choice(["m-1", "M/2:x"])} if random.random() < 0.4 else {})


def fragment(random: Random) -> dict[str, Any]:
    """What defaults, profiles and models may all say."""
    some: dict[str, Any] = {
        "pricing": pricing(random),
        "system_prompt": {"text": random.choice(TEXTS), "mode": random.choice(["prepend", "replace"])},
        "limits": {"timeout": random.choice([30, "5m"]), "context_window": 1000},
        "routing": {"max_attempts": random.randint(1, 5), "retry_on": ["429", "5xx"]},
        "description": random.choice(TEXTS),
        "owned_by": "someone",
        "enabled": random.choice([True, False]),
        "tags": random.sample(LABELS, random.randint(0, 3)),
        "groups": random.sample(LABELS, random.randint(1, 3)),
    }
    return {name: some[name] for name in some if random.random() < 0.3}


def document(random: Random, key: str, anchors: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if random.random() < 0.5:
        found["display_name"] = f"name of {key}"
    if random.random() < 0.4:
        found["aliases"] = [f"{key}-{number}" for number in range(random.randint(0, 3))]
    if random.random() < 0.4:
        found["extends"] = random.choice(["chat", ["chat"], ["other", "chat"]])
    if random.random() < 0.6:
        found |= connection(random)
    else:
        upstreams = [connection(random) | {"weight": random.randint(0, 9)} for _ in range(random.randint(1, 3))]
        found["upstreams"] = {f"up.{number}": upstream for number, upstream in enumerate(upstreams)}
    found |= fragment(random)
    if "pricing" in found and "free" not in found["pricing"]:
        if anchors and random.random() < 0.5:
            over = {"output": Number(random.choice(PRICES))} if random.random() < 0.4 else {}
            found["pricing"] = Ref(random.choice(anchors), over)
        elif random.random() < 0.4:
            anchors.append(f"of-{len(anchors)}")
            found["pricing"] = Anchored(anchors[-1], found["pricing"])
    return dict(random.sample(list(found.items()), len(found)))


def registry(random: Random) -> list[Line]:
    """A random file, laid out at random; without a final newline now and then."""
    layout = Layout(random)
    anchors = ["shared"]
    profile_fields = {name: value for name, value in fragment(random).items() if name != "pricing"}
    other = {name: value for name, value in fragment(random).items() if value != {"free": True}}
    provider = {"api_format": "openai", "api_url": "https://p.example/v1", "api_key": "${env:P_API_KEY}"}
    second = {**provider, "headers": {"x-team": "blue", "x.dot": "1"}}
    keys = ["a", "b.1", "c-2", "d"][: random.randint(1, 4)]
    models: dict[str, Any] = {}
    for key in keys:
        models[key] = document(random, key, anchors)
    if random.random() < 0.3:
        models["base"] = Anchored("base", {"provider": "p", "description": "shared", "limits": {"timeout": "9s"}})
        models["heir"] = Ref("base", {"owned_by": "heir"})
    defaults = {name: value for name, value in fragment(random).items() if name not in ("pricing", "tags")}
    lines: list[Line] = [("version: 1", ""), (layout.comment(), "")]
    lines += [(f"x-px: {layout.flow(Anchored('shared', {'input': Number('1.00'), 'output': Number('2.00')}))}", "")]
    lines += [(line, "") for line in layout.pair("defaults", {"model": defaults}, 0)]
    lines += [(line, "") for line in layout.pair("profiles", {"chat": profile_fields, "other": other}, 0)]
    lines += layout.section("providers", {"p": provider, "q": second})
    lines += layout.section("models", models)
    return lines


def edit_live(random: Random, leaves: dict[str, Value], key: str) -> None:
    """One edit of a model as an admin might make it."""
    kind = random.choice(["text", "text", "price", "set", "upstream", "flag", "number"])
    if kind == "text":
        path = random.choice(["description", "system_prompt.text", "display_name", "owned_by"])
        words = TEXTS if path in ("description", "system_prompt.text") else [f"{key}-{word}" for word in WORDS[:8]]
        put(leaves, path, random.choice([None, *words, *words]) or None)
    elif kind == "price":
        for path in [path for path in leaves if path.startswith("pricing.")]:
            if path == "pricing.free" or random.random() < 0.3:
                del leaves[path]
        if random.random() < 0.9:
            leaves |= {f"pricing.{name}": value for name, value in pricing(random).items()}
    elif kind == "set":
        path = random.choice(["aliases", "tags", "groups"])
        have = leaves.get(path)
        kept = [item for item in (have if isinstance(have, tuple) else ()) if random.random() < 0.6]
        new = [f"{key}-new"] if path == "aliases" else random.sample(LABELS, random.randint(0, 2))
        put(leaves, path, tuple(sorted({*kept, *(new if random.random() < 0.6 else [])})) or None)
    elif kind == "upstream":
        edit_upstreams(random, leaves)
    elif kind == "flag":
        put(leaves, "enabled", random.choice([None, False]))
    else:
        put(leaves, "limits.timeout", random.choice([None, "7s", "300s"]))
        put(leaves, "routing.max_attempts", random.choice([None, 2, 7]))


def edit_upstreams(random: Random, leaves: dict[str, Value]) -> None:
    upstreams = sorted({upstream for upstream in map(upstream_of, leaves) if upstream})
    choice = random.choice(["weight", "model", "connection", "add", "remove"])
    name = "added" if choice == "add" else random.choice(upstreams)
    head = f"upstreams.{name}."
    if choice == "weight":
        put(leaves, head + "weight", random.choice([None, 3, 50]))
    elif choice == "model":
        put(leaves, head + "actual_model", random.choice([None, "other", "1.5"]))
    elif choice == "remove" and len(upstreams) > 1:
        for path in [path for path in leaves if path.startswith(head)]:
            del leaves[path]
    elif choice != "remove":
        for path in [path for path in leaves if path.startswith(head)]:
            del leaves[path]
        leaves |= {head + field: value for field, value in connection(random).items()}


def put(leaves: dict[str, Value], path: str, value: Value) -> None:
    leaves.pop(path, None)
    if value is not None:
        leaves[path] = value


def edited(random: Random, live: Live) -> Live:
    """What is live after some edits that the admin API would take."""
    found = {entity: dict(leaves) for entity, leaves in live.items()}
    for entity in list(found):
        if entity.kind == "provider":
            if random.random() < 0.2:
                found[entity]["headers.x-team"] = random.choice(WORDS[:4])
        elif random.random() < 0.15:
            del found[entity]
        elif random.random() < 0.6:
            for _ in range(random.randint(1, 4)):
                trial = dict(found[entity])
                edit_live(random, trial, entity.key)
                valid, _ = parse_model(entity.key, document_of(trial))
                if valid is not None and trial.get("display_name") != entity.key:
                    found[entity] = trial
    if random.random() < 0.3:
        found[MADE_LIVE] = {"upstreams.default.provider": "p", "description": "x\ny\n"}
    return found


def applied_before(random: Random, desired: Desired) -> dict[EntityKey, BaseEntry]:
    """A base that the files have moved on from: some values were others, and some entities were not there."""
    found = {}
    for number, (entity, stanza) in enumerate(desired.stanzas.items()):
        leaves = live_of(desired)[entity]
        for _ in range(random.randint(0, 2) if entity.kind == "model" else 0):
            trial = dict(leaves)
            edit_live(random, trial, entity.key)
            leaves = trial if parse_model(entity.key, document_of(trial))[0] else leaves
        if random.random() < 0.9:
            unset = {path: None for path, value in stanza.leaves.items() if value is None and path not in leaves}
            found[entity] = BaseEntry(number, {**unset, **leaves})
    return found


def written(random: Random, lines: Iterable[Line]) -> tuple[SourceFile, ...]:
    """The lines as a file, or as two; with either line end, some with a byte order mark, some cut short."""
    newline = random.choice(["\n", "\n", "\r\n"])
    mark = random.choice(["", "", "\ufeff"])
    text = [line for line, _ in lines]
    at = next(number for number, line in enumerate(text) if line.startswith("models:"))
    has_anchors = any(" *shared" in line for line in text)
    parts = [text] if has_anchors or random.random() < 0.6 else [text[:at], ["version: 1", *text[at:]]]
    end = "" if text[-1].endswith("}") and random.random() < 0.3 else newline
    return tuple(
        SourceFile(f"{number}.yaml", mark + newline.join(part) + end) for number, part in enumerate(parts, start=1)
    )


def generated(seed: int) -> tuple[Random, list[Line], Case] | None:
    """None where chance wrote what is not valid, such as a free model that inherits rates."""
    random = Random(seed)
    lines = registry(random)
    files = written(random, lines)
    return (random, lines, Case(*files)) if parse_files(files).desired else None


def keeps_lines_of_others(lines: Iterable[Line], exported: Export) -> bool:
    """Whether each line of an entity that was not edited is there still, in order. One with an alias may have got
    what an anchor stood for."""
    touched = {edit.entity.key for edit in exported.edits}
    others = [line for line, owner in lines if owner not in (touched | {"*"} if touched else ())]
    text = "\n".join(file.text.removeprefix("\ufeff").replace("\r\n", "\n") for file in exported.files)
    left = iter(text.split("\n"))
    return all(line in left for line in others if line and " *" not in line)


SEEDS = st.integers(min_value=0, max_value=2**40)


@settings(deadline=None, max_examples=500)
@given(SEEDS)
def test_export_then_sync_clears_drift_leaves_live_alone_and_touches_no_line_of_others(seed: int) -> None:
    made = generated(seed)
    if made is None:
        return
    random, lines, case = made
    assert case.export() == Export(case.files)
    case.live = edited(random, case.live)
    exported = case.export(adopt=[MADE_LIVE] if MADE_LIVE in case.live else [])
    assert keeps_lines_of_others(lines, exported)
    synced = merged(desired_of(*exported.files), case.base, case.live)
    assert not synced.conflicts
    assert {entity: leaves for entity, leaves in after(synced).items() if leaves is not None} == case.live
    if not exported.skipped:
        base = {outcome.key: BaseEntry(1, outcome.base_after) for outcome in synced.entities if outcome.base_after}
        assert drift_of(merged(desired_of(*exported.files), base, case.live)) == []


@settings(deadline=None, max_examples=400)
@given(SEEDS)
def test_export_before_the_files_are_applied_does_not_change_what_that_comes_to(seed: int) -> None:
    made = generated(seed)
    if made is None:
        return
    random, lines, case = made
    case.base = applied_before(random, case.desired)
    live: Live = {
        entity: {path: v for path, v in entry.leaves.items() if v is not None} for entity, entry in case.base.items()
    }
    case.live = edited(random, live)
    exported = case.export()
    assert keeps_lines_of_others(lines, exported)
    expected = merged(case.desired, case.base, case.live)
    synced = merged(desired_of(*exported.files), case.base, case.live)
    assert after(synced).items() <= after(expected).items()
    assert {conflict.address for conflict in synced.conflicts} == {each.address for each in expected.conflicts}
