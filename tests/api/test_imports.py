from io import BytesIO

import pytest

from notifier.clients.imports.models import ClientImport
from notifier.clients.models import Client
from notifier.delivery.client_imports import work_on_import
from tests.clients.imports.workbooks import workbook

FILE = "Mobile;Town;Notes\n79991234501;Omsk;x\n7921;Perm;y\n79991234501;Omsk;z\n"


@pytest.fixture
def post(api):
    def post(content: str | bytes = FILE, **parts: object):
        data = content.encode() if isinstance(content, str) else content
        file = BytesIO(data)
        file.name = "clients.csv"
        return api.post("/api/import/", {"file": file, **parts}, format="multipart")

    return post


def worked(api, answer) -> dict:
    assert answer.status_code == 201, answer.json()
    number = answer.json()["id"]
    work_on_import(number)
    return api.get(f"/api/import/{number}/").json()


def test_a_file_is_imported_at_once(api, post):
    answer = post(columns='{"Town": "attribute:city", "Notes": "ignore"}', default_tag="autumn")

    assert answer.json()["status"] == "checking"
    done = worked(api, answer)
    assert (done["status"], done["counts"], done["reasons"]) == (
        "finished",
        {"new": 1, "changed": 0, "unchanged": 0, "duplicates": 1, "rejected": 1},
        [
            {
                "code": "phone_digits",
                "words": "Phone number of a wrong length",
                "count": 1,
                "examples": [
                    {"line": 3, "reason": 'Phone number "7921" has 4 digits; 11 expected.'}
                ],
            }
        ],
    )
    client = Client.objects.get()
    assert (client.tag, client.attributes) == ("autumn", {"city": "Omsk"})


MAY = {1: ["phone"], 2: ["79991234501"]}
JUNE = {1: ["phone"], 2: ["79991234502"], 3: ["79991234503"]}


def test_of_a_workbook_the_first_sheet_is_read_or_the_one_that_is_named(api, post):
    content = workbook({"May": MAY, "Июнь 😀": JUNE}).getvalue()

    first = worked(api, post(content, dry_run="true"))
    named = worked(api, post(content, dry_run="true", sheet="Июнь 😀"))

    assert (first["sheet"], first["counts"]["new"]) == ("May", 1)
    assert (named["sheet"], named["counts"]["new"]) == ("Июнь 😀", 2)
    assert first["sheets"] == named["sheets"] == ["May", "Июнь 😀"]


def test_where_no_sheet_has_phones_it_is_told_which_one_was_read(api, post):
    refused = post(workbook({"Cover": {1: ["Hello"]}, "Prices": {1: ["item"]}}).getvalue())

    assert refused.json()["errors"] == {
        "columns": ['No column holds the phone: say which one does. The sheet "Cover" has Hello.']
    }


def test_a_sheet_that_is_not_there_is_refused_with_those_that_are(api, post):
    refused = post(workbook({"May": MAY, "June": JUNE}).getvalue(), sheet="July")
    no_workbook = post(sheet="May")

    assert (refused.status_code, no_workbook.status_code) == (400, 400)
    assert refused.json()["errors"] == {
        "sheet": ['The workbook has no visible sheet "July" with data in it. It has "May", "June".']
    }
    assert no_workbook.json()["errors"] == {
        "sheet": ["Only a workbook has sheets to choose from, and this file is none."]
    }
    assert not ClientImport.objects.exists()


def test_a_dry_run_waits_to_be_started(api, post):
    checked = worked(api, post(dry_run="true"))
    assert (checked["status"], checked["counts"]["new"]) == ("checked", 1)
    assert not Client.objects.exists()

    started = api.post(f"/api/import/{checked['id']}/start/").json()
    assert started["status"] == "importing"
    work_on_import(checked["id"])

    assert Client.objects.count() == 1


def test_a_dry_run_has_examples(api, post):
    Client.objects.create(phone="79991234502", operator=999, tag="old")
    file = "phone,tag,city\n79991234501,vip,Omsk\n79991234502,new,\n79991234501,a,\n"

    checked = worked(api, post(file, dry_run="true", known="update"))

    assert checked["examples"] == {
        "new": [
            {
                "line": 2,
                "phone_number": "79991234501",
                "operator": 999,
                "tag": "vip",
                "timezone": "UTC",
                "attributes": {"city": "Omsk"},
            }
        ],
        "changed": [
            {
                "line": 3,
                "phone_number": "79991234502",
                "differences": [{"name": "tag", "before": "old", "after": "new"}],
            }
        ],
        "duplicates": [{"phone_number": "79991234501", "line": 4, "first_line": 2}],
    }


def test_whom_undoing_left_is_listed(api, post):
    done = worked(api, post("phone,tag\n79991234501,a\n79991234502,a\n"))
    edited = Client.objects.get(phone="79991234502")
    assert api.patch(f"/api/client/{edited.pk}/", {"tag": "b"}).status_code == 200
    assert api.get(f"/api/import/{done['id']}/kept/").json() == []

    api.post(f"/api/import/{done['id']}/undo/")
    work_on_import(done["id"])

    assert api.get(f"/api/import/{done['id']}/kept/").json() == [
        {"client": edited.pk, "phone_number": "79991234502", "why": "was edited since"}
    ]


def test_the_rejected_rows_are_a_file(api, post):
    done = worked(api, post())

    answer = api.get(f"/api/import/{done['id']}/rejected/")

    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert b"".join(answer).decode() == (
        "\ufeffline;reason;Mobile;Town;Notes\r\n"
        '3;"Phone number ""7921"" has 4 digits; 11 expected.";7921;Perm;y\r\n'
    )


def test_it_can_be_undone_once(api, post):
    done = worked(api, post())

    undoing = api.post(f"/api/import/{done['id']}/undo/")
    work_on_import(done["id"])
    again = api.post(f"/api/import/{done['id']}/undo/")

    assert undoing.json()["status"] == "undoing"
    assert api.get(f"/api/import/{done['id']}/").json()["undone"] == {
        "removed": 1, "restored": 0, "kept": 0,
    }  # fmt: skip
    assert (again.status_code, Client.objects.count()) == (409, 0)
    assert again.json()["detail"] == "Only an import that has ended can be undone, and once."


def test_how_the_file_is_written_may_be_said(api, post):
    done = worked(
        api,
        post(
            "79991234501|один\n".encode("cp1251"),
            encoding="cp1251", delimiter="|", has_header="false",
            columns='{"Column 2": "tag"}',
        ),
    )  # fmt: skip

    assert done["counts"]["new"] == 1
    assert Client.objects.get().tag == "один"


@pytest.mark.parametrize(
    ("content", "parts", "errors"),
    [
        (b"\x89PNG\r\n", {}, {"file": "The file is a picture"}),
        (b"", {}, {"file": "The file is empty."}),
        ("a;b\n1;2\n", {}, {"columns": "No column holds the phone: say which one does. "
         "The file has a, b."}),
        (FILE, {"columns": '{"Nothing": "tag"}'}, {"columns": 'There is no column "Nothing"'}),
        (FILE, {"columns": "["}, {"columns": "It is not JSON"}),
        (FILE, {"columns": "[" * 100_000}, {"columns": "It is nested too deeply."}),
        (FILE, {"columns": r'{"Town": "attribute:a\u0000"}'},
         {"columns[1]": "An attribute's name has invisible control characters"}),
        (FILE, {"columns": r'{"Town": "attribute:\ud800"}'}, {"columns": "It is not JSON"}),
        (FILE, {"known": "all"}, {"known": '"all" is not a valid choice: use "keep", '}),
        (FILE, {"default_operator": "12"}, {"default_operator": 'Operator "12"'}),
        (FILE, {"default_timezone": "Moscow"}, {"default_timezone": 'Time zone "Moscow"'}),
        (FILE, {"delimeter": ","}, {"delimeter": 'There is no field "delimeter"'}),
    ],
)  # fmt: skip
def test_what_cannot_be_imported_is_refused_by_name_and_nothing_is_kept(
    post, content, parts, errors
):
    answer = post(content, **parts)

    assert answer.status_code == 400
    found = {name: words[0] for name, words in answer.json()["errors"].items()}
    assert found.keys() == errors.keys()
    assert all(found[name].startswith(words) for name, words in errors.items())
    assert not ClientImport.objects.exists()


def test_too_large_a_file_is_refused_in_words(post, settings):
    settings.IMPORT_MOST_MEGABYTES = 1

    answer = post(b"phone\n" + b"x" * (3 << 20))

    assert answer.status_code == 400
    assert "at most 1 MB are imported" in answer.json()["errors"]["file"][0]
    assert not ClientImport.objects.exists()


def test_what_has_changed_nothing_can_be_forgotten(api, post):
    checked = worked(api, post(dry_run="true"))

    assert api.delete(f"/api/import/{checked['id']}/").status_code == 204
    assert not ClientImport.objects.exists()


def test_the_list_takes_as_many_queries_for_three_as_for_one(api, post, count_queries):
    worked(api, post())
    one = count_queries(lambda: api.get("/api/import/"))
    for _ in range(2):
        worked(api, post())

    assert count_queries(lambda: api.get("/api/import/")) == one
    assert [
        each["status"] for each in api.get("/api/import/?status=finished").json()["results"]
    ] == (["finished"] * 3)


def test_strangers_are_sent_away(stranger):
    assert stranger.get("/api/import/").status_code == 401
