"""The pages of an import, each at the step that its status calls for."""

import re
from html import unescape

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext

from notifier.clients.imports import lifecycle
from notifier.clients.imports.models import ClientImport
from notifier.clients.models import Client
from tests.clients.imports.importing import checked, imported, options, received, undone, worked
from tests.clients.imports.workbooks import workbook
from tests.web.making import make_client
from tests.web.reading import rows_of, words_of

pytestmark = pytest.mark.django_db

FILE = "phone;tag;city\n79991234501;vip;Omsk\n79991234502;vip;\n7921;x;\n79991234501;again;\n"
HOSTILE = '"><script>alert(1)</script>'


def upload(browser, content: bytes | str = FILE, name: str = "clients.csv"):
    data = content.encode() if isinstance(content, str) else content
    file = SimpleUploadedFile(name, data)
    return browser.post("/clients/imports/new/", {"file": file})


def settings_of(client_import: ClientImport, **said: str) -> dict[str, str]:
    """What the form of the second step would send, with what a person changed in it."""
    fields = {
        "encoding": client_import.encoding,
        "delimiter": client_import.delimiter,
        "has_header": "yes",
        "known_clients": "keep",
        "default_operator": "",
        "default_tag": "",
        "default_timezone": "",
    }
    for index, column in enumerate(client_import.columns):
        fields[f"columns_{index}_holds"] = column["holds"]
        fields[f"columns_{index}_attribute"] = column["attribute"]
    return fields | said


def test_a_file_leads_to_how_it_is_read(browser) -> None:
    answer = upload(browser)

    page = browser.get(answer["Location"])
    made = ClientImport.objects.get()
    assert answer["Location"] == f"/clients/imports/{made.pk}/"
    assert rows_of(page)[0] == ["2", "79991234501", "vip", "Omsk"]
    assert made.created_by.username == "anna"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "The file is empty."),
        (b"\x89PNG\r\n\x1a\n" + b"\x00" * 50, "The file is a picture"),
    ],
)
def test_what_is_no_table_is_refused_in_words(browser, content, words) -> None:
    answer = upload(browser, content)

    assert answer.status_code == 422
    assert words in words_of(answer)
    assert not ClientImport.objects.exists()


def test_where_a_file_was_refused_another_may_be_dropped(browser) -> None:
    script = {"HX-Request": "true", "HX-Target": "upload"}
    answer = browser.post("/clients/imports/new/", {"file": ""}, headers=script)

    assert "<span data-drop-words>" in answer.content.decode()


def test_a_name_with_quotation_marks_is_kept_as_it_is(browser) -> None:
    upload(browser, name="the %22good%22 ones 😀.csv")

    assert ClientImport.objects.get().file_name == 'the "good" ones 😀.csv'


def test_too_large_a_file_is_refused_before_it_is_kept(browser, settings) -> None:
    settings.IMPORT_MOST_MEGABYTES = 1

    answer = upload(browser, b"phone\n" + b"x" * (3 << 20))

    assert answer.status_code == 422
    assert "at most 1 MB are imported" in words_of(answer)
    assert not ClientImport.objects.exists()


def test_no_file_at_all_is_told(browser) -> None:
    answer = browser.post("/clients/imports/new/")

    assert (answer.status_code, "Choose a file first." in words_of(answer)) == (422, True)


def test_the_preview_follows_how_the_file_is_said_to_be_written(browser) -> None:
    made = received("phone,tag\n79991234501,a|b\n")

    answer = browser.get(
        f"/clients/imports/{made.pk}/settings/",
        {"encoding": "utf-8", "delimiter": "|", "has_header": "no"},
        headers={"HX-Request": "true", "HX-Target": "preview"},
    )

    assert rows_of(answer) == [["1", "phone,tag", ""], ["2", "79991234501,a", "b"]]
    made.refresh_from_db()
    assert made.delimiter == ","


SHEETS = {
    "May": {1: ["phone", "note", "city"], 2: ["79991234501", "a", "Omsk"]},
    '"Июнь" <b>': {1: ["79991234502", "b", "Perm"], 2: ["79991234503", "c", "Perm"]},
    "July": {1: ["city", "phone", "note"], 2: ["Omsk", "79991234504", "d"]},
}


def fields_of(answer) -> dict[str, str]:
    """What the page's form would send of the sheet and its columns."""
    content = answer.content.decode()
    fields = {
        name: unescape(value)
        for name, value in re.findall(
            r'<input type="(?:hidden|text)" name="(shown_sheet|columns_\w+)" value="([^"]*)"',
            content,
        )
    }
    for select in re.findall(r"<select.*?</select>", content, re.DOTALL):
        name = re.search('name="([^"]*)"', select)[1]
        chosen = re.search('<option value="([^"]*)" selected', select)
        fields[name] = unescape(chosen[1]) if chosen else ""
    return fields


def look(browser, made: ClientImport, **said: str):
    return browser.post(
        f"/clients/imports/{made.pk}/settings/",
        {"look": "yes", "known_clients": "keep", **said},
        headers={"HX-Request": "true", "HX-Target": "preview"},
    )


def test_the_sheet_is_chosen_where_there_are_several(browser) -> None:
    several = received(workbook(SHEETS).getvalue(), name="clients.xlsx")
    one = received(workbook({"May": SHEETS["May"]}).getvalue(), name="clients.xlsx")
    text = received(FILE)

    page = browser.get(f"/clients/imports/{several.pk}/")

    assert "1 row in the sheet “May”." in words_of(page)
    assert re.findall('<option value="([^"]*)"[^>]*>', page.content.decode())[:3] == [
        "May", "&quot;Июнь&quot; &lt;b&gt;", "July",
    ]  # fmt: skip
    for other in (one, text):
        assert 'name="sheet"' not in browser.get(f"/clients/imports/{other.pk}/").content.decode()


def test_another_sheet_shows_its_rows_and_how_its_header_is_read(browser) -> None:
    made = received(workbook(SHEETS).getvalue(), name="clients.xlsx")
    shown = fields_of(browser.get(f"/clients/imports/{made.pk}/"))

    answer = look(browser, made, **shown | {"sheet": '"Июнь" <b>'})

    assert rows_of(answer) == [["1", "79991234502", "b", "Perm"], ["2", "79991234503", "c", "Perm"]]
    seen = fields_of(answer)
    assert (shown["has_header"], seen["has_header"]) == ("yes", "no")
    assert (seen["shown_sheet"], seen["columns_0_holds"]) == ('"Июнь" <b>', "phone")
    made.refresh_from_db()
    assert (made.sheet, made.status) == ("May", "uploaded")

    # The header is said otherwise now, and then the first sheet is looked at again.
    again = look(browser, made, **shown | seen | {"sheet": '"Июнь" <b>', "has_header": "yes"})
    assert rows_of(again) == [["2", "79991234503", "c", "Perm"]]
    back = look(browser, made, **shown | fields_of(again) | {"sheet": "May"})
    assert rows_of(back) == [["2", "79991234501", "a", "Omsk"]]


def test_the_chosen_sheet_is_imported_and_named(browser) -> None:
    made = received(workbook(SHEETS).getvalue(), name="clients.xlsx")
    seen = fields_of(look(browser, made, sheet="July", shown_sheet="May", has_header="yes"))

    browser.post(
        f"/clients/imports/{made.pk}/settings/",
        settings_of(made) | seen | {"sheet": "July", "has_header": "yes"},
    )
    worked(made)
    browser.post(f"/clients/imports/{made.pk}/", {"action": "start"})
    worked(made)

    assert list(Client.objects.values_list("phone", flat=True)) == ["79991234504"]
    for address in ("/clients/imports/", f"/clients/imports/{made.pk}/"):
        assert "clients.xlsx, sheet July" in words_of(browser.get(address))


def test_what_was_chosen_for_columns_is_kept_when_the_file_is_read_differently(browser) -> None:
    made = received(workbook(SHEETS).getvalue(), name="clients.xlsx")
    shown = fields_of(browser.get(f"/clients/imports/{made.pk}/"))
    by_hand = {"columns_1_holds": "ignore", "columns_2_attribute": "town"}

    seen = fields_of(look(browser, made, **shown | by_hand | {"sheet": "July"}))

    assert (seen["columns_0_holds"], seen["columns_0_attribute"]) == ("attribute", "town")
    assert [seen[f"columns_{column}_holds"] for column in (1, 2)] == ["phone", "ignore"]
    # And on the way back, by what had been guessed rather than by what the page showed last.
    back = fields_of(look(browser, made, **seen | {"sheet": "May", "has_header": "yes"}))
    assert [back[f"columns_{column}_holds"] for column in range(3)] == [
        "phone", "ignore", "attribute",
    ]  # fmt: skip
    assert back["columns_2_attribute"] == "town"


def test_what_was_chosen_comes_back_with_the_sheet_that_it_was_chosen_for(browser) -> None:
    sheets = {
        "May": {1: ["phone", "tag", "town"], 2: ["79991234501", "a", "Omsk"]},
        "Prices": {1: ["item", "tag"], 2: ["tea", "hot"]},
        "Wide": {1: ["x"] * 201},
    }
    made = received(workbook(sheets).getvalue(), name="clients.xlsx")
    seen = fields_of(browser.get(f"/clients/imports/{made.pk}/"))
    by_hand = {"columns_1_holds": "ignore", "columns_2_holds": "tag"}

    # One without the column, one that cannot be read at all, and back.
    seen = fields_of(look(browser, made, **seen | by_hand | {"sheet": "Prices"}))
    assert [seen[f"columns_{column}_holds"] for column in range(2)] == ["attribute", "ignore"]
    seen |= {"columns_0_attribute": "goods"}
    seen = fields_of(look(browser, made, **seen | {"sheet": "Wide"}))
    assert "columns_0_holds" not in seen
    prices = fields_of(look(browser, made, **seen | {"sheet": "Prices"}))
    may = fields_of(look(browser, made, **seen | {"sheet": "May"}))

    assert (prices["columns_0_attribute"], prices["columns_1_holds"]) == ("goods", "ignore")
    assert [may[f"columns_{column}_holds"] for column in range(3)] == ["phone", "ignore", "tag"]


def test_what_was_chosen_comes_back_after_a_wrong_delimiter(browser) -> None:
    made = received("phone;town\n79991234501;Omsk\n")
    seen = fields_of(browser.get(f"/clients/imports/{made.pk}/")) | {"columns_1_holds": "tag"}

    seen = fields_of(look(browser, made, **seen | {"delimiter": ","}))
    assert "columns_1_holds" not in seen
    seen = fields_of(look(browser, made, **seen | {"delimiter": ";"}))

    assert [seen[f"columns_{column}_holds"] for column in range(2)] == ["phone", "tag"]


@pytest.mark.parametrize("aside", ["{", "{}", "1", '["phone"]', "[{}]", "[" * 9_000])
def test_nonsense_about_what_was_chosen_before_is_as_nothing(browser, aside) -> None:
    made = received(FILE)

    answer = look(browser, made, columns_aside=aside)

    assert (answer.status_code, fields_of(answer)["columns_0_holds"]) == (200, "phone")


def test_a_page_that_is_open_still_follows_an_import_that_has_gone_on(browser) -> None:
    made = received(workbook(SHEETS).getvalue(), name="clients.xlsx")
    shown = settings_of(made) | fields_of(browser.get(f"/clients/imports/{made.pk}/"))
    # In another tab.
    browser.post(f"/clients/imports/{made.pk}/settings/", shown | {"sheet": "May"})

    answer = look(browser, made, **shown | {"sheet": "July"})

    assert answer["HX-Redirect"] == f"/clients/imports/{made.pk}/"
    assert not answer.content
    page = browser.get(answer["HX-Redirect"])
    assert "somebody has gone on with the import" in words_of(page)


def test_the_rejected_rows_of_sheets_have_names_of_their_own(browser) -> None:
    damaged = {1: ["phone"], 2: ["7.92E+10"]}
    several = workbook({"May": damaged, "Июнь": damaged}).getvalue()
    made = received(several, name="clients.xlsx")

    answer = browser.get(f"/clients/imports/{made.pk}/rejected.csv")

    assert answer["Content-Disposition"] == 'attachment; filename="clients-May-rejected.csv"'


def test_what_was_chosen_for_one_table_is_not_done_to_another(browser) -> None:
    """As when a sheet is chosen and the file sent before its rows have come."""
    made = received(workbook(SHEETS).getvalue(), name="clients.xlsx")
    address = f"/clients/imports/{made.pk}/settings/"
    shown = settings_of(made) | fields_of(browser.get(address))

    answer = browser.post(address, shown | {"sheet": "July", "default_tag": "autumn"})

    assert answer.status_code == 422
    assert "The file has other columns when it is read so" in words_of(answer)
    assert rows_of(answer) == [["2", "Omsk", "79991234504", "d"]]
    assert fields_of(answer)["columns_1_holds"] == "phone"
    assert answer.content.decode().count('id="id_has_header"') == 1
    assert 'value="autumn"' in answer.content.decode()
    made.refresh_from_db()
    assert (made.status, made.sheet) == ("uploaded", "May")


@pytest.mark.parametrize("guess", ["{", "[]", "1", '{"name": "phone"}', "[" * 9_000])
def test_nonsense_about_what_was_guessed_is_as_nothing(browser, guess) -> None:
    made = received(FILE)

    answer = look(browser, made, columns_0_guess=guess, columns_0_holds="tag")

    assert (answer.status_code, fields_of(answer)["columns_0_holds"]) == (200, "phone")


def test_it_is_told_how_much_of_the_file_is_shown(browser) -> None:
    small = received("phone\n79991234501\n")
    large = received("phone\n" + "79991234501\n" * 21)

    assert "1 row in the file." in words_of(browser.get(f"/clients/imports/{small.pk}/"))
    assert "The first 20 rows of the file." in words_of(
        browser.get(f"/clients/imports/{large.pk}/")
    )


def test_titles_above_the_header_are_told_not_to_be_read(browser) -> None:
    made = received("Clients, 2026\n\nPeriod;May;;;\nNo;Phone;City;Sum;Tag\n1;79991234501;;;\n")

    words = words_of(browser.get(f"/clients/imports/{made.pk}/"))

    assert "line 1, “Clients, 2026”; line 3, “Period May”." in words
    assert rows_of(browser.get(f"/clients/imports/{made.pk}/")) == [
        ["5", "1", "79991234501", "", "", ""]
    ]


def test_what_is_wrong_in_the_settings_is_told_where_it_is_and_nothing_is_lost(browser) -> None:
    made = received(FILE)
    said = settings_of(
        made, columns_1_holds="phone", columns_2_attribute="", default_timezone="Mars",
        default_tag="autumn",
    )  # fmt: skip

    answer = browser.post(f"/clients/imports/{made.pk}/settings/", said)

    words = words_of(answer)
    assert answer.status_code == 422
    assert 'Column "phone" holds the phone already.' in words
    assert "Name the attribute, or do not import the column." in words
    assert 'Time zone "Mars" is not an IANA name' in words
    assert 'value="autumn"' in answer.content.decode()
    made.refresh_from_db()
    assert made.status == "uploaded"


def test_where_no_column_holds_the_phone_the_columns_take_the_focus(browser) -> None:
    made = received(FILE)
    said = settings_of(made, columns_0_holds="ignore")

    answer = browser.post(f"/clients/imports/{made.pk}/settings/", said)

    focused = re.findall(r"<\w+[^>]* autofocus[^>]*>", answer.content.decode())
    assert "No column holds the phone: say which one does." in words_of(answer)
    assert ['name="columns_0_holds"' in each for each in focused] == [True]


def test_from_the_settings_to_the_dry_run_to_the_report(browser) -> None:
    make_client(phone="79991234502", tag="old")
    made = received(FILE)
    address = f"/clients/imports/{made.pk}/"

    checking = browser.post(f"{address}settings/", settings_of(made, known_clients="update"))
    assert (checking.status_code, checking["Location"]) == (302, address)
    assert "Reading the file" in words_of(browser.get(address)) or "Waiting" in words_of(
        browser.get(address)
    )
    worked(made)

    review = browser.get(address)
    assert {row[0].split()[0]: row[1] for row in rows_of(review)[:5]} == {
        "New": "1", "Changed": "1", "Unchanged": "0", "Duplicate": "1", "Rejected": "1",
    }  # fmt: skip
    assert "Import 2 clients" in words_of(review)
    assert 'Phone number "7921" has 4 digits; 11 expected.' in words_of(review)
    assert Client.objects.count() == 1

    browser.post(address, {"action": "start"})
    worked(ClientImport.objects.get())
    report = browser.get(address)
    assert "Download rejected.csv (1 row)" in words_of(report)
    assert dict(Client.objects.values_list("phone", "tag")) == {
        "79991234501": "vip",
        "79991234502": "vip",
    }


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("phone\n", "there are no rows below the header."),
        ("phone\n7921\n7922\n", "every row is rejected, for the reasons below."),
        ("phone\n79991234509\n7921\n", "no row is new, and none changes anything."),
    ],
)
def test_why_there_is_nothing_to_import_is_told(browser, content, words) -> None:
    make_client(phone="79991234509")
    made = checked(content)

    page = words_of(browser.get(f"/clients/imports/{made.pk}/"))

    assert f"There is nothing to import: {words}" in page


@pytest.mark.parametrize("make", [checked, imported])
def test_what_was_chosen_is_told_before_and_after(browser, make) -> None:
    made = make(FILE, known_clients="fill", default_tag="autumn", default_timezone="Asia/Omsk")

    page = words_of(browser.get(f"/clients/imports/{made.pk}/"))

    assert "Clients you have already: fill in only what is empty." in page
    assert "cell is blank: tag “autumn”, time zone Asia/Omsk." in page


def test_the_number_of_new_clients_leads_to_them(browser) -> None:
    done = imported(FILE)

    answer = browser.get(f"/clients/imports/{done.pk}/")

    assert f'<a href="/clients/?import={done.pk}">2</a>' in answer.content.decode()


def test_what_is_foreseen_leads_nowhere(browser) -> None:
    made = checked(FILE)

    assert "/clients/?import=" not in browser.get(f"/clients/imports/{made.pk}/").content.decode()


def test_undoing_says_what_it_does_and_does_it(browser) -> None:
    make_client(phone="79991234502", tag="old")
    done = imported(FILE, known_clients="update")
    Client.objects.get(phone="79991234501").save()
    address = f"/clients/imports/{done.pk}/"

    asked = words_of(browser.get(f"{address}confirm/undo/"))
    browser.post(address, {"action": "undo"})
    worked(ClientImport.objects.get())
    answer = browser.get(address)

    assert "1 changed client becomes as before." in asked
    assert re.search("1 .*edited since", asked)
    assert "+79991234501" in words_of(answer)
    assert dict(Client.objects.values_list("phone", "tag")) == {
        "79991234501": "vip",
        "79991234502": "old",
    }


def test_where_nothing_can_be_taken_back_nothing_is_offered(browser) -> None:
    make_client(phone="79991234501")
    done = imported("phone;stop\n79991234501;yes\n")

    asked = words_of(browser.get(f"/clients/imports/{done.pk}/confirm/undo/"))

    assert "There is nothing to take back 1 opt-out stays." in asked
    assert "Undo" not in asked


def test_what_comes_too_late_is_told(browser) -> None:
    done = undone(imported(FILE))

    answer = browser.post(f"/clients/imports/{done.pk}/", {"action": "undo"}, follow=True)

    assert "Only an import that has ended can be undone, and once." in words_of(answer)


def test_a_cancelled_import_may_be_begun_again_or_discarded(browser) -> None:
    made = received(FILE)
    lifecycle.begin_check(made, options(made))
    address = f"/clients/imports/{made.pk}/"
    browser.post(address, {"action": "cancel"})

    again = browser.post(address, {"action": "again"})
    discarded = browser.post(address, {"action": "discard"})

    left = ClientImport.objects.get()
    assert again["Location"] == f"/clients/imports/{left.pk}/"
    assert (left.status, discarded["Location"]) == ("uploaded", "/clients/imports/")


def test_the_rejected_rows_are_a_file_named_after_theirs(browser) -> None:
    done = imported(FILE)

    answer = browser.get(f"/clients/imports/{done.pk}/rejected.csv")

    assert answer["Content-Disposition"] == 'attachment; filename="clients-rejected.csv"'
    assert b"".join(answer).decode("utf-8-sig").splitlines()[0] == "line;reason;phone;tag;city"


def test_hostile_names_and_cells_stay_words(browser) -> None:
    quoted = HOSTILE.replace('"', '""')
    made = checked(f'phone,"{quoted}"\n79991234501,"{quoted}"\n"{quoted}",x\n')
    ClientImport.objects.update(file_name=HOSTILE)

    for address in ("/clients/imports/", f"/clients/imports/{made.pk}/",
                    f"/clients/imports/{made.pk}/settings/"):  # fmt: skip
        content = browser.get(address).content.decode()
        assert "<script>alert" not in content
        assert "&lt;script&gt;" in content


def test_the_list_takes_as_many_queries_for_three_as_for_one(browser) -> None:
    imported(FILE)
    browser.get("/clients/imports/")
    with CaptureQueriesContext(connection) as one:
        browser.get("/clients/imports/")
    for _ in range(2):
        imported(FILE)

    with CaptureQueriesContext(connection) as three:
        answer = browser.get("/clients/imports/")

    assert len(three) == len(one)
    assert len(rows_of(answer)) == 3


def test_a_sample_file_is_one_that_can_be_imported(browser) -> None:
    sample = b"".join(browser.get("/clients/imports/sample.csv"))

    done = imported(sample)

    assert (done.new, done.rejected, done.opted_out) == (3, 0, 1)
