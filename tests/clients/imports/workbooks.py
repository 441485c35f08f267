"""Small XLSX files, written by hand: just enough XML for a reader."""

import io
from collections.abc import Iterable, Mapping
from xml.sax.saxutils import escape, quoteattr
from zipfile import ZIP_DEFLATED, ZipFile

TYPES = (
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels"'
    ' ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/></Types>'
)
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
# Style 1 is that of a date, 2 that of a date with the time.
STYLES = (
    f'<styleSheet xmlns="{MAIN}"><cellXfs count="3"><xf numFmtId="0"/>'
    '<xf numFmtId="14" applyNumberFormat="1"/><xf numFmtId="22" applyNumberFormat="1"/>'
    "</cellXfs></styleSheet>"
)

Cell = str | float | bool | None


def letters(column: int) -> str:
    """A, B, … Z, AA, …, of columns counted from 0."""
    before, last = divmod(column, 26)
    return (letters(before - 1) if before else "") + chr(65 + last)


def text_cell(place: str, value: str) -> str:
    return f'<c r="{place}" t="inlineStr"><is><t xml:space="preserve">{escape(value)}</t></is></c>'


def cell_xml(place: str, value: Cell | Mapping[str, str]) -> str:
    """A mapping is given as it is: t, s and v of the cell."""
    if isinstance(value, Mapping):
        kind = f' t="{value["t"]}"' if "t" in value else ""
        style = f' s="{value["s"]}"' if "s" in value else ""
        return f'<c r="{place}"{kind}{style}><v>{value["v"]}</v></c>'
    if isinstance(value, bool):
        return f'<c r="{place}" t="b"><v>{int(value)}</v></c>'
    if isinstance(value, str):
        return text_cell(place, value)
    return "" if value is None else f'<c r="{place}"><v>{value!r}</v></c>'


def sheet_xml(rows: Mapping[int, Iterable]) -> str:
    """Rows by their numbers; cells from column A."""
    lines = []
    for number, cells in rows.items():
        inner = "".join(
            cell_xml(f"{letters(index)}{number}", value) for index, value in enumerate(cells)
        )
        lines.append(f'<row r="{number}">{inner}</row>')
    return f'<worksheet xmlns="{MAIN}"><sheetData>{"".join(lines)}</sheetData></worksheet>'


def workbook(
    sheets: Mapping[str, Mapping[int, Iterable]],
    *,
    hidden: Iterable[str] = (),
    charts: Iterable[str] = (),
) -> io.BytesIO:
    parts = {
        "[Content_Types].xml": TYPES,
        "_rels/.rels": f'<Relationships xmlns="{PACKAGE}"><Relationship Id="rId1"'
        f' Type="{RELATIONS}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/styles.xml": STYLES,
    }
    listed, related = [], []
    for number, (name, rows) in enumerate(sheets.items(), 1):
        kind = "chartsheet" if name in charts else "worksheet"
        parts[f"xl/{kind}s/sheet{number}.xml"] = sheet_xml(rows)
        state = ' state="hidden"' if name in hidden else ""
        listed.append(
            f'<sheet name={quoteattr(name)} sheetId="{number}"{state} r:id="rId{number}"/>'
        )
        related.append(
            f'<Relationship Id="rId{number}" Type="{RELATIONS}/{kind}"'
            f' Target="{kind}s/sheet{number}.xml"/>'
        )
    related.append(f'<Relationship Id="styles" Type="{RELATIONS}/styles" Target="styles.xml"/>')
    parts["xl/workbook.xml"] = (
        f'<workbook xmlns="{MAIN}" xmlns:r="{RELATIONS}"><sheets>{"".join(listed)}</sheets>'
        "</workbook>"
    )
    parts["xl/_rels/workbook.xml.rels"] = (
        f'<Relationships xmlns="{PACKAGE}">{"".join(related)}</Relationships>'
    )
    return archive(parts)


def archive(parts: Mapping[str, str | bytes]) -> io.BytesIO:
    file = io.BytesIO()
    with ZipFile(file, "w", ZIP_DEFLATED) as packed:
        for name, content in parts.items():
            packed.writestr(name, content)
    file.seek(0)
    return file
