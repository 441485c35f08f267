from collections.abc import Iterable


def array_of(values: Iterable[object]) -> str:
    """PostgreSQL's own spelling of an array, of numbers or of texts without marks.

    Of a list psycopg2 makes ARRAY[…], every element of which PostgreSQL parses
    as an expression: that takes longer than writing the rows.
    """
    return "{" + ",".join(map(str, values)) + "}"
