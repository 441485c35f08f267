"""Cells that people open with a spreadsheet, which runs what looks like a formula."""

# What a spreadsheet takes for the beginning of a formula, unless an apostrophe is before it.
FORMULA_MARKS = ("=", "+", "-", "@", "\t", "\r")


def quote_cell(text: str) -> str:
    """The text so that a spreadsheet neither runs it nor computes with it; see read_cell."""
    # One that has an apostrophe of its own gets another, or it would lose it on the way back.
    return f"'{text}" if text.lstrip("'").startswith(FORMULA_MARKS) else text


def read_cell(cell: str) -> str:
    """What a cell holds, without the apostrophe of quote_cell or of a spreadsheet."""
    text = cell.strip()
    is_quoted = text.startswith("'") and text.lstrip("'").startswith(FORMULA_MARKS)
    return text[1:].strip() if is_quoted else text
