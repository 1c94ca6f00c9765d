"""Live edits of one environment go back into its overlay: the base keeps every byte, and what is read then is live."""

from random import Random
from textwrap import dedent
from typing import Any

import pytest
from hypothesis import given, settings

from registry.entities import BaseEntry, EntityKey
from registry.export import Export
from registry.files.sources import SourceFile
from registry.schema import parse_files
from tests.registry.test_export import (
    MADE_LIVE,
    SEEDS,
    A,
    B,
    C,
    Case,
    Layout,
    after,
    connection,
    desired_of,
    drift_of,
    edited,
    fragment,
    generated,
    merged,
)

BASE = """\
version: 1
providers: {p: {api_format: openai, api_url: https://p.example/v1}}
models:
  a: {provider: p, tags: [t], pricing: {input: 1, output: 2}}   # a comment
  b:
    upstreams: {one: {provider: p}, two: {provider: p}}
    limits: {timeout: 30s}
"""
HEAD = "version: 1\noverlay: prod\n"


def case(overlay: str, base: str = BASE) -> Case:
    """`overlay` is what stands below the head of prod.yaml."""
    return Case(SourceFile("models.yaml", base), SourceFile("prod.yaml", HEAD + dedent(overlay)))


def exported(made: Case, **options: Any) -> Export:
    """Whatever comes of it, the base is as it was."""
    found = made.export(**options)
    assert found.files[0] == made.files[0]
    return found


def overlay_of(made: Case, **options: Any) -> str:
    found = exported(made, **options)
    assert found.skipped == ()
    return found.files[1].text.removeprefix(HEAD)


# --- where an edit goes -------------------------------------------------------------------------------


def test_an_edit_of_what_the_overlay_says_changes_that_value_alone() -> None:
    made = case("models:\n  a: {pricing: {output: 3}}   # dear here\n")
    made.live[A]["pricing.output"] = "4.00"
    assert overlay_of(made) == "models:\n  a: {pricing: {output: 4.00}}   # dear here\n"


def test_an_edit_of_what_the_base_says_is_put_into_the_stanza_of_the_overlay() -> None:
    made = case("models:\n  a:\n    description: here\n")
    made.live[A] |= {"pricing.output": "4.00"}
    assert overlay_of(made) == "models:\n  a:\n    description: here\n    pricing: {output: 4.00}\n"


def test_a_stanza_and_its_section_are_made_where_they_are_missing() -> None:
    made = case("")
    made.live[B] |= {"upstreams.two.weight": 5, "limits.timeout": "45s", "description": "page"}
    del made.live[B]["description"]
    made.base[B] = BaseEntry(2, {**made.base[B].leaves, "upstreams.two.weight": None})
    assert overlay_of(made) == "\nmodels:\n  b:\n    limits: {timeout: 45s}\n"


def test_edits_of_several_entities_make_a_stanza_each_with_all_of_its_leaves() -> None:
    made = case("models: {}\n")
    made.live[A] |= {"pricing.input": "3.00", "pricing.output": "4.00"}
    made.live[B] |= {"limits.timeout": "45s"}
    made.live[EntityKey("provider", "p")]["api_url"] = "https://prod.example/v1"
    assert overlay_of(made) == dedent("""\
        models:
          a:
            pricing: {input: 3.00, output: 4.00}
          b:
            limits: {timeout: 45s}

        providers:
          p:
            api_url: https://prod.example/v1
        """)


def test_a_new_stanza_goes_into_the_file_of_the_overlay_that_has_most_of_its_kind() -> None:
    small = SourceFile("prod/1.yaml", HEAD)
    large = SourceFile("prod/2.yaml", HEAD + "models:\n  c: {provider: p}\n")
    made = Case(SourceFile("models.yaml", BASE), small, large)
    made.live[A]["pricing.output"] = "4.00"
    assert exported(made).files[1:] == (
        small,
        SourceFile("prod/2.yaml", large.text + "  a:\n    pricing: {output: 4.00}\n"),
    )


def test_what_was_unset_live_is_null_in_the_overlay_where_the_base_would_fill_it() -> None:
    made = case("models:\n  b: {description: here}\n")
    del made.live[B]["limits.timeout"]
    del made.live[B]["description"]
    assert overlay_of(made) == "models:\n  b: {limits: {timeout: null}}\n"


def test_prices_of_the_base_can_be_none_for_one_environment() -> None:
    made = case("models: {b: {description: here}}\n")
    made.live[A] = {"upstreams.default.provider": "p", "tags": ("t",)}
    assert overlay_of(made) == "models: {b: {description: here}, a: {pricing: null}}\n"


def test_a_model_made_live_is_adopted_into_the_overlay() -> None:
    made = case("models:\n  a: {description: here}\n")
    made.live[C] = {"upstreams.default.provider": "p", "limits.timeout": "5s"}
    assert overlay_of(made, adopt=[C]) == dedent("""\
        models:
          a: {description: here}
          c:
            provider: p
            limits: {timeout: 5s}
        """)


def test_a_model_of_the_overlay_alone_leaves_it_without_a_record_and_is_forgotten() -> None:
    made = case("models:\n  a: {description: here}\n  c: {provider: p}\n")
    del made.live[C]
    found = exported(made)
    assert found.files[1].text == HEAD + "models:\n  a: {description: here}\n"
    (forgotten,) = [
        outcome for outcome in merged(desired_of(*found.files), made.base, made.live).entities if outcome.key == C
    ]
    assert (forgotten.action, forgotten.after) == ("forget", None)


# --- what an overlay cannot say -----------------------------------------------------------------------


def left_out(made: Case, **options: Any) -> str:
    found = exported(made, **options)
    assert found.files == made.files
    (sentence,) = found.skipped
    return sentence


@pytest.mark.parametrize("overlay", ["", "models: {a: {description: here}}\n"])
def test_a_model_of_the_base_cannot_leave_it_for_one_environment(overlay: str) -> None:
    made = case(overlay)
    del made.live[A]
    assert left_out(made) == (
        "model/a is in the base, which every environment reads: "
        "say `enabled: false` in the overlay, or take it out of the base."
    )


def test_a_provider_of_the_base_cannot_leave_it_for_one_environment() -> None:
    made = case("", BASE.replace("}}\n", "}, q: {api_format: openai, api_url: https://q.example/v1}}\n", 1))
    del made.live[EntityKey("provider", "q")]
    sentence = "provider/q is in the base, which every environment reads: take it out of the base."
    assert left_out(made) == sentence


def test_an_upstream_and_a_tag_of_the_base_cannot_be_taken_out() -> None:
    made = case("")
    for path in [path for path in made.live[B] if path.startswith("upstreams.two.")]:
        del made.live[B][path]
    assert left_out(made) == ("model/b upstreams.two: it comes from elsewhere in the files and cannot be taken out.")
    made = case("")
    made.live[A]["tags"] = ("mine",)
    assert left_out(made) == "model/a tags: t comes from elsewhere."


def test_the_rates_of_the_base_cannot_become_free() -> None:
    made = case("")
    made.live[A] = {"upstreams.default.provider": "p", "tags": ("t",), "pricing.free": True}
    assert "cannot be null" in left_out(made)


def test_adoption_of_what_the_base_calls_removed_would_change_the_base() -> None:
    made = case("", BASE + "removed: [{id: c, destroy: true}]\n")
    made.live[C] = {"upstreams.default.provider": "p"}
    assert left_out(made, adopt=[C]) == "model/c: models.yaml would change, which other environments read too."


def test_a_short_form_of_the_base_gets_no_second_upstream() -> None:
    made = case("")
    made.live[A] |= {"upstreams.new.provider": "p"}
    assert "so no upstream can join it" in left_out(made, adopt=[A])


# --- laws ---------------------------------------------------------------------------------------------


def with_overlay(random: Random, made: Case) -> Case | None:
    """The files with a random overlay over them; None where chance wrote what is not valid."""
    stanzas: dict[str, Any] = {}
    for entity in made.desired.stanzas:
        if entity.kind == "model" and random.random() < 0.5:
            stanzas[entity.key] = {name: value for name, value in fragment(random).items() if random.random() < 0.7}
    if random.random() < 0.5:
        stanzas["only-here"] = connection(random) | fragment(random)
    layout = Layout(random)
    lines = ["version: 1", "overlay: prod", layout.comment()]
    if stanzas or random.random() < 0.5:
        lines += [line for line, _ in layout.section("models", stanzas)]
    overlay = SourceFile("prod.yaml", "\n".join(lines) + "\n")
    files = (*made.files, overlay) if random.random() < 0.5 else (overlay, *made.files)
    return Case(*files) if parse_files(files).desired else None


@settings(deadline=None, max_examples=400)
@given(SEEDS)
def test_export_into_an_overlay_then_sync_clears_drift_and_leaves_live_and_the_base_alone(seed: int) -> None:
    made = generated(seed)
    laid = with_overlay(made[0], made[2]) if made else None
    if made is None or laid is None:
        return
    assert laid.export() == Export(laid.files)
    laid.live = edited(made[0], laid.live)
    found = laid.export(adopt=[MADE_LIVE] if MADE_LIVE in laid.live else [])
    for before, now in zip(laid.files, found.files, strict=True):
        assert before.name == "prod.yaml" or now == before
    synced = merged(desired_of(*found.files), laid.base, laid.live)
    assert not synced.conflicts
    assert {entity: leaves for entity, leaves in after(synced).items() if leaves is not None} == laid.live
    if not found.skipped:
        base = {outcome.key: BaseEntry(1, outcome.base_after) for outcome in synced.entities if outcome.base_after}
        assert drift_of(merged(desired_of(*found.files), base, laid.live)) == []
