"""Reading bodies: every fault at once, exact money, and times with a zone."""

from datetime import UTC, datetime
from typing import Any

import pytest

from quart_proxy.core.errors import InvalidFields, InvalidRequest
from quart_proxy.http.answers import _cell
from quart_proxy.http.documents import merge_patch
from quart_proxy.http.fields import Field, boolean, choice, email, moment, money, names, read_fields, text, whole

TABLE = {"name": Field(text(10), required=True), "amount": Field(money), "note": Field(text(), nullable=True)}


def test_all_faults_come_at_once() -> None:
    with pytest.raises(InvalidFields) as caught:
        read_fields({"amount": 5.0, "nmae": "x", "note": ""}, TABLE)
    assert {fault.param: fault.message.split(" ")[0] for fault in caught.value.faults} == {
        "amount": "must",
        "nmae": "is",
        "note": "must",
        "name": "is",
    }


def test_null_is_kept_where_it_may_be() -> None:
    assert read_fields({"name": "x", "note": None}, TABLE) == {"name": "x", "note": None}


@pytest.mark.parametrize(
    ("reader", "value"),
    [
        (text(), 5),
        (text(), "   "),
        (text(), "a\x00b"),
        (text(), "two\nlines"),
        (text(3), "four"),
        (boolean, 1),
        (whole(1, 5), True),
        (whole(1, 5), 1.0),
        (whole(1, 5), 6),
        (choice("a", "b"), "c"),
        (choice("a", "b"), ["a"]),
        (email, "nobody"),
        (email, "a b@c"),
        (names, "gpt"),
        (names, ["gpt", 5]),
        (money, 5),
        (money, 5.0),
        (money, "1e3"),
        (money, "NaN"),
        (moment, "2026-01-31T12:00:00"),
        (moment, "yesterday"),
        (moment, "20260131"),
        (moment, "1969-12-31"),
        (moment, "0001-01-01T00:00:00+10:00"),
        (moment, 1700000000),
    ],
)
def test_value_that_is_not_one_is_refused_with_a_sentence(reader: Any, value: Any) -> None:
    with pytest.raises(ValueError, match="must"):
        reader(value)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2026-01-31T12:00:00Z", datetime(2026, 1, 31, 12, tzinfo=UTC)),
        ("2026-01-31T14:00:00+02:00", datetime(2026, 1, 31, 12, tzinfo=UTC)),
        ("2026-01-31T14:00:00 02:00", datetime(2026, 1, 31, 12, tzinfo=UTC)),
        ("2026-01-31", datetime(2026, 1, 31, tzinfo=UTC)),
    ],
)
def test_time_is_read_in_its_zone(written: str, read: datetime) -> None:
    assert moment(written) == read


@pytest.mark.parametrize(
    "formula",
    [
        "=1+1",
        "+1",
        "-cmd|' /C calc'!A0",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "-1-1",
        " =1",
        "\u00a0@A1",
        "\t",
        "＝1",
        "＠A1",
    ],
)
def test_cell_that_a_spreadsheet_would_run_is_quoted(formula: str) -> None:
    assert _cell(formula) == f"'{formula}"


def test_number_below_zero_stays_a_number() -> None:
    assert _cell("-5.25") == "-5.25"


def test_merge_patch_merges_objects_replaces_the_rest_and_removes_by_null() -> None:
    document = {"a": {"b": 1, "c": 2}, "d": [1, 2], "e": 5}
    assert merge_patch(document, {"a": {"b": None, "x": {"y": None, "z": 1}}, "d": [3], "e": None, "f": None}) == {
        "a": {"c": 2, "x": {"z": 1}},
        "d": [3],
    }
    assert document["a"] == {"b": 1, "c": 2}


def test_bottomless_patch_is_refused() -> None:
    bottomless: dict[str, Any] = {}
    for _ in range(500):
        bottomless = {"a": bottomless}
    with pytest.raises(InvalidRequest):
        merge_patch({}, bottomless)
