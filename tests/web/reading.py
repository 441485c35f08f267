"""Reading answers as a person would: the words between the tags."""

import re
from html import unescape

from django.http import HttpResponse

UNREAD = re.compile(r"(?s)<(script|style|datalist|template|title)\b.*?</\1>")
ROW = re.compile(r"(?s)<tr>(.*?)</tr>")
CELL = re.compile(r"(?s)<t[dh]\b.*?</t[dh]>")


def words_of(response: HttpResponse) -> str:
    """The text of a page or fragment, its white space evened out."""
    return _words(UNREAD.sub(" ", response.content.decode()))


def rows_of(response: HttpResponse) -> list[list[str]]:
    """The cells of the rows in the page's table bodies."""
    bodies = re.findall(r"(?s)<tbody>(.*?)</tbody>", response.content.decode())
    return [[_words(cell) for cell in CELL.findall(row)] for row in ROW.findall("".join(bodies))]


def _words(html: str) -> str:
    text = unescape(re.sub(r"<[^>]+>", " ", html)).replace("\u00a0", " ")
    return re.sub(r"\s+([.,;])", r"\1", re.sub(r"\s+", " ", text)).strip()
