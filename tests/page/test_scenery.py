"""The data that pictures and walks are made with: it must be as exact as what clients leave behind."""

from collections import Counter

from cast import PARTS, gather_cast
from hostile import TEXTS, haunt
from product import Product
from traffic import ROWS, live_two_weeks


async def test_books_balance_after_two_weeks_of_traffic(site: Product) -> None:
    cast = await gather_cast(site)
    await live_two_weeks(site, cast)
    assert await site.imbalances() == []
    rows = await site.rows(ROWS)
    assert len(rows) == ROWS
    assert len(cast.members) == len(PARTS)
    assert {row.model for row in rows} == {model.key for model in cast.models if model.busyness}
    assert Counter(row.outcome for row in rows).most_common(1)[0][0] == "completed"
    assert await site.balance(cast.member("Olive Overdraft").id) < 0
    assert await site.balance(cast.member("Captain Token").id) > 0


async def test_hostile_texts_are_kept_as_they_were_written(site: Product) -> None:
    haunted = await haunt(site)
    assert {row.model for row in await site.rows(len(TEXTS), user_id=haunted[0].id)} == set(TEXTS.values())
    assert {member.part.name for member in haunted} == set(TEXTS.values())
    assert await site.imbalances() == []
