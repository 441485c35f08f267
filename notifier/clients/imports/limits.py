"""How large an import may be. Too large a file is refused with the limit in words."""

from django.conf import settings

MEGABYTE = 1 << 20


class BadFile(Exception):
    """A file that cannot be read as a table; the text says why, to the person who chose it."""


class NoSuchSheet(BadFile):
    """The text says which sheets there are."""


def check_size(size: int) -> None:
    """``size`` in bytes. Raises BadFile."""
    most = settings.IMPORT_MOST_MEGABYTES
    if size > most * MEGABYTE:
        raise BadFile(
            f"The file has {-(-size // MEGABYTE):,} MB; at most {most:,} MB are imported: "
            "split it into several files."
        )


def check_width(columns: int) -> None:
    most = settings.IMPORT_MOST_COLUMNS
    if columns > most:
        raise BadFile(
            f"The file has {columns:,} columns; at most {most:,} are imported: "
            "leave out those that you do not need."
        )


def too_many_rows() -> BadFile:
    return BadFile(
        f"The file has more than {settings.IMPORT_MOST_ROWS:,} rows, the most that are imported: "
        "split it into several files."
    )
