"""One plan: its text, Markdown, JSON, counts and exit code, its guards, and drift without files."""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.entities import (
    BaseEntry,
    Desired,
    EntityKey,
    Leaves,
    LiveEntry,
    Origin,
    OwnershipRule,
    Policy,
    Stanza,
    Value,
)
from registry.leaves import group_of
from registry.outcome import Action, Conflict, EntityOutcome, LeafKind, LeafOutcome, Merged
from registry.plan import make_plan
from registry.planning.drift import (
    DriftItem,
    drift_as_json,
    drift_exit_code,
    find_drift,
    render_drift,
    without_ignored,
)
from registry.planning.facts import Author, Facts, LastApply
from registry.planning.guards import find_guards
from registry.planning.plan_document import CHANGES, Plan
from registry.planning.render_markdown import CHARACTERS_MAX, code, render_markdown
from registry.planning.render_plan import render_text

GOLDEN = Path(__file__).parent / "golden"
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
ALICE = Author("alice@corp", NOW - timedelta(days=2), None, 60)
BOB = Author("bob@corp", NOW - timedelta(days=1), "EU failover, INC-1234", 61)
KEY = "${file:/run/secrets/bedrock_gw_key}"


def model(key: str) -> EntityKey:
    return EntityKey("model", key)


def provider(key: str) -> EntityKey:
    return EntityKey("provider", key)


def leaf(
    path: str, case: str, kind: LeafKind, base: Value, live: Value, ours: Value, result: Value = None
) -> LeafOutcome:
    return LeafOutcome(path, case, kind, base, live, ours, result, group_of(path))


def facts(**more: Any) -> Facts:
    last = LastApply(57, "sha256:" + "a" * 64, "a81d0e7", 1839, NOW - timedelta(days=2), "carol@corp")
    given: dict[str, Any] = {
        "revision": 61,
        "state_digest": "sha256:" + "5" * 64,
        "last": last,
        "edits_since": 4,
        "authors": {},
        "requests_24h": {},
        "superseded": False,
        "live": {},
        "base": {},
        "now": NOW,
    }
    return Facts(**{**given, **more})


ORIGIN = Origin("sha256:" + "d" * 64, "3f2c9ab", 1842, "bob@corp")


def plan_of(
    *outcomes: EntityOutcome,
    conflicts: tuple[Conflict, ...] = (),
    policy: Policy | None = None,
    desired: Desired | None = None,
    origin: Origin = ORIGIN,
    known: Facts | None = None,
    held: tuple[tuple[EntityKey, str], ...] = (),
    hints: tuple[str, ...] = (),
    is_attended: bool = True,
) -> Plan:
    policy = policy or Policy()
    merged = Merged(outcomes, conflicts, bool(conflicts) and policy.on_conflict == "fail", held, hints)
    desired = desired or Desired("main", {model("kept"): Stanza({})})
    return make_plan(merged, desired, origin, policy, known or facts(), is_attended=is_attended)


def updated(key: EntityKey, before: Leaves, after: Leaves, case: str = "E3") -> EntityOutcome:
    """A plain update: what changed was declared and untouched live."""
    fields = tuple(
        leaf(path, "F7", "update", before.get(path), before.get(path), after.get(path), after.get(path))
        for path in sorted({*before, *after})
        if before.get(path) != after.get(path)
    )
    return EntityOutcome(key, case, "update", 1, fields=fields, before=before, after=after, base_after=after)


def gone(key: EntityKey, action: Action = "tombstone") -> EntityOutcome:
    after = None if action == "tombstone" else {"enabled": False}
    return EntityOutcome(key, "E6", action, 9, before={"enabled": False}, after=after)


# --- one scenario that has everything -----------------------------------------------------------------


def everything(policy: Policy | None = None) -> Plan:
    """What an operator could meet, all in one plan."""
    gateway, main, coder = provider("bedrock-gw"), model("gpt-main"), model("qwen-coder")
    claude, old, lab, mini = model("claude-sonnet"), model("gpt-4o"), model("lab-experiment"), model("gpt-mini")
    spare, ours_now, waiting, image = model("spare"), model("made-live"), model("waiting"), model("image")
    prompt_before = "You are a helpful assistant.\nBe brief.\nNever guess.\n"
    prompt_after = "You are a helpful assistant.\nBe brief and kind.\nNever guess.\n"
    url_before, url_after = "https://old-gw.internal.example/v1", "https://bedrock-gw.internal.example/v1"
    main_before: Leaves = {
        "pricing.input": "1.25",
        "pricing.output": "11.00",
        "limits.timeout": "90s",
        "description": "Default chat model",
        "system_prompt.text": prompt_before,
    }
    main_after: Leaves = {
        "pricing.input": "1.25",
        "pricing.output": "10.00",
        "limits.timeout": "120s",
        "system_prompt.text": prompt_after,
        "tags": ("chat", "fast"),
    }
    coder_after: Leaves = {
        "upstreams.default.provider": "vllm-local",
        "upstreams.default.actual_model": "Qwen/Qwen3-Coder-30B",
        "system_prompt.text": "You are a careful coding assistant.\nShow your work.",
        "pricing.free": True,
    }
    claude_live: Leaves = {
        "limits.timeout": "180s",
        "upstreams.bedrock-eu.provider": "bedrock-gw",
        "upstreams.bedrock-eu.priority": 0,
        "upstreams.bedrock-us.provider": "bedrock-gw",
        "pricing.input": "3.00",
        "pricing.output": "14.00",
    }
    priority = Conflict(
        claude,
        "upstreams.bedrock-eu.priority",
        "both",
        {"upstreams.bedrock-eu.priority": 2},
        {"upstreams.bedrock-eu.priority": 0},
        {"upstreams.bedrock-eu.priority": 1},
    )
    prices = Conflict(
        claude,
        "pricing",
        "group",
        {"pricing.input": "3.00", "pricing.output": "15.00"},
        {"pricing.input": "3.00", "pricing.output": "14.00"},
        {"pricing.input": "2.00", "pricing.output": "15.00"},
    )
    image_conflict = Conflict(
        image, "entity", "deleted-in-ui", {"description": "Images"}, {}, {"description": "Pictures"}
    )
    outcomes = (
        EntityOutcome(
            gateway,
            "E3",
            "update",
            1,
            fields=(leaf("api_url", "F7", "update", url_before, url_before, url_after, url_after),),
            unchanged=2,
            before={"api_url": url_before, "api_key": KEY, "api_format": "openai"},
            after={"api_url": url_after, "api_key": KEY, "api_format": "openai"},
        ),
        EntityOutcome(
            main,
            "E11",
            "rename",
            2,
            moved_from="gpt-5-main",
            fields=(
                leaf("pricing.output", "F7", "update", "11.00", "11.00", "10.00", "10.00"),
                leaf("limits.timeout", "F7", "update", "90s", "90s", "120s", "120s"),
                leaf("description", "F10", "unset", "Default chat model", "Default chat model", None, None),
                leaf("system_prompt.text", "F7", "update", prompt_before, prompt_before, prompt_after, prompt_after),
                leaf("tags", "F2", "set", None, None, ("chat", "fast"), ("chat", "fast")),
                leaf("owned_by", "F8", "converge", "x", "OpenAI", "OpenAI", "OpenAI"),
                leaf("enabled", "F7", "seeded", None, None, False, None),
            ),
            unchanged=13,
            before=main_before,
            after=main_after,
        ),
        EntityOutcome(
            coder,
            "E1",
            "create",
            fields=tuple(leaf(path, "F2", "set", None, None, value, value) for path, value in coder_after.items()),
            after=coder_after,
        ),
        gone(old),
        gone(lab, "release"),
        gone(mini, "orphan"),
        EntityOutcome(
            claude,
            "E3",
            "deferred",
            3,
            fields=(
                leaf("limits.timeout", "F6", "drift", "120s", "180s", "120s", "180s"),
                leaf("upstreams.bedrock-eu.priority", "F9", "both-conflict", 2, 0, 1, 0),
                leaf("pricing.input", "F7", "update", "3.00", "3.00", "2.00", "3.00"),
                leaf("upstreams.direct.provider", "F6", "drift", "anthropic", None, "anthropic", None),
                leaf("upstreams.direct.weight", "F6", "drift", 70, None, 70, None),
            ),
            before=claude_live,
            after=claude_live,
            conflicts=(priority, prices),
        ),
        EntityOutcome(waiting, "E3", "deferred", 4, before={}, after={}, deferred_by=provider("bedrock-gw")),
        EntityOutcome(image, "E5", "deferred", 5, conflicts=(image_conflict,)),
        EntityOutcome(spare, "E4", "deleted", 6),
        EntityOutcome(
            ours_now,
            "E2",
            "adopt",
            7,
            fields=(leaf("description", "F3", "adopt", None, "Made live", "Made live", "Made live"),),
            before={"description": "Made live"},
            after={"description": "Made live"},
        ),
        EntityOutcome(
            model("held"),
            "E3",
            "noop",
            8,
            fields=(leaf("pricing.input", "F7", "held", "1.00", "1.00", "2.00", "1.00"),),
            before={"pricing.input": "1.00"},
            after={"pricing.input": "1.00"},
        ),
    )
    stanzas = {
        gateway: Stanza({}, {"api_url": "models.yaml:44"}, {}, "models.yaml:42"),
        main: Stanza(
            {},
            {"pricing.output": "models.yaml:70", "limits.timeout": "models.yaml:16"},
            {"limits.timeout": "defaults.model"},
            "models.yaml:63",
        ),
        coder: Stanza(coder_after, dict.fromkeys(coder_after, "models.yaml:106"), {}, "models.yaml:105"),
        claude: Stanza(
            {},
            {
                "limits.timeout": "models.yaml:16",
                "upstreams.bedrock-eu.priority": "models.yaml:84",
                "pricing.input": "models.yaml:80",
                "upstreams.direct.provider": "models.yaml:83",
            },
            {},
            "models.yaml:78",
        ),
        image: Stanza({}, {"description": "models.yaml:131"}, {}, "models.yaml:130"),
        spare: Stanza({"description": "Spare"}, {"description": "models.yaml:141"}, {}, "models.yaml:140"),
    }
    desired = Desired(
        "main",
        stanzas,
        moved={"gpt-5-main": "gpt-main"},
        removed={"gpt-4o": True, "lab-experiment": False},
        places={
            "moved/gpt-5-main": "models.yaml:121",
            "removed/gpt-4o": "models.yaml:123",
            "removed/lab-experiment": "models.yaml:124",
        },
    )
    known = facts(
        authors={
            (claude, "limits.timeout"): ALICE,
            (claude, "upstreams.bedrock-eu.priority"): BOB,
            (claude, "pricing.output"): ALICE,
            (claude, "upstreams.direct.provider"): ALICE,
            (claude, "upstreams.direct.weight"): BOB,
            (spare, "description"): BOB,
        },
        requests_24h={"gpt-4o": 1204},
        live={claude: claude_live, main: main_before},
        base={claude: {}, old: {}},
        bound=frozenset({(KEY, "bedrock-gw.internal.example")}),
    )
    return plan_of(
        *outcomes,
        conflicts=(priority, prices, image_conflict),
        desired=desired,
        known=known,
        policy=policy or Policy(ignore_hold=True),
        held=((model("held"), "pricing.input"),),
        hints=("model/gpt-mini left the files and model/qwen-coder is new; write `moved` if it was renamed",),
    )


def check_golden(name: str, text: str) -> None:
    """The text is what the golden file says; UPDATE_GOLDEN=1 writes it instead."""
    path = GOLDEN / name
    if os.environ.get("UPDATE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert text == path.read_text()


def test_text_of_everything_is_the_golden_one() -> None:
    check_golden("everything.txt", render_text(everything()) + "\n")


def test_markdown_of_everything_is_the_golden_one() -> None:
    check_golden("everything.md", render_markdown(everything()))


def test_json_of_everything_is_the_golden_one() -> None:
    check_golden("everything.json", json.dumps(everything().as_json(), indent=1, ensure_ascii=False) + "\n")


def test_a_plan_that_came_by_json_renders_the_same() -> None:
    plan = everything()
    read = Plan.from_json(json.loads(json.dumps(plan.as_json())))
    assert read == plan
    assert (render_text(read), render_markdown(read), read.as_json()) == (
        render_text(plan),
        render_markdown(plan),
        plan.as_json(),
    )


@pytest.mark.parametrize("document", [{}, {"format": 2}, {"format": 1}, {"format": 1, "source": None, "against": 5}])
def test_what_is_no_plan_is_refused_with_a_sentence(document: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="not a plan of format 1"):
        Plan.from_json(document)


def test_references_are_shown_as_references_and_literal_keys_never() -> None:
    headers = {"headers.x-team": "Bearer abcdef0123456789", "headers.x-key": "${env:UPSTREAM_KEY}"}
    after: Leaves = {"api_key": KEY, **headers}
    plan = plan_of(
        EntityOutcome(
            provider("p"),
            "E1",
            "create",
            fields=tuple(leaf(path, "F2", "set", None, None, value, value) for path, value in after.items()),
            after=after,
        )
    )
    for text in (render_text(plan), render_markdown(plan)):
        assert KEY in text and "${env:UPSTREAM_KEY}" in text
        assert "abcdef0123456789" not in text and "redacted" in text


def test_a_conflict_names_both_values_and_both_authors() -> None:
    text = render_text(everything())
    about = text[text.index('x model "claude-sonnet"   upstreams.bedrock-eu.priority') :].split("\n  x ")[0]
    assert "models.yaml:84" in about
    assert "base 2 | yaml 1 | live 0" in about
    assert "yaml by bob@corp @ 3f2c9ab" in about
    assert 'live by bob@corp, 2026-11-22 12:00 UTC, revision 61, "EU failover, INC-1234"' in about
    assert "--resolve model.claude-sonnet/upstreams.bedrock-eu.priority=yaml   (1)" in about
    assert "--resolve model.claude-sonnet/upstreams.bedrock-eu.priority=live   (0)" in about


def test_a_rename_that_waits_keeps_the_place_and_the_author_of_its_conflict() -> None:
    """Its outcome has the old key, its conflict the new one."""
    old, new = model("old"), model("new")
    conflict = Conflict(new, "description", "both", {"description": "a"}, {"description": "b"}, {"description": "c"})
    outcome = EntityOutcome(old, "E11", "deferred", 1, before={}, after={}, conflicts=(conflict,))
    desired = Desired("main", {new: Stanza({}, {"description": "models.yaml:7"}, {}, "models.yaml:5")})
    plan = plan_of(outcome, conflicts=(conflict,), desired=desired, known=facts(authors={(old, "description"): ALICE}))
    assert (plan.conflicts[0].location, plan.conflicts[0].live_author) == ("models.yaml:7", ALICE)


def test_the_fingerprint_is_of_the_files_the_revision_and_the_policy() -> None:
    plan = everything()
    others = (
        replace(plan, origin=replace(ORIGIN, digest="sha256:other")),
        replace(plan, revision=62),
        replace(plan, policy=Policy(prune=True)),
        replace(plan, policy=Policy(resolutions={"model.a/pricing": "yaml"})),
    )
    assert len({plan.fingerprint, *(other.fingerprint for other in others)}) == 5
    assert replace(plan, at=NOW + timedelta(days=1), hints=()).fingerprint == plan.fingerprint


def test_long_prompts_show_twelve_lines_of_their_diff() -> None:
    before, after = ("\n".join(f"{word} {n}" for n in range(40)) for word in ("old", "new"))
    plan = plan_of(updated(model("m"), {"system_prompt.text": before}, {"system_prompt.text": after}))
    shown = [line for line in render_text(plan).splitlines() if line.startswith("          ")]
    assert len(shown) == 12
    assert shown[-1].strip() == "... 70 more lines"


# --- counts, exit code --------------------------------------------------------------------------------

PENDING = updated(model("changed"), {"description": "a"}, {"description": "b"})
CONFLICT = Conflict(model("c"), "description", "both", {"description": "a"}, {"description": "b"}, {"description": "c"})
IN_CONFLICT = EntityOutcome(model("c"), "E3", "deferred", 3, before={}, after={}, conflicts=(CONFLICT,))
DRIFTED = EntityOutcome(
    model("d"),
    "E3",
    "noop",
    4,
    fields=(leaf("description", "F6", "drift", "a", "b", "a", "b"),),
    before={"description": "b"},
    after={"description": "b"},
)
STALE = replace(ORIGIN, seq=1)


@pytest.mark.parametrize(
    ("outcomes", "origin", "code"),
    [
        ((), ORIGIN, 0),
        ((DRIFTED,), ORIGIN, 0),
        ((PENDING,), ORIGIN, 2),
        ((PENDING, DRIFTED), ORIGIN, 2),
        ((IN_CONFLICT,), ORIGIN, 3),
        ((PENDING, IN_CONFLICT, DRIFTED), ORIGIN, 3),
        ((PENDING, IN_CONFLICT), STALE, 4),
        ((), STALE, 4),
    ],
)
def test_a_guard_outranks_a_conflict_outranks_a_change_and_drift_is_nothing(
    outcomes: tuple[EntityOutcome, ...], origin: Origin, code: int
) -> None:
    conflicts = tuple(conflict for outcome in outcomes for conflict in outcome.conflicts)
    plan = plan_of(*outcomes, conflicts=conflicts, origin=origin)
    assert plan.exit_code == code
    assert render_text(plan).splitlines()[-1].startswith(f"Exit code {code}:")
    assert f"Exit code {code}:" in render_markdown(plan)
    assert plan.as_json()["exit"] == code


def test_a_deferred_conflict_exits_with_3_and_lets_the_rest_through() -> None:
    plan = plan_of(PENDING, IN_CONFLICT, conflicts=(CONFLICT,), policy=Policy(on_conflict="defer"))
    assert (plan.exit_code, plan.is_refused, plan.counts["defer"]) == (3, False, 1)
    assert "1 conflict left for later: apply would change the rest." in render_text(plan)


@pytest.mark.parametrize(
    ("kind", "case", "is_pending"),
    [
        ("adopt", "F3", True),
        ("converge", "F8", True),
        ("release", "F11", True),
        ("keep", "F9", True),
        ("drift", "F6", False),
        ("held", "F7", False),
    ],
)
def test_what_only_the_base_learns_is_pending_too(kind: LeafKind, case: str, is_pending: bool) -> None:
    fields = (leaf("description", case, kind, "a", "b", "b", "b"),)
    live: Leaves = {"description": "b"}
    plan = plan_of(EntityOutcome(model("m"), "E3", "noop", 1, fields=fields, before=live, after=live))
    assert plan.exit_code == (2 if is_pending else 0)
    assert plan.counts["record"] == int(is_pending)


def test_a_seeded_field_is_told_once_when_the_file_changes_it() -> None:
    changed, known = (leaf("enabled", "F7", "seeded", base, None, False) for base in (None, False))
    for field, count in ((changed, 1), (known, 0)):
        outcome = EntityOutcome(model("m"), "E3", "noop", 1, fields=(field,), before={}, after={})
        assert plan_of(outcome).counts["record"] == count
        assert render_text(plan_of(outcome)).count("has no effect (owned by ui)") == count


def numbers_in(text: str) -> dict[str, int]:
    """What the summary line counts."""
    line = next(line for line in text.splitlines() if "lan: " in line)
    found = {word: int(count) for count, word in re.findall(r"(\d+) to (\w+)", line)}
    patterns = {"drift": r"(\d+) live edits? kept", "held": r"(\d+) held", "conflict": r"(\d+) conflict"}
    for name, pattern in {**patterns, "defer": r"(\d+) deferred"}.items():
        if match := re.search(pattern, line):
            found[name] = int(match[1])
    return found


ACTIONS: tuple[Action, ...] = (
    "create",
    "restore",
    "update",
    "rename",
    "noop",
    "tombstone",
    "release",
    "orphan",
    "forget",
    "adopt",
    "deleted",
    "deferred",
)
KINDS: tuple[LeafKind, ...] = (
    "set",
    "adopt",
    "claim-conflict",
    "drift",
    "update",
    "converge",
    "both-conflict",
    "unset",
    "release",
    "revert",
    "keep",
    "seeded",
    "held",
)
HOSTILE = st.text(st.characters(codec="utf-8"), max_size=30) | st.sampled_from(
    ["\x1b[2J", "`code`", "a|b", "a\\|b", "``", "<img src=x>", "@everyone", "</details>", "\n# head", "\u202e", " ", ""]
)
VALUES: st.SearchStrategy[Value] = (
    st.none() | st.booleans() | st.integers(-9, 9) | HOSTILE | st.lists(HOSTILE, max_size=3).map(tuple)
)
PATHS = st.sampled_from(
    ["description", "system_prompt.text", "upstreams.default.provider", "upstreams.eu.west.weight", "enabled", "tags"]
)
LEAVES = st.builds(
    LeafOutcome,
    path=PATHS,
    case=st.just("F7"),
    kind=st.sampled_from(KINDS),
    base=VALUES,
    live=VALUES,
    ours=VALUES,
    result=VALUES,
    group=PATHS,
)
SIDES = st.dictionaries(PATHS, VALUES, max_size=3)
ENTITIES = st.builds(EntityKey, st.sampled_from(["provider", "model"]), st.sampled_from("abc") | HOSTILE)
CONFLICTS = st.builds(
    Conflict,
    entity=ENTITIES,
    group=PATHS | st.just("entity"),
    kind=st.sampled_from(["claim", "both", "group", "deleted-in-ui", "prune-of-modified", "unadopted"]),
    base=SIDES,
    live=SIDES,
    ours=SIDES,
)
OUTCOMES = st.builds(
    EntityOutcome,
    key=ENTITIES,
    case=st.sampled_from(["E3", "E5"]),
    action=st.sampled_from(ACTIONS),
    entity_id=st.none() | st.integers(1, 9),
    fields=st.lists(LEAVES, max_size=4).map(tuple),
    unchanged=st.integers(0, 3),
    before=st.none() | SIDES,
    after=st.none() | SIDES,
    conflicts=st.lists(CONFLICTS, max_size=2).map(tuple),
    deferred_by=st.none() | ENTITIES,
)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Any plan at all, also such as no merge makes, with the worst of texts."""
    outcomes = draw(st.lists(OUTCOMES, max_size=4))
    author = Author(draw(HOSTILE), NOW, draw(st.none() | HOSTILE), 3)
    authors = {(outcome.key, field.path): author for outcome in outcomes for field in outcome.fields}
    held = tuple((outcome.key, field.path) for outcome in outcomes for field in outcome.fields if field.kind == "held")
    return plan_of(
        *outcomes,
        conflicts=tuple(conflict for outcome in outcomes for conflict in outcome.conflicts),
        origin=Origin(draw(HOSTILE), draw(HOSTILE), draw(st.none() | st.integers(0, 9)), draw(HOSTILE)),
        policy=Policy(on_conflict=draw(st.sampled_from(["fail", "defer"]))),
        known=facts(authors=authors, last=None),
        held=held,
        hints=tuple(draw(st.lists(HOSTILE, max_size=2))),
    )


@settings(max_examples=150, deadline=None)
@given(plans())
def test_text_counts_and_exit_code_follow_from_one_plan(plan: Plan) -> None:
    read = Plan.from_json(json.loads(json.dumps(plan.as_json())))
    assert read == plan
    text = render_text(read)
    counted = {name: count for name, count in plan.counts.items() if count and name != "guard"}
    assert numbers_in(text) == numbers_in(render_markdown(plan)) == counted
    assert text.splitlines()[-1].startswith(f"Exit code {plan.exit_code}:")
    assert (plan.exit_code == 0) == (not any(plan.counts[name] for name in (*CHANGES, "conflict", "guard")))
    assert text.count("\n  ! ") == plan.counts["drift"]
    assert len(re.findall(r"^  = ", text, re.MULTILINE)) == plan.counts["held"]
    assert text.count("Refused (") == plan.counts["guard"]


@settings(max_examples=150, deadline=None)
@given(plans())
def test_no_text_in_a_plan_acts_on_a_terminal(plan: Plan) -> None:
    for text in (render_text(plan), render_markdown(plan)):
        assert all(character.isprintable() or character in "\n\t" for character in text)


def outside_code(markdown: str) -> str:
    """What a reader of Markdown sees as markup: all but fenced blocks and code, which ends where it began."""
    without_fences = re.sub(r"(?ms)^(`{3,})diff\n.*?^\1$", "", markdown)
    without_code = re.sub(r"<code>[A-Za-z0-9 &#;]*</code>", "", without_fences)
    return re.sub(r"`[^`\n]+`", "", without_code)


@settings(max_examples=150, deadline=None)
@given(plans())
def test_no_text_in_a_plan_leaves_its_code_in_markdown(plan: Plan) -> None:
    rest = outside_code(render_markdown(plan))
    assert "`" not in rest and "@" not in rest and "\\" not in rest
    assert set(re.findall(r"<[^>]*>?", rest)) <= {"<details>", "</details>", "<summary>", "</summary>"}
    assert rest.count("<details>") == rest.count("</details>")
    for line in rest.splitlines():
        assert not line.startswith("|") or line.count("|") in (5, 6)


@pytest.mark.parametrize("text", ["a|b", "`", "``x``", "a\\|b", "", "  ", "\x1b[2J"])
def test_code_holds_any_text_on_one_line_without_a_pipe_or_a_backtick_of_its_own(text: str) -> None:
    written = code(text)
    assert "|" not in written and "\n" not in written and "\x1b" not in written
    assert re.fullmatch(r"`[^`]+`|<code>[^<>`]*</code>", written)


def test_a_comment_is_cut_at_a_line_and_says_so() -> None:
    many = [
        updated(model(f"m-{number}"), {"description": "a" * 150}, {"description": "b" * 150}) for number in range(400)
    ]
    markdown = render_markdown(plan_of(*many))
    assert CHARACTERS_MAX - 2_000 < len(markdown) <= CHARACTERS_MAX
    assert markdown.startswith("### Registry plan: 400 to update.")
    assert markdown.splitlines()[-1].startswith("Cut here:")


def test_a_cut_section_is_closed() -> None:
    drifted = [replace(DRIFTED, key=model(f"drifted-{number}")) for number in range(3_000)]
    markdown = render_markdown(plan_of(*drifted))
    assert len(markdown) <= CHARACTERS_MAX
    assert markdown.count("<details>") == markdown.count("</details>") == 1
    assert markdown.index("</details>") < markdown.index("Cut here:")


# --- guards -------------------------------------------------------------------------------------------


def guard_codes(plan: Plan) -> list[str]:
    return [guard.code for guard in plan.guards]


def prunes(count: int, managed: int, removed: Mapping[str, bool] | None = None, **policy: Any) -> Plan:
    """A plan that would prune the first of the managed models."""
    keys = [model(f"m{number:03}") for number in range(managed)]
    outcomes = [gone(key) for key in keys[:count]]
    declared = {key: Stanza({}) for key in keys[count:]} or {model("new"): Stanza({})}
    sides: dict[EntityKey, Leaves] = {key: {"description": "x"} for key in keys}
    desired = Desired("main", declared, removed=removed or {})
    return plan_of(*outcomes, desired=desired, policy=Policy(**policy), known=facts(live=sides, base=sides))


@pytest.mark.parametrize(
    ("count", "managed", "is_refused"), [(3, 3, False), (4, 4, True), (4, 13, True), (4, 14, False), (31, 100, True)]
)
def test_more_than_three_and_more_than_30_percent_is_a_mass_prune(count: int, managed: int, is_refused: bool) -> None:
    assert ("mass-prune" in guard_codes(prunes(count, managed))) == is_refused
    assert guard_codes(prunes(count, managed, allow_mass_prune=True)) == []


def test_a_removal_that_the_files_name_is_no_mass_prune() -> None:
    assert guard_codes(prunes(4, 5)) == ["mass-prune"]
    assert guard_codes(prunes(4, 5, removed={"m000": True})) == []
    message = prunes(4, 5).guards[0].message
    assert "4 of 5 managed models" in message and "--allow-mass-prune" in message


def test_files_without_a_model_are_refused_while_models_came_from_them() -> None:
    managed = facts(live={model("a"): {}, model("b"): {}}, base={model("a"): {}, provider("p"): {}})
    no_model = Desired("main", {provider("p"): Stanza({})})
    refused = plan_of(desired=no_model, known=managed)
    assert (guard_codes(refused), refused.exit_code) == (["empty"], 4)
    assert refused.guards[0].entities == (model("a"),)
    assert guard_codes(plan_of(desired=no_model, known=managed, policy=Policy(allow_empty=True))) == []
    assert guard_codes(plan_of(desired=no_model, known=facts(live={model("b"): {}}))) == []


@pytest.mark.parametrize(
    ("before", "after", "jump"),
    [
        ({"pricing.input": "1.00"}, {"pricing.input": "1.50"}, None),
        ({"pricing.input": "1.00"}, {"pricing.input": "0.50"}, None),
        ({"pricing.input": "1.00"}, {"pricing.input": "1.51"}, "pricing.input 1.00 -> 1.51 (+51.0 %)"),
        ({"pricing.input": "1.00"}, {"pricing.input": "0.49"}, "pricing.input 1.00 -> 0.49 (-51.0 %)"),
        ({"pricing.input": "0"}, {"pricing.input": "0.01"}, "pricing.input 0 -> 0.01 (from zero)"),
        ({"pricing.input": "0.01"}, {"pricing.input": "0"}, "pricing.input 0.01 -> 0 (-100.0 %)"),
        ({"pricing.input": "1.00"}, {"pricing.free": True}, "becomes free"),
        ({"pricing.free": True}, {"pricing.input": "1.00"}, "is free no more"),
        ({"pricing.free": True}, {"pricing.free": True}, None),
        ({"pricing.input": "1.00"}, {}, "loses its price"),
        ({}, {"pricing.input": "9.00"}, None),
        (
            {"pricing.input": "1.00", "pricing.cached_input": "0.10"},
            {"pricing.input": "1.00"},
            "pricing.cached_input 0.10 -> 1.00 (+900.0 %)",
        ),
        ({"pricing.input": "1.00"}, {"pricing.input": "1.00", "pricing.cached_input": "0.10"}, None),
        ({"pricing.input": "1.00"}, {"pricing.input": "1.00", "pricing.cache_write": "1.25"}, None),
        (
            {"pricing.input": "1.00"},
            {"pricing.input": "1.00", "pricing.cache_write": "99.00"},
            "pricing.cache_write 1.00 -> 99.00 (+9800.0 %)",
        ),
        ({"pricing.input": "1.00"}, {"pricing.input": "2.00"}, "pricing.input 1.00 -> 2.00 (+100.0 %)"),
        (
            {"pricing.input": "1.00", "pricing.tiers.9.input": "2.00"},
            {"pricing.input": "1.00", "pricing.tiers.9.input": "3.01"},
            "pricing.tiers.9.input 2.00 -> 3.01 (+50.5 %)",
        ),
        (
            {"pricing.input": "1.00", "pricing.tiers.9.input": "2.00"},
            {"pricing.input": "1.00", "pricing.tiers.9.input": "3.00"},
            None,
        ),
        (
            {"pricing.input": "1.00"},
            {"pricing.input": "1.00", "pricing.tiers.9.input": "2.00"},
            "pricing.tiers.9.input 1.00 -> 2.00 (+100.0 %)",
        ),
        (
            {"pricing.input": "1.00", "pricing.tiers.9.input": "3.00"},
            {"pricing.input": "1.00"},
            "pricing.tiers.9.input 3.00 -> 1.00 (-66.7 %)",
        ),
        (
            {"pricing.input": "1.00", "pricing.tiers.9.input": "2.00"},
            {"pricing.input": "1.00", "pricing.tiers.20.input": "2.00"},
            None,
        ),
    ],
)
def test_a_price_jumps_by_more_than_half_or_to_or_from_nothing(before: Leaves, after: Leaves, jump: str | None) -> None:
    outcome = updated(model("m"), before, after)
    guards = plan_of(outcome).guards
    assert [f"model/m {jump};" in guard.message for guard in guards] == ([] if jump is None else [True])
    assert guard_codes(plan_of(outcome, policy=Policy(allow_price_jump=True))) == []


ENV = "${env:ONE_API_KEY}"
AT_HOME: Leaves = {"api_format": "openai", "api_url": "https://one.example/v1", "api_key": ENV}
ELSEWHERE: Leaves = {**AT_HOME, "api_url": "https://evil.example/v1"}
INLINE: Leaves = {f"upstreams.default.{path}": value for path, value in ELSEWHERE.items()}
IN_A_HEADER: Leaves = {"api_format": "openai", "api_url": "https://evil.example/v1", "headers.x-auth": ENV}
KEPT: Leaves = {**ELSEWHERE, "api_key": "${secret:provider.one}"}
ONE = provider("one")


@pytest.mark.parametrize(
    ("outcome", "is_asked"),
    [
        (updated(ONE, AT_HOME, ELSEWHERE), True),
        (updated(ONE, AT_HOME, {**AT_HOME, "api_url": "https://one.example:8443/v1"}), True),
        (updated(ONE, AT_HOME, {**AT_HOME, "api_key": "${env:TWO_API_KEY}"}), True),
        (updated(ONE, AT_HOME, {**AT_HOME, "api_url": "https://ONE.example/v2"}), False),
        (updated(ONE, AT_HOME, KEPT), False),
        (updated(ONE, AT_HOME, IN_A_HEADER), True),
        (EntityOutcome(provider("two"), "E1", "create", after=ELSEWHERE, base_after=ELSEWHERE), True),
        (EntityOutcome(provider("two"), "E1", "create", after=AT_HOME, base_after=AT_HOME), False),
        (EntityOutcome(model("m"), "E1", "create", after=INLINE, base_after=INLINE), True),
        # Live stays, and the files are known to say it: a later apply could put it in force.
        (EntityOutcome(ONE, "E3", "noop", 1, before=AT_HOME, after=AT_HOME, base_after=ELSEWHERE), True),
    ],
    ids=["host", "port", "variable", "path", "kept", "header", "new", "known", "inline", "base"],
)
def test_a_key_goes_to_a_new_host_only_when_that_is_meant(outcome: EntityOutcome, is_asked: bool) -> None:
    known = facts(live={ONE: AT_HOME})
    plan = plan_of(outcome, known=known)
    assert guard_codes(plan) == (["new-host"] if is_asked else [])
    assert guard_codes(plan_of(outcome, known=facts(base={ONE: AT_HOME}))) == guard_codes(plan)
    assert guard_codes(plan_of(outcome, known=known, policy=Policy(allow_new_host=True))) == []
    assert guard_codes(plan_of(outcome, known=known, is_attended=False)) == []
    if is_asked:
        assert (plan.exit_code, plan.guards[0].entities) == (4, (outcome.key,))
        pairs = {(ENV, "evil.example"), (ENV, "one.example:8443"), ("${env:TWO_API_KEY}", "one.example")}
        assert guard_codes(plan_of(outcome, known=facts(live={ONE: AT_HOME}, bound=frozenset(pairs)))) == []


def test_the_very_first_files_bring_their_hosts_along_and_take_none_over() -> None:
    created = EntityOutcome(provider("two"), "E1", "create", after=ELSEWHERE, base_after=ELSEWHERE)
    taken_over = EntityOutcome(ONE, "E2", "adopt", 1, before=AT_HOME, after=ELSEWHERE, base_after=ELSEWHERE)
    known = facts(live={ONE: AT_HOME}, is_first=True)
    assert guard_codes(plan_of(created, known=known)) == []
    assert guard_codes(plan_of(taken_over, known=known)) == ["new-host"]


def test_the_first_price_of_a_model_is_no_jump() -> None:
    after: Leaves = {"pricing.input": "99.00", "pricing.output": "99.00"}
    created = EntityOutcome(model("m"), "E1", "create", after=after)
    assert guard_codes(plan_of(created)) == []


@pytest.mark.parametrize(
    ("seq", "last_seq", "superseded", "is_stale"),
    [
        (1838, 1839, False, True),
        (1839, 1839, False, False),
        (1840, 1839, True, False),
        (None, None, False, False),
        (None, None, True, True),
        (None, 1839, True, True),
        (1838, None, False, False),
    ],
)
def test_older_files_are_stale_by_number_or_by_having_been_replaced(
    seq: int | None, last_seq: int | None, superseded: bool, is_stale: bool
) -> None:
    last = facts().last
    assert last is not None
    known = facts(last=replace(last, seq=last_seq), superseded=superseded)
    origin = replace(ORIGIN, seq=seq)
    assert guard_codes(plan_of(origin=origin, known=known)) == (["stale"] if is_stale else [])
    assert guard_codes(plan_of(origin=origin, known=known, policy=Policy(allow_stale=True))) == []


@pytest.mark.parametrize("side", ["live", "base"])
@pytest.mark.parametrize("removed", [{}, {"m": True}], ids=["pruned", "named"])
def test_what_is_protected_on_either_side_is_not_removed_by_any_flag(side: str, removed: dict[str, bool]) -> None:
    every_flag = Policy(
        allow_mass_prune=True, allow_empty=True, allow_price_jump=True, allow_stale=True, ignore_hold=True
    )
    desired = Desired("main", {model("kept"): Stanza({})}, removed=removed)
    known = facts(**{side: {model("m"): {"protect": True}}})
    plan = plan_of(gone(model("m")), desired=desired, known=known, policy=every_flag)
    assert (guard_codes(plan), plan.guards[0].flag) == (["protected"], None)
    assert guard_codes(plan_of(gone(model("m"), "orphan"), desired=desired, known=known)) == []


def test_a_hold_stops_who_asked_and_not_a_sync() -> None:
    held = ((model("m"), "pricing.input"), (model("n"), ""))
    assert guard_codes(plan_of(held=held)) == ["held"]
    assert "model/m pricing.input, model/n" in plan_of(held=held).guards[0].message
    assert "all of it" in render_text(plan_of(held=held))
    assert guard_codes(plan_of(held=held, is_attended=False)) == []
    assert guard_codes(plan_of(held=held, policy=Policy(ignore_hold=True))) == []


def test_every_message_of_a_guard_ends_with_the_way_out() -> None:
    jump = updated(model("m"), {"pricing.input": "1.00"}, {"pricing.input": "9.00"})
    known = facts(live={model("a"): {"protect": True}}, base={model("a"): {}}, superseded=True)
    merged = Merged((jump, gone(model("a"))), held=((model("h"), "description"),))
    guards = find_guards(merged, Desired("main", {}), Policy(), known, STALE, is_attended=True)
    assert [guard.code for guard in guards] == ["stale", "empty", "protected", "price-jump", "held"]
    assert all((guard.flag or "in an apply of its own") in guard.message for guard in guards)


# --- drift without files ------------------------------------------------------------------------------


def base_entry(leaves: Leaves) -> BaseEntry:
    return BaseEntry(1, leaves, {path: f"models.yaml:{10 + line}" for line, path in enumerate(leaves)})


def drift_of(declared: Leaves, live: Leaves | None, *rules: OwnershipRule) -> list[str]:
    entity = model("m")
    here = {} if live is None else {entity: LiveEntry(1, live)}
    return [item.address for item in find_drift(rules, {entity: base_entry(declared)}, here, {})]


def test_drift_is_what_was_declared_and_is_otherwise_live() -> None:
    assert drift_of({"description": "a"}, {"description": "a", "owned_by": "x"}) == []
    assert drift_of({"description": "a"}, {"description": "b"}) == ["model/m.description"]
    assert drift_of({"description": "a"}, {}) == ["model/m.description"]
    assert drift_of({"description": None}, {"description": "b"}) == ["model/m.description"]
    assert drift_of({"description": None}, {}) == []


def test_a_set_drifts_by_what_is_missing_from_it_only() -> None:
    assert drift_of({"tags": ("a", "b")}, {"tags": ("a", "b", "c")}) == []
    assert drift_of({"tags": ("a", "b")}, {"tags": ("b", "c")}) == ["model/m.tags"]
    assert drift_of({"tags": ("a",)}, {}) == ["model/m.tags"]


def test_what_is_deleted_live_is_one_item() -> None:
    upstreams: Leaves = {
        "upstreams.eu.west.provider": "p",
        "upstreams.eu.west.weight": 70,
        "upstreams.us.provider": "p",
    }
    assert drift_of(upstreams, {"upstreams.us.provider": "p"}) == ["model/m.upstreams.eu.west"]
    assert drift_of(upstreams, None) == ["model/m"]


def test_fields_of_the_page_do_not_drift() -> None:
    rule = OwnershipRule(("enabled", "limits.*"), "ui")
    live: Leaves = {"enabled": False, "limits.timeout": "9s", "description": "b"}
    declared: Leaves = {"enabled": None, "limits.timeout": "5s", "description": "a"}
    assert drift_of(declared, live, rule) == ["model/m.description"]


@pytest.mark.parametrize(
    ("globs", "left"),
    [
        ([], ["model/a.api_url", "model/a.limits.timeout", "model/b"]),
        (["model/a"], ["model/b"]),
        (["model/*"], []),
        (["model/a.limits.*"], ["model/a.api_url", "model/b"]),
        (["model/a.api_url", "model/b"], ["model/a.limits.timeout"]),
        (["model/a.upstreams.default.api_url"], ["model/a.limits.timeout", "model/b"]),
        (["*.timeout"], ["model/a.api_url", "model/b"]),
    ],
)
def test_drift_is_ignored_by_globs_of_entities_and_paths(globs: list[str], left: list[str]) -> None:
    items = (
        DriftItem(model("a"), "upstreams.default.api_url", "https://a.example", "https://b.example"),
        DriftItem(model("a"), "limits.timeout", "1s", "2s"),
        DriftItem(model("b"), "", None, None, is_deleted=True),
    )
    found = without_ignored(items, globs)
    assert [item.address for item in found] == left
    assert drift_exit_code(found) == (2 if left else 0)


def test_drift_says_who_when_and_where_as_text_and_as_json() -> None:
    entity = model("claude-sonnet")
    declared, live = {"limits.timeout": "120s"}, {"limits.timeout": "180s"}
    authors = {(entity, "limits.timeout"): BOB}
    items = find_drift((), {entity: base_entry(declared)}, {entity: LiveEntry(1, live)}, authors)
    text = render_drift(items)
    assert 'model "claude-sonnet"   limits.timeout   yaml 120s | live 180s' in text
    assert "models.yaml:10" in text and 'bob@corp, 2026-11-22 12:00 UTC, revision 61, "EU failover, INC-1234"' in text
    assert text.splitlines()[-1].endswith("Exit code 2: drift.")
    document = json.loads(json.dumps(drift_as_json(items)))
    assert document["exit"] == 2
    assert [DriftItem.from_json(item) for item in document["drift"]] == list(items)
    assert render_drift(()) == "No drift.\nExit code 0: no drift."


def test_drift_of_a_plan_and_drift_without_files_are_the_same() -> None:
    """Where the files did not change since the last apply."""
    entity = model("m")
    declared: Leaves = {"description": "a", "limits.timeout": "5s", "upstreams.x.provider": "p"}
    live: Leaves = {"description": "b", "limits.timeout": "5s"}
    base = base_entry(declared)
    authors = {(entity, "description"): ALICE, (entity, "upstreams.x.provider"): BOB}
    fields = (
        leaf("description", "F6", "drift", "a", "b", "a", "b"),
        leaf("upstreams.x.provider", "F6", "drift", "p", None, "p"),
    )
    outcome = EntityOutcome(entity, "E3", "noop", 1, fields=fields, before=live, after=live)
    plan = plan_of(
        outcome,
        desired=Desired("main", {entity: Stanza(declared, base.places, {}, "models.yaml:9")}),
        known=facts(authors=authors),
    )
    assert plan.drift == find_drift((), {entity: base}, {entity: LiveEntry(1, live)}, authors)
