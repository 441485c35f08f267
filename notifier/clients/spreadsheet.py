"""Cells that people open with a spreadsheet, which runs what looks like a formula."""

# What a spreadsheet takes for the beginning of a formula, unless an apostrophe is before it.
# The wide ones are those of Chinese and Japanese keyboards.
FORMULA_MARKS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def quote_cell(text: str) -> str:
    """The text so that a spreadsheet neither runs it nor computes with it; see read_cell."""
    # One that has an apostrophe of its own gets another, or it would lose it on the way back.
    return f"'{text}" if _is_formula(text) else text


def read_cell(cell: str) -> str:
    """What a cell holds, without the apostrophe of quote_cell or of a spreadsheet."""
    text = cell.strip()
    return text[1:].strip() if _is_quoted(text) else text


def keep_cell(cell: str) -> str:
    """A cell of somebody's file so that it still means what it does there; see quote_cell."""
    return cell if _is_quoted(cell.strip()) else quote_cell(cell)


def _is_quoted(text: str) -> bool:
    return text.startswith("'") and _is_formula(text)


def _is_formula(text: str) -> bool:
    # Some programs leave out the blanks before it.
    return text.lstrip("' \u00a0").startswith(FORMULA_MARKS)
