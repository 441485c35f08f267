"""From a spreadsheet to clients and back, with the keyboard alone, in every theme and width."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection

from notifier.clients.imports import steps
from notifier.clients.models import Client
from tests.browser.looking import Watched
from tests.clients.imports.workbooks import workbook
from tests.web.making import make_client

FILE = (
    "Телефон;Метка;Город\n"
    "+7 999 123-45-01;vip;Омск\n"
    "8 (999) 123-45-02;vip;\n"
    "7,92E+10;vip;Омск\n"
    "+7 999 123-45-01;again;\n"
)


@pytest.fixture
def cluster(transactional_db) -> Iterator[threading.Event]:
    """Works on imports beside the browser, while its event is set."""
    is_awake, is_over = threading.Event(), threading.Event()

    def work() -> None:
        try:
            while not is_over.wait(0.05):
                if is_awake.is_set() and (import_id := steps.next_in_work()) is not None:
                    steps.run_step(import_id)
        finally:
            connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    yield is_awake
    is_over.set()
    thread.join()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "клиенты.csv"
    path.write_bytes(FILE.encode("cp1251"))
    return path


def press_tab_until(page: Watched, what: str) -> None:
    """Go on by Tab, as a person without a mouse does, to the element of that id or words."""
    for _ in range(80):
        page.page.keyboard.press("Tab")
        words = page.page.evaluate(
            "[document.activeElement.id, document.activeElement.textContent.trim()]"
        )
        if what in words:
            return
    pytest.fail(f"Tab does not lead to {what}")


def press_shift_tab_until(page: Watched, element_id: str) -> None:
    for _ in range(80):
        page.page.keyboard.press("Shift+Tab")
        if page.page.evaluate("document.activeElement.id") == element_id:
            return
    pytest.fail(f"Shift+Tab does not lead to {element_id}")


def test_the_whole_wizard_by_keyboard(page: Watched, cluster, file: Path) -> None:
    make_client(phone="79991234502", tag="old")
    page.expected = ["422 (Unprocessable"]
    keyboard = page.page.keyboard
    page.open("/clients/imports/new/")
    page.look_at_it_every_way()

    # Without a file, then with one: the browser's own dialog is beyond the page.
    press_tab_until(page, "Upload")
    keyboard.press("Enter")
    page.page.wait_for_selector("text=Choose a file first.")
    page.look_at_it_every_way()
    page.page.set_input_files("#id_file", file)
    press_tab_until(page, "Upload")
    keyboard.press("Enter")

    page.page.wait_for_selector("text=Is the file read rightly?")
    page.look_at_it_every_way()
    assert page.page.input_value("#id_encoding") == "cp1251"
    assert page.page.input_value("#id_columns_1_holds") == "tag"

    # Something wrong first, and what was typed stays.
    press_tab_until(page, "id_default_timezone")
    keyboard.type("Mars")
    press_tab_until(page, "Check the file")
    keyboard.press("Enter")
    page.page.wait_for_selector("text=is not an IANA name")
    page.look_at_it_every_way()
    assert page.comes_true("document.activeElement.id === 'id_default_timezone'")
    keyboard.press("Control+A")
    keyboard.type("Asia/Omsk")
    keyboard.press("Shift+Tab")
    press_tab_until(page, "Check the file")
    keyboard.press("Enter")

    page.page.wait_for_selector("text=Waiting for its turn")
    page.look_at_it_every_way()
    cluster.set()
    page.page.wait_for_selector("text=What importing would do")
    page.page.wait_for_selector("text=Import 1 client")
    page.look_at_it_every_way()
    assert Client.objects.count() == 1

    cluster.clear()
    press_tab_until(page, "Import 1 client")
    keyboard.press("Enter")
    page.page.wait_for_selector("progress")
    page.look_at_it_every_way()
    cluster.set()
    page.page.wait_for_selector("text=Download rejected.csv (1 row)")
    page.look_at_it_every_way()
    assert dict(Client.objects.values_list("phone", "timezone")) == {
        "79991234501": "Asia/Omsk",
        "79991234502": "UTC",
    }

    press_tab_until(page, "ask-undo")
    keyboard.press("Enter")
    page.page.wait_for_selector("dialog[open] >> text=Undo this import?")
    page.look_at_it_every_way()
    keyboard.press("Escape")
    assert page.comes_true("document.activeElement.id === 'ask-undo'")
    keyboard.press("Enter")
    page.page.wait_for_selector("dialog[open] >> text=Undo this import?")
    press_tab_until(page, "Undo the import")
    keyboard.press("Enter")
    page.page.wait_for_selector("text=Undone")
    page.look_at_it_every_way()
    assert list(Client.objects.values_list("phone", "tag")) == [("79991234502", "old")]


SHEETS = {
    "Notes": {1: ["Summary"], 2: ["of May"]},
    "Клиенты 😀": {
        1: ["+7 999 123-45-01", "vip", "Омск"],
        2: ["+7 999 123-45-02", "vip", "Пермь"],
    },
    "Again": {1: ["Город", "Телефон"], 2: ["Омск", "+7 999 123-45-03"]},
}


def test_a_sheet_is_chosen_by_keyboard(page: Watched, tmp_path: Path, cluster) -> None:
    path = tmp_path / "clients.xlsx"
    path.write_bytes(workbook(SHEETS).getvalue())
    keyboard = page.page.keyboard
    page.open("/clients/imports/new/")
    page.page.set_input_files("#id_file", path)
    press_tab_until(page, "Upload")
    keyboard.press("Enter")
    # The first with phones is shown.
    page.page.wait_for_selector("text=2 rows in the sheet “Клиенты 😀”.")
    press_tab_until(page, "id_sheet")
    keyboard.press("ArrowUp")
    page.page.wait_for_selector("text=1 row in the sheet “Notes”.")
    assert page.page.input_value("#id_has_header") == "yes"

    keyboard.press("ArrowDown")
    page.page.wait_for_selector("text=2 rows in the sheet “Клиенты 😀”.")
    assert page.comes_true("document.activeElement.id === 'id_sheet'")
    assert page.page.input_value("#id_has_header") == "no"
    assert page.page.input_value("#id_columns_0_holds") == "phone"
    page.look_at_it_every_way()

    # What is said of a column stays when the file is read in another way, and the focus too.
    press_tab_until(page, "id_columns_1_holds")
    keyboard.type("Tag")
    press_shift_tab_until(page, "id_sheet")
    keyboard.type("Again")
    page.page.wait_for_selector("text=1 row in the sheet “Again”.")
    assert page.page.input_value("#id_columns_1_holds") == "phone"
    press_tab_until(page, "id_columns_0_attribute")
    keyboard.press("Control+A")
    keyboard.type("town")
    press_shift_tab_until(page, "id_has_header")
    keyboard.press("ArrowDown")
    page.page.wait_for_selector("text=2 rows in the sheet “Again”.")
    assert page.comes_true("document.activeElement.id === 'id_has_header'")
    assert page.page.input_value("#id_columns_0_attribute") == "Column 1"
    press_shift_tab_until(page, "id_sheet")
    keyboard.press("ArrowUp")
    page.page.wait_for_selector("text=2 rows in the sheet “Клиенты 😀”.")
    press_tab_until(page, "id_columns_1_holds")
    keyboard.type("Tag")

    press_tab_until(page, "Check the file")
    keyboard.press("Enter")
    cluster.set()
    page.page.wait_for_selector("text=Import 2 clients")
    press_tab_until(page, "Import 2 clients")
    keyboard.press("Enter")
    page.page.wait_for_selector("text=clients.xlsx, sheet Клиенты 😀")
    page.page.wait_for_selector("text=Undo")
    page.look_at_it_every_way()
    assert list(Client.objects.order_by("phone").values_list("phone", "tag")) == [
        ("79991234501", "vip"),
        ("79991234502", "vip"),
    ]


DROP = """([place, ...names]) => {
  const dataTransfer = new DataTransfer();
  for (const name of names) dataTransfer.items.add(new File(["phone"], name));
  const event = (kind) => new DragEvent(kind, { bubbles: true, cancelable: true, dataTransfer });
  document.querySelector(place).dispatchEvent(event("dragover"));
  const isOver = document.querySelector("[data-drop-zone]").matches(".is-over");
  const drop = event("drop");
  document.querySelector(place).dispatchEvent(drop);
  const [file] = document.querySelector("#id_file").files;
  return [isOver, drop.defaultPrevented, file?.name ?? ""];
}"""


def test_a_file_may_be_dropped_anywhere_on_the_page(page: Watched) -> None:
    page.open("/clients/imports/new/")

    assert page.page.evaluate(DROP, ["h1", "a.csv"]) == [True, True, "a.csv"]
    assert page.page.evaluate(DROP, ["[data-drop-zone]", "b.csv"]) == [True, True, "b.csv"]
    assert not page.page.is_visible(".is-over")


def test_of_several_files_none_is_taken(page: Watched) -> None:
    page.open("/clients/imports/new/")

    assert page.page.evaluate(DROP, ["h1", "a.csv", "b.csv"]) == [True, True, ""]
    assert page.page.is_visible("text=Drop one file at a time.")
    assert page.page.evaluate(DROP, ["h1", "a.csv"]) == [True, True, "a.csv"]
    assert not page.page.is_visible("text=Drop one file at a time.")


def test_a_file_that_was_changed_after_it_was_chosen_is_to_be_chosen_again(
    page: Watched, file: Path
) -> None:
    page.expected = ["ERR_UPLOAD_FILE_CHANGED", "htmx:"]
    page.open("/clients/imports/new/")
    page.page.set_input_files("#id_file", file)
    file.write_bytes(b"phone\n79991234501\n")
    # Browsers look at the time, in seconds.
    os.utime(file, (0, 0))

    page.page.click("[data-upload-start]")

    page.page.wait_for_selector("text=If you have changed it since, choose it again")
    page.page.set_input_files("#id_file", file)
    page.page.click("[data-upload-start]")
    page.page.wait_for_selector("text=Is the file read rightly?")


def test_rows_that_could_not_be_shown_are_asked_for_again(page: Watched, tmp_path: Path) -> None:
    page.expected = ["Failed to load resource", "Response Status Error Code 500"]
    shown, path = page.page, tmp_path / "clients.xlsx"
    path.write_bytes(workbook(SHEETS).getvalue())
    page.open("/clients/imports/new/")
    shown.set_input_files("#id_file", path)
    shown.click("[data-upload-start]")
    shown.wait_for_selector("text=2 rows in the sheet “Клиенты 😀”.")

    shown.route("**/settings/", lambda route: route.fulfill(status=500, body="<h1>Oops</h1>"))
    shown.select_option("#id_sheet", "Again")
    shown.wait_for_selector("text=Couldn’t refresh.")
    assert "2 rows in the sheet “Клиенты 😀”." in shown.inner_text("#preview")

    shown.unroute("**/settings/")
    shown.click("[data-retry]")
    shown.wait_for_selector("text=1 row in the sheet “Again”.")
    assert shown.is_hidden("#refresh-failed")
