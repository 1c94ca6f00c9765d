"""One aligned table from rows."""

from collections.abc import Mapping, Sequence

GAP = "  "
Cell = str | int | float | None
Row = Mapping[str, Cell]


def render_table(rows: Sequence[Row]) -> str:
    """The rows as text, columns in the order in which they first appear, numbers to the right.

    A cell that a row lacks, or that is None, is a dash. No rows: the empty text.
    """
    columns = list(dict.fromkeys(column for row in rows for column in row))
    cells = [[render_cell(row.get(column)) for column in columns] for row in rows]
    numeric = [all(not isinstance(row.get(column), str) for row in rows) for column in columns]
    widths = [max(len(text) for text in (column, *shown)) for column, *shown in zip(columns, *cells, strict=True)]

    def line(texts: Sequence[str]) -> str:
        padded = (
            text.rjust(width) if is_number else text.ljust(width)
            for text, width, is_number in zip(texts, widths, numeric, strict=True)
        )
        return GAP.join(padded).rstrip()

    if not columns:
        return ""
    return "\n".join([line(columns), line(["-" * width for width in widths]), *map(line, cells)])


def print_table(rows: Sequence[Row], title: str | None = None) -> None:
    """Prints the table, under its title when there is one."""
    if title:
        print(f"\n{title}\n")
    print(render_table(rows), flush=True)


def render_cell(value: Cell) -> str:
    """A number with as many digits as are worth reading."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
    return f"{value:,}" if isinstance(value, int) else value
