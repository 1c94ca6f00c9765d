"""Exact money: dollars as `Decimal`, and their one text form.

Nothing here rounds. A price is dollars per 1,000,000 tokens and has at most 6 decimals, so a cost has at
most 12; the money columns hold 12 decimals, and no amount that passes `parse_money` can lose a digit.
"""

from decimal import Decimal, InvalidOperation

MONEY_DECIMALS_MAX = 12
MONEY_LIMIT = Decimal(10) ** 12
"""Amounts are below a trillion dollars in size: a slip of the hand cannot overflow a column."""

ZERO = Decimal(0)


def parse_money(text: object, *, decimals_max: int = MONEY_DECIMALS_MAX) -> Decimal:
    """Dollars from their text form, such as `"10.50"`.

    Raises ValueError, with a sentence, for anything but a finite plain decimal: floats, exponents, NaN,
    more than `decimals_max` decimals, or a trillion dollars and above.
    """
    if not isinstance(text, str):
        raise ValueError('must be dollars as a decimal string, such as "10.50"')
    digits = text[1:] if text[:1] in "+-" else text
    if not digits.replace(".", "", 1).isdecimal() or not digits.isascii():
        raise ValueError('must be dollars as a decimal string, such as "10.50"')
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise ValueError('must be dollars as a decimal string, such as "10.50"') from None
    if abs(value) >= MONEY_LIMIT:
        raise ValueError("must be below 1,000,000,000,000")
    exponent = value.as_tuple().exponent
    assert isinstance(exponent, int)
    if -exponent > decimals_max:
        raise ValueError(f"must have at most {decimals_max} decimals")
    return value


def format_money(value: Decimal) -> str:
    """The one text form of money: plain digits, no exponent, no needless zeros beyond the cents.

    Whole dollars and cents keep two decimals (`"10.50"`, `"0.00"` is `"0"`); finer amounts keep every digit
    that is not a trailing zero.
    """
    if not value:
        return "0"
    text = f"{value:f}"
    if "." not in text:
        return text + ".00"
    whole, _, fraction = text.partition(".")
    return f"{whole}.{fraction.rstrip('0').ljust(2, '0')}"
