"""Converts a workbook to CSV, in a process of its own: see workbook.

    python -m notifier.clients.imports.workbook_process SOURCE TARGET LIMITS

LIMITS and the answer on standard output are JSON. Nothing of Django is
imported: it would only cost time and memory.
"""

import csv
import io
import json
import resource
import sys
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any, BinaryIO
from zipfile import BadZipFile, ZipFile

from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    PasswordError,
    SheetTypeEnum,
    SheetVisibleEnum,
)

DAMAGED = "The workbook is damaged: open it in Excel and save it again, or save it as CSV."
TOO_LARGE = "The workbook is too large once unpacked: save it as CSV, or split it."
# More than anybody would look for one in.
MOST_SHEETS = 1_000
TOO_MANY_SHEETS = (
    f"The workbook has more than {MOST_SHEETS:,} sheets: "
    "save the one that you need as a workbook of its own, or as CSV."
)
NO_DATA = "The workbook has no data in it."
MOST_ENTRIES = 10_000
# Excel allows 31 characters, and no control characters; a crafted workbook has what it likes.
LONGEST_NAME = 100
# More than these no sheet has. A single cell beyond would have blank rows written for minutes.
MOST_ROWS, MOST_COLUMNS = 1_048_576, 16_384
# Above, a number has more digits than Excel keeps.
WHOLE = 1e15


@dataclass(frozen=True)
class Limits:
    memory_bytes: int
    cpu_seconds: int
    unpacked_bytes: int
    csv_bytes: int
    cell_characters: int


class Refused(Exception):
    """The text says why, to the person who chose the file."""


def main(source: str, target: str, limits: Limits) -> dict[str, Any]:
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory_bytes, limits.memory_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu_seconds, limits.cpu_seconds))
    resource.setrlimit(resource.RLIMIT_FSIZE, (limits.csv_bytes, limits.csv_bytes))
    try:
        check_archive(source, limits)
        return convert(source, target, limits)
    except Refused as refused:
        return {"problem": str(refused)}
    except PasswordError:
        return {"problem": "The workbook has a password: save it without one."}
    except (MemoryError, OSError):
        # OSError: the CSV grew beyond RLIMIT_FSIZE.
        return {"problem": TOO_LARGE}
    except (CalamineError, BadZipFile, ValueError, KeyError, NotImplementedError):
        return {"problem": DAMAGED}


def check_archive(source: str, limits: Limits) -> None:
    """Refuses other documents, and archives that say themselves that they are bombs."""
    with ZipFile(source) as archive:
        entries = archive.infolist()
    names = {entry.filename for entry in entries}
    if "xl/workbook.xml" not in names:
        raise Refused(_other_kind(names))
    unpacked = sum(entry.file_size for entry in entries)
    if unpacked > limits.unpacked_bytes or len(entries) > MOST_ENTRIES:
        raise Refused(TOO_LARGE)


def _other_kind(names: set[str]) -> str:
    if "xl/workbook.bin" in names:
        return "The file is a binary workbook (.xlsb): save it as XLSX or CSV."
    if "content.xml" in names:
        return "The file is an OpenDocument one (.ods): save it as XLSX or CSV."
    return "The file is an archive or a document of another program: save the table as CSV or XLSX."


def convert(source: str, target: str, limits: Limits) -> dict[str, Any]:
    """Writes the sheets with data one behind the other, a row a row of them, the blank ones too.

    All in one file, so that the limit of its size holds for all of them.
    """
    sheets = []
    with CalamineWorkbook.from_path(source) as book, open(target, "wb") as file:
        for shown, name in _sheet_names(book).items():
            start = file.tell()
            # One in memory at a time.
            if _write(book.get_sheet_by_name(name), file, limits):
                sheets.append({"name": shown, "start": start, "size": file.tell() - start})
            else:
                file.seek(start)
                file.truncate()
    if not sheets:
        raise Refused(NO_DATA)
    return {"sheets": sheets}


def _sheet_names(book: CalamineWorkbook) -> Mapping[str, str]:
    """Those that people see, as they can be shown; where there are none, the hidden ones."""
    sheets = [each for each in book.sheets_metadata if each.typ == SheetTypeEnum.WorkSheet]
    visible = [each.name for each in sheets if each.visible == SheetVisibleEnum.Visible]
    names = list(dict.fromkeys(visible or [each.name for each in sheets]))
    if len(names) > MOST_SHEETS:
        raise Refused(TOO_MANY_SHEETS)
    shown: dict[str, str] = {}
    for number, name in enumerate(names, 1):
        shown.setdefault(_shown_name(name) or f"Sheet {number}", name)
    return shown


def _shown_name(name: str) -> str:
    marks = (mark for mark in name if unicodedata.category(mark) not in ("Cc", "Cs"))
    return "".join(marks)[:LONGEST_NAME].strip()


def _check_place(sheet: CalamineSheet) -> None:
    last_row, last_column = sheet.end or (0, 0)
    if last_row >= MOST_ROWS or last_column >= MOST_COLUMNS:
        raise Refused(DAMAGED)


def _write(sheet: CalamineSheet, file: BinaryIO, limits: Limits) -> bool:
    """Whether there is anything in it but blanks."""
    if not sheet.height:
        return False
    _check_place(sheet)
    has_data = False
    text = io.TextIOWrapper(file, encoding="utf-8", errors="replace", newline="")
    writer = csv.writer(text)
    for cells in sheet.iter_rows():
        texts = _without_blank_end(cells, limits)
        writer.writerow(texts)
        has_data = has_data or any(map(str.strip, texts))
    # Flushed, and the file is left open for the next.
    text.detach()
    return has_data


def _without_blank_end(cells: Iterable[Any], limits: Limits) -> list[str]:
    # One character more than is kept: enough to be refused as too long.
    texts = [in_words(value)[: limits.cell_characters + 1] for value in cells]
    while texts and not texts[-1]:
        texts.pop()
    return texts


def in_words(value: Any) -> str:
    """A cell as a person would type it: whole numbers as digits, dates as ISO."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < WHOLE else repr(value)
    if isinstance(value, datetime):
        is_day = value.time() == time()
        return value.date().isoformat() if is_day else value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, date | time):
        return value.isoformat()
    return "" if value is None else str(value)


if __name__ == "__main__":
    found = main(sys.argv[1], sys.argv[2], Limits(**json.loads(sys.argv[3])))
    sys.stdout.write(json.dumps(found))
