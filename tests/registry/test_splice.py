"""Edits spliced into commented YAML: the edited span changes, and no other byte does."""

from textwrap import dedent

import pytest

from registry.entities import EntityKey
from registry.files.sources import SourceFile
from registry.schema import parse_files
from registry.splicing.splice import (
    AddEntity,
    AddRemoved,
    Edit,
    RemoveEntity,
    RemoveUpstream,
    SetLeaf,
    SpliceError,
    UnsetLeaf,
    splice,
)

A, B, C = (EntityKey("model", key) for key in "abc")
P = EntityKey("provider", "p")
HEAD = "version: 1\nproviders: {p: {api_format: openai, api_url: https://p.example/v1}}\n"


def model(key: str) -> EntityKey:
    return EntityKey("model", key)


def spliced(text: str, *edits: Edit) -> str:
    """What becomes of `text`, which has to be valid after a head that has the provider `p`."""
    text = HEAD + dedent(text)
    assert parse_files([SourceFile("models.yaml", text)]).faults == ()
    (file,) = splice([SourceFile("models.yaml", text)], edits)
    assert parse_files([file]).desired is not None, [fault.render() for fault in parse_files([file]).faults]
    assert file.text.startswith(HEAD)
    return file.text.removeprefix(HEAD)


CASES: dict[str, tuple[str, list[Edit], str]] = {
    "a_price_in_a_flow_map": (
        "models:\n  a: {provider: p, pricing: {input: 1.25, output: 10.00}}   # dear\n",
        [SetLeaf(A, "pricing.output", "9.50")],
        "models:\n  a: {provider: p, pricing: {input: 1.25, output: 9.50}}   # dear\n",
    ),
    "a_price_in_a_block_map_keeps_its_comment": (
        """\
        models:
          a:
            provider: p
            pricing:
              input: 1.25   # per 1M
              # and this is for the answer
              output: "10.00" # quoted
        """,
        [SetLeaf(A, "pricing.input", "2.00"), SetLeaf(A, "pricing.output", "9.50")],
        """\
        models:
          a:
            provider: p
            pricing:
              input: 2.00   # per 1M
              # and this is for the answer
              output: "9.50" # quoted
        """,
    ),
    "a_rate_of_a_tier_keeps_its_line_and_its_comment": (
        """\
        models:
          a:
            provider: p
            pricing:
              input: 3
              output: 15
              tiers:
                200000: {input: 6, output: 22.5}   # long
                400000: {input: 9, output: 30}
        """,
        [SetLeaf(A, "pricing.tiers.200000.input", "7.00")],
        """\
        models:
          a:
            provider: p
            pricing:
              input: 3
              output: 15
              tiers:
                200000: {input: 7.00, output: 22.5}   # long
                400000: {input: 9, output: 30}
        """,
    ),
    "a_new_tier_is_a_line_of_a_block_and_a_part_of_a_flow_map": (
        """\
        models:
          a:
            provider: p
            pricing:
              input: 3
              output: 15   # out
          b: {provider: p, pricing: {input: 3, output: 15}}   # b
        """,
        [
            SetLeaf(A, "pricing.tiers.200000.input", "6.00"),
            SetLeaf(A, "pricing.tiers.200000.output", "22.50"),
            SetLeaf(B, "pricing.tiers.200000.input", "6.00"),
            SetLeaf(B, "pricing.tiers.200000.output", "22.50"),
        ],
        """\
        models:
          a:
            provider: p
            pricing:
              input: 3
              output: 15   # out
              tiers:
                200000: {input: 6.00, output: 22.50}
          b: {provider: p, pricing: {input: 3, output: 15, tiers: {200000: {input: 6.00, output: 22.50}}}}   # b
        """,
    ),
    "a_tier_goes_with_its_last_rate_and_tiers_with_their_last_one": (
        """\
        models:
          a:
            provider: p
            pricing:
              input: 3
              output: 15
              tiers:
                200000: {input: 6, output: 22.5}
                400000: {input: 9, output: 30}
          b: {provider: p, pricing: {input: 3, output: 15, tiers: {9: {input: 6, output: 22.5}}}}
        """,
        [
            UnsetLeaf(A, "pricing.tiers.200000.input"),
            UnsetLeaf(A, "pricing.tiers.200000.output"),
            UnsetLeaf(B, "pricing.tiers.9.input"),
            UnsetLeaf(B, "pricing.tiers.9.output"),
        ],
        """\
        models:
          a:
            provider: p
            pricing:
              input: 3
              output: 15
              tiers:
                400000: {input: 9, output: 30}
          b: {provider: p, pricing: {input: 3, output: 15}}
        """,
    ),
    "a_tier_that_an_alias_brings_goes_by_writing_the_price_out": (
        """\
        x-price: &price {input: 3, output: 15, tiers: {9: {input: 6, output: 22.5}}}
        models:
          a: {provider: p, pricing: *price}
          b: {provider: p, pricing: *price}
        """,
        [
            UnsetLeaf(A, "pricing.tiers.9.input", as_null=True),
            UnsetLeaf(A, "pricing.tiers.9.output", as_null=True),
        ],
        """\
        x-price: &price {input: 3, output: 15, tiers: {9: {input: 6, output: 22.5}}}
        models:
          a: {provider: p, pricing: {input: 3, output: 15}}
          b: {provider: p, pricing: *price}
        """,
    ),
    "a_new_leaf_goes_behind_the_last_sibling_and_before_the_next_comment": (
        """\
        models:
          a:
            provider: p   # who
          # about b
          b: {provider: p}
        """,
        [SetLeaf(A, "limits.timeout", "30s"), SetLeaf(A, "limits.context_window", 1000), SetLeaf(A, "enabled", False)],
        """\
        models:
          a:
            provider: p   # who
            limits: {timeout: 30s, context_window: 1000}
            enabled: false
          # about b
          b: {provider: p}
        """,
    ),
    "a_value_of_the_defaults_is_overridden_in_the_model": (
        """\
        defaults: {model: {limits: {timeout: 10m}}}
        models:
          a: {provider: p}
          b: {provider: p}
        """,
        [SetLeaf(A, "limits.timeout", "30s")],
        """\
        defaults: {model: {limits: {timeout: 10m}}}
        models:
          a: {provider: p, limits: {timeout: 30s}}
          b: {provider: p}
        """,
    ),
    "a_value_of_a_profile_is_unset_by_null": (
        """\
        profiles: {chat: {description: talks, enabled: false}}
        models:
          a:
            extends: chat
            provider: p
        """,
        [UnsetLeaf(A, "description", as_null=True), UnsetLeaf(A, "enabled", as_null=True)],
        """\
        profiles: {chat: {description: talks, enabled: false}}
        models:
          a:
            extends: chat
            provider: p
            description: null
            enabled: true
        """,
    ),
    "an_alias_is_overridden_by_a_merge_of_it": (
        """\
        x-px: &px {input: 1.00, output: 2.00}
        models:
          a: {provider: p, pricing: *px}
          b: {provider: p, pricing: *px}
        """,
        [SetLeaf(B, "pricing.output", "3.00"), SetLeaf(B, "pricing.input", "0.50")],
        """\
        x-px: &px {input: 1.00, output: 2.00}
        models:
          a: {provider: p, pricing: *px}
          b: {provider: p, pricing: {<<: *px, output: 3.00, input: 0.50}}
        """,
    ),
    "a_merge_key_is_overridden_by_a_line": (
        """\
        x-base: &base
          provider: p
          description: shared
          pricing: {input: 1.00, output: 2.00}
        models:
          a:
            <<: *base   # all of it
          b:
            <<: *base
        """,
        [SetLeaf(A, "description", "its own"), SetLeaf(B, "pricing.output", "3.00")],
        """\
        x-base: &base
          provider: p
          description: shared
          pricing: {input: 1.00, output: 2.00}
        models:
          a:
            <<: *base   # all of it
            description: its own
          b:
            <<: *base
            pricing: {input: 1.00, output: 3.00}
        """,
    ),
    "a_value_that_others_use_by_its_anchor_is_handed_to_the_first_of_them": (
        """\
        models:
          a:
            provider: p
            pricing: &px {input: 1.00, output: 2.00}
            limits: &lim
              timeout: 5s   # short
          b: {provider: p, pricing: *px, limits: {<<: *lim}}
          c: {provider: p, pricing: *px}
        """,
        [SetLeaf(A, "pricing.output", "3.00"), SetLeaf(A, "limits.timeout", "6s")],
        """\
        models:
          a:
            provider: p
            pricing: {input: 1.00, output: 3.00}
            limits:
              timeout: 6s   # short
          b: {provider: p, pricing: &px {input: 1.00, output: 2.00}, limits: {<<: &lim {timeout: 5s}}}
          c: {provider: p, pricing: *px}
        """,
    ),
    "a_removed_entity_hands_over_its_anchors": (
        """\
        models:
          a:
            provider: p
            pricing: &px {input: 1.00, output: 2.00}
          b: {provider: p, pricing: *px}
        """,
        [RemoveEntity(A)],
        """\
        models:
          b: {provider: p, pricing: &px {input: 1.00, output: 2.00}}
        """,
    ),
    "an_unset_rate_of_an_alias_writes_the_rest_out": (
        """\
        x-px: &px {input: 1.00, cached_input: 0.10, output: 2.00}
        models:
          a: {provider: p, pricing: *px}
        """,
        [UnsetLeaf(A, "pricing.cached_input", as_null=True)],
        """\
        x-px: &px {input: 1.00, cached_input: 0.10, output: 2.00}
        models:
          a: {provider: p, pricing: {input: 1.00, output: 2.00}}
        """,
    ),
    "a_table_that_comes_by_alias_goes_when_all_of_it_is_unset": (
        """\
        x-px: &px {input: 1.00, output: 2.00}
        x-all: &all {provider: p, pricing: *px}
        models:
          a: {provider: p, pricing: {<<: *px, output: 3.00}}
          b: {<<: *all}
        """,
        [UnsetLeaf(each, f"pricing.{name}", as_null=True) for each in (A, B) for name in ("input", "output")],
        """\
        x-px: &px {input: 1.00, output: 2.00}
        x-all: &all {provider: p, pricing: *px}
        models:
          a: {provider: p}
          b: {<<: *all, pricing: null}
        """,
    ),
    "the_long_form_is_not_for_those_who_share_the_short_one": (
        """\
        models:
          a: &a
            provider: p
          b: {<<: *a, description: heir}
        """,
        [SetLeaf(A, "upstreams.spare.provider", "p")],
        """\
        models:
          a:
            upstreams:
              default: {provider: p}
              spare: {provider: p}
          b: {<<: &a {provider: p}, description: heir}
        """,
    ),
    "unset_leaves_take_their_lines_and_an_empty_table_goes_too": (
        """\
        models:
          a:
            provider: p
            limits:
              timeout: 5s   # short
            # about the description
            description: words
            tags: [x, y]
        """,
        [UnsetLeaf(A, "limits.timeout"), UnsetLeaf(A, "description")],
        """\
        models:
          a:
            provider: p
            # about the description
            tags: [x, y]
        """,
    ),
    "unset_leaves_of_a_flow_map_take_one_comma_each": (
        "models:\n  a: {owned_by: me, provider: p, description: d, enabled: false}\n",
        [UnsetLeaf(A, "owned_by"), UnsetLeaf(A, "description"), UnsetLeaf(A, "enabled")],
        "models:\n  a: {provider: p}\n",
    ),
    "a_flow_map_of_several_lines_keeps_its_comments": (
        """\
        models:
          a: {
            provider: p,   # who
            owned_by: me,   # whose
            description: d   # what
          }
        """,
        [UnsetLeaf(A, "owned_by"), SetLeaf(A, "enabled", False)],
        """\
        models:
          a: {
            provider: p,   # who
            description: d, enabled: false   # what
          }
        """,
    ),
    "sets_keep_their_style_and_what_stays_keeps_its_place": (
        """\
        models:
          a:
            provider: p
            aliases: [z, y]   # old names
            groups:
              # the first
              - one
              - two   # gone soon
              - "three"
            tags: [t]
        """,
        [
            SetLeaf(A, "aliases", ("new", "y", "z")),
            SetLeaf(A, "groups", ("four", "one", "three")),
            SetLeaf(A, "tags", ("on", "u")),
        ],
        """\
        models:
          a:
            provider: p
            aliases: [z, y, new]   # old names
            groups:
              # the first
              - one
              - "three"
              - four
            tags: ["on", u]
        """,
    ),
    "tags_that_come_from_elsewhere_are_not_written": (
        """\
        defaults: {model: {tags: [all]}}
        models:
          a: {provider: p, tags: [own]}
          b: {provider: p}
        """,
        [SetLeaf(A, "tags", ("all", "other")), SetLeaf(B, "tags", ("all", "b"))],
        """\
        defaults: {model: {tags: [all]}}
        models:
          a: {provider: p, tags: [other]}
          b: {provider: p, tags: [b]}
        """,
    ),
    "text_keeps_its_quotes_and_gets_them_where_yaml_would_misread_it": (
        """\
        models:
          a:
            provider: p
            description: 'it''s'
            owned_by: "me"
            actual_model: plain
            visibility: public
            display_name: x
        """,
        [
            SetLeaf(A, "description", "isn't it"),
            SetLeaf(A, "owned_by", "you"),
            SetLeaf(A, "upstreams.default.actual_model", "1.5"),
            SetLeaf(A, "display_name", "a: b #c"),
            SetLeaf(A, "visibility", "no"),
        ],
        """\
        models:
          a:
            provider: p
            description: 'isn''t it'
            owned_by: "you"
            actual_model: "1.5"
            visibility: "no"
            display_name: "a: b #c"
        """,
    ),
    "a_block_scalar_stays_one": (
        """\
        models:
          a:
            provider: p
            system_prompt:
              text: |-   # what it is told
                  Be brief.

                  Be kind.


              mode: prepend
          b: {provider: p}
        """,
        [SetLeaf(A, "system_prompt.text", "Be long.\n  - and dull\n")],
        """\
        models:
          a:
            provider: p
            system_prompt:
              text: |   # what it is told
                  Be long.
                    - and dull


              mode: prepend
          b: {provider: p}
        """,
    ),
    "text_that_no_block_scalar_can_hold_is_quoted": (
        """\
        models:
          a:
            provider: p
            system_prompt:
              text: |
                Be brief.
              mode: prepend
        """,
        [SetLeaf(A, "system_prompt.text", "bell\x07\nthere")],
        """\
        models:
          a:
            provider: p
            system_prompt:
              text: "bell\\u0007\\nthere"
              mode: prepend
        """,
    ),
    "a_text_that_gets_lines_becomes_a_block_scalar": (
        """\
        models:
          a:
            provider: p
            system_prompt:
              text: Be brief.   # told
              mode: prepend
          b:
            provider: p
        """,
        [SetLeaf(A, "system_prompt.text", "Be\nbrief."), SetLeaf(B, "system_prompt.text", "Be\nbrief.\n")],
        """\
        models:
          a:
            provider: p
            system_prompt:
              text: |-   # told
                Be
                brief.
              mode: prepend
          b:
            provider: p
            system_prompt:
              text: |
                Be
                brief.
        """,
    ),
    "a_field_of_the_short_form_is_written_in_the_model": (
        """\
        models:
          a:
            provider: p
        """,
        [SetLeaf(A, "upstreams.default.actual_model", "m-2")],
        """\
        models:
          a:
            provider: p
            actual_model: m-2
        """,
    ),
    "a_second_upstream_makes_the_long_form": (
        """\
        models:
          a:
            display_name: A
            provider: p   # who
            actual_model: m
            pricing: {free: true}
          b: {display_name: B, provider: p, actual_model: m}
        """,
        [
            SetLeaf(A, "upstreams.spare.provider", "p"),
            SetLeaf(A, "upstreams.spare.priority", 1),
            SetLeaf(B, "upstreams.default.weight", 5),
        ],
        """\
        models:
          a:
            display_name: A
            upstreams:
              default: {provider: p, actual_model: m}   # who
              spare: {provider: p, priority: 1}
            pricing: {free: true}
          b: {display_name: B, upstreams: {default: {provider: p, actual_model: m, weight: 5}}}
        """,
    ),
    "an_upstream_goes": (
        """\
        models:
          a:
            upstreams:
              one: {provider: p}
              # the other
              two:
                provider: p
                weight: 3
            enabled: false
        """,
        [RemoveUpstream(A, "two"), SetLeaf(A, "upstreams.one.weight", 4)],
        """\
        models:
          a:
            upstreams:
              one: {provider: p, weight: 4}
              # the other
            enabled: false
        """,
    ),
    "an_entity_goes_with_its_own_comments_and_what_moved_says_of_it": (
        """\
        models:
          # --- first ---

          # about a
          # and more
          a:
            # inside
            provider: p
            # at its end

          # about b
          b: {provider: p}
        moved:
          - {from: old-b, to: b}
          - {from: old-a, to: a}   # renamed
        """,
        [RemoveEntity(A), AddRemoved("a", destroy=True)],
        """\
        models:
          # --- first ---

          # about b
          b: {provider: p}
        moved:
          - {from: old-b, to: b}

        removed:
          - {id: a, destroy: true}
        """,
    ),
    "the_last_entity_goes": (
        "models:\n  # about a\n  a:\n    provider: p\nremoved: [{id: z, destroy: false}]\n",
        [RemoveEntity(A), AddRemoved("a", destroy=True)],
        "models: {}\nremoved: [{id: z, destroy: false}, {id: a, destroy: true}]\n",
    ),
    "an_entity_of_a_flow_section_goes": (
        "models: {a: {provider: p}, b: {provider: p}, c: {provider: p}}\n",
        [RemoveEntity(C), RemoveEntity(A)],
        "models: {b: {provider: p}}\n",
    ),
    "an_entity_comes_in_canonical_order_and_the_files_indentation": (
        """\
        models:

            b:
                provider: p
                # last words

            c: {provider: p}

        # the end
        removed:
            - {id: a, destroy: true}
        """,
        [
            AddEntity(
                A,
                {
                    "tags": ["t"],
                    "pricing": {"output": "2.00", "input": "1.00"},
                    "system_prompt": {"text": "One\ntwo", "mode": "replace"},
                    "description": None,
                    "upstreams": {"x": {"weight": 1, "provider": "p"}},
                },
            )
        ],
        """\
        models:

            b:
                provider: p
                # last words

            c: {provider: p}

            a:
              upstreams:
                x: {provider: p, weight: 1}
              pricing: {input: 1.00, output: 2.00}
              system_prompt:
                text: |-
                  One
                  two
                mode: replace
              description: null
              tags: [t]

        # the end
        """,
    ),
    "an_entity_comes_into_an_empty_section": (
        "models: {}   # none yet\nsource: main\n",
        [AddEntity(A, {"provider": "p"}), AddEntity(B, {"provider": "p"})],
        "models:   # none yet\n  a:\n    provider: p\n  b:\n    provider: p\nsource: main\n",
    ),
    "an_entity_comes_into_a_flow_section": (
        "models: {a: {provider: p}}\nmoved: []",
        [AddEntity(B, {"api_format": "openai", "api_url": "https://b.example/v1", "api_key": "${env:B_API_KEY}"})],
        "models: {a: {provider: p}, b: {api_format: openai, api_url: https://b.example/v1, "
        'api_key: "${env:B_API_KEY}"}}\nmoved: []',
    ),
    "a_model_without_a_value_gets_one": (
        "defaults: {model: {provider: p}}\nmodels:\n  a:   # all defaults\n  b:\n",
        [SetLeaf(A, "enabled", False), SetLeaf(B, "aliases", ("x",))],
        "defaults: {model: {provider: p}}\nmodels:\n  a: {enabled: false}   # all defaults\n  b: {aliases: [x]}\n",
    ),
    "a_block_is_replaced_by_null_in_the_line_of_its_key": (
        """\
        profiles: {x: {groups: [g], limits: {timeout: 1s}}}
        models:
          a:
            extends: x
            groups:   # who
            - one
            # more
            - two   # gone
            aliases: &names
              - n
            provider: p
        """,
        [UnsetLeaf(A, "groups", as_null=True), UnsetLeaf(A, "aliases", as_null=True)],
        """\
        profiles: {x: {groups: [g], limits: {timeout: 1s}}}
        models:
          a:
            extends: x
            groups: null   # who
            aliases: &names null
            provider: p
        """,
    ),
    "quoted_keys_are_found": (
        'models:\n  "a":\n    "provider": p\n    \'pricing\': {"input": 1.00, "output": 2.00}\n',
        [SetLeaf(A, "pricing.output", "3.00")],
        'models:\n  "a":\n    "provider": p\n    \'pricing\': {"input": 1.00, "output": 3.00}\n',
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_an_edit_changes_what_it_names_and_no_other_byte(name: str) -> None:
    before, edits, after = CASES[name]
    assert spliced(before, *edits) == dedent(after)


@pytest.mark.parametrize("name", CASES)
def test_a_file_with_crlf_keeps_it(name: str) -> None:
    before, edits, after = CASES[name]
    text = (HEAD + dedent(before)).replace("\n", "\r\n")
    (file,) = splice([SourceFile("models.yaml", text)], edits)
    assert file.text == (HEAD + dedent(after)).replace("\n", "\r\n")


@pytest.mark.parametrize("name", sorted(CASES.keys() - {"a_text_that_gets_lines_becomes_a_block_scalar"}))
def test_a_file_without_a_final_newline_and_with_a_byte_order_mark_keeps_both(name: str) -> None:
    before, edits, after = CASES[name]
    text = "\ufeff" + (HEAD + dedent(before)).removesuffix("\n")
    (file,) = splice([SourceFile("models.yaml", text)], edits)
    is_new_section = "AddRemoved" in str(edits) and "removed:" not in before
    end = "\n" if is_new_section else ""
    assert file.text == "\ufeff" + (HEAD + dedent(after)).removesuffix("\n") + end


def test_no_edits_leave_the_files_as_they_are() -> None:
    files = [SourceFile("a.yaml", HEAD), SourceFile("b.yaml", "not: [yaml")]
    assert splice(files, []) == files


def test_an_entity_goes_into_the_file_that_has_most_of_its_kind() -> None:
    files = [
        SourceFile("one.yaml", HEAD + "models: {a: {provider: p}}\n"),
        SourceFile("two.yaml", "version: 1\nmodels:\n  b: {provider: p}\n  c: {provider: p}\n"),
    ]
    one, two = splice(files, [AddEntity(model("d"), {"provider": "p"}), AddRemoved("gone", destroy=False)])
    assert one == files[0]
    assert two.text.endswith("  d:\n    provider: p\n\nremoved:\n  - {id: gone, destroy: false}\n")


def test_a_secret_in_a_new_block_gets_a_comment() -> None:
    document = {"api_format": "openai", "api_url": "https://b.example/v1", "api_key": "${secret:b-key}"}
    after = spliced("models:\n  a: {provider: p}\n", AddEntity(B, document))
    assert after.splitlines()[-1] == (
        '    api_key: "${secret:b-key}"   # not in this file: create the secret b-key where this is applied'
    )


REFUSED: dict[str, tuple[str, Edit, str]] = {
    "an_entity_that_is_not_there": ("models: {}\n", SetLeaf(A, "enabled", False), "model/a has no entry"),
    "a_rate_of_a_profile": (
        "profiles: {x: {pricing: {input: 1, cached_input: 0.5, output: 2}}}\nmodels: {a: {extends: x, provider: p}}\n",
        UnsetLeaf(A, "pricing.cached_input", as_null=True),
        "cannot be null",
    ),
    "a_tag_of_the_defaults": (
        "defaults: {model: {tags: [all]}}\nmodels: {a: {provider: p}}\n",
        SetLeaf(A, "tags", ("other",)),
        "all comes from elsewhere",
    ),
    "a_tag_of_the_lower_of_two_profiles": (
        "profiles: {x: {tags: [one]}, y: {tags: [two]}}\nmodels: {a: {extends: [x, y], provider: p}}\n",
        SetLeaf(A, "tags", ("own", "two")),
        "one comes from elsewhere",
    ),
    "an_upstream_beside_a_connection_of_a_profile": (
        "profiles: {x: {provider: p}}\nmodels: {a: {extends: x}}\n",
        SetLeaf(A, "upstreams.spare.provider", "p"),
        "no upstream can join it",
    ),
    "an_upstream_of_a_profile": (
        "profiles: {x: {upstreams: {one: {provider: p}, two: {provider: p}}}}\nmodels: {a: {extends: x}}\n",
        RemoveUpstream(A, "two"),
        "cannot be taken out",
    ),
    "keys_that_share_a_line": (
        "models:\n  ? a\n  : provider: p\n  ? b\n  : provider: p\n",
        RemoveEntity(A),
        "put each key in a line",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_said_in_the_files_is_refused_with_a_sentence(name: str) -> None:
    text, edit, sentence = REFUSED[name]
    with pytest.raises(SpliceError, match=sentence):
        spliced(text, edit)


def test_a_file_that_is_not_yaml_is_refused() -> None:
    with pytest.raises(SpliceError, match="not valid YAML"):
        splice([SourceFile("m.yaml", "models: [")], [SetLeaf(A, "enabled", False)])
