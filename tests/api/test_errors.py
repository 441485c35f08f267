"""Whatever is wrong with a request, the answer is JSON of one shape."""

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import OperationalError

from notifier.clients.models import Client

pytestmark = pytest.mark.django_db

JSON = "application/json"


def problem(answer) -> tuple[int, str, dict]:
    """Status, detail and errors, having checked that there is nothing else."""
    assert answer.headers["Content-Type"] == JSON
    body = answer.json()
    assert body.keys() == {"detail", "errors"}
    return answer.status_code, body["detail"], body["errors"]


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ("{", "The body is not JSON: Expecting property name enclosed in double quotes: "
         "line 1 column 2 (char 1)."),
        ("[1]", "The body is not a JSON object."),
        ("7", "The body is not a JSON object."),
        (b'{"tag": "\xff"}', "The body is not UTF-8 text."),
        ('{"tag": NaN}', "The body is not JSON: NaN is not a number."),
        ('{"tag": 1e999}', "The body is not JSON: 1e999 is out of range."),
        ('{"tag": ' + "9" * 1_001 + "}", "The body is not JSON: a number has 1,001 digits."),
        (r'{"tag": "\ud800"}',
         "The body is not JSON: it holds half a character (a single surrogate)."),
        ("[" * 100_000, "The body is nested too deeply."),
    ],
)  # fmt: skip
def test_a_body_that_is_no_json_object_is_refused(api, body, detail):
    answer = api.post("/api/client/", body, content_type=JSON)

    assert problem(answer) == (400, detail, {})


def test_whole_characters_beyond_the_basic_plane_are_welcome(api):
    body = r'{"phone_number": "79991234567", "tag": "\ud83c\udf89"}'

    answer = api.post("/api/client/", body, content_type=JSON)

    assert (answer.status_code, answer.json()["tag"]) == (201, "🎉")


def test_a_body_of_another_type_is_refused(api):
    answer = api.post(
        "/api/client/", "phone_number=7", content_type="application/x-www-form-urlencoded"
    )

    assert problem(answer) == (
        415, "Send the body as JSON, with the header Content-Type: application/json.", {},
    )  # fmt: skip


def test_a_body_without_a_length_is_refused(api):
    answer = api.post("/api/client/", {}, headers={"Transfer-Encoding": "chunked"})

    assert problem(answer) == (
        411, "The body is sent in chunks: send it as a whole, with the header Content-Length.", {},
    )  # fmt: skip


def test_a_file_that_comes_in_no_form_is_refused(api):
    answer = api.post("/api/import/", {"file": "phone"})

    assert problem(answer) == (
        415,
        "Send the file as a part of a form, with the header Content-Type: multipart/form-data.",
        {},
    )


def test_an_import_without_anything_is_refused(api):
    answer = api.post("/api/import/", format="multipart")

    assert problem(answer)[:2] == (400, '"file" is missing.')


def test_a_form_with_two_files_is_refused(api):
    files = [SimpleUploadedFile("a.csv", b"phone") for _ in range(2)]
    answer = api.post("/api/import/", {"file": files}, format="multipart")

    assert problem(answer)[:2] == (400, '"file" is given twice.')


def test_a_body_that_is_too_large_is_refused(api):
    answer = api.post("/api/client/", json.dumps({"tag": "x" * (1 << 20)}), content_type=JSON)

    assert problem(answer) == (413, "The body is larger than 1,048,576 bytes.", {})


@pytest.mark.parametrize(
    ("parts", "status", "detail"),
    [
        ({"columns": "x" * (3 << 20)}, 413,
         "The fields of the form, beside its file, are too large."),
        ({f"part {n}": "" for n in range(1_100)}, 400, "The form has too many fields."),
        ({"file": [SimpleUploadedFile("a.csv", b"phone") for _ in range(101)]}, 400,
         "The form has too many files: send one."),
    ],
)  # fmt: skip
def test_a_form_that_django_refuses_to_read_is_refused_in_json(api, parts, status, detail):
    answer = api.post("/api/import/", parts, format="multipart")

    assert problem(answer) == (status, detail, {})


def test_an_unknown_host_is_told_in_json(api):
    answer = api.get("/api/client/", headers={"Host": "elsewhere.example"})

    assert problem(answer)[0] == 400
    assert "ALLOWED_HOSTS" in problem(answer)[1]


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("get", "/api/client/777", (404, "There is nothing at this address.", {})),
        ("delete", "/api/mailing/777/", (404, "There is nothing at this address.", {})),
        ("post", "/api/mailing/777/pause", (404, "There is nothing at this address.", {})),
        ("get", "/api/message/999999999999999999/", (404, "There is nothing at this address.", {})),
        (
            "get",
            "/api/client/first",
            (404, "There is nothing at this address: GET /api/ lists what there is.", {}),
        ),
        (
            "post",
            "/api/nowhere/at/all",
            (404, "There is nothing at this address: GET /api/ lists what there is.", {}),
        ),
        ("delete", "/api/client/", (405, 'Method "DELETE" not allowed.', {})),
        ("get", "/api/mailing/1/pause/", (405, 'Method "GET" not allowed.', {})),
    ],
)
def test_what_is_not_there_is_said_in_json(api, method, path, expected):
    assert problem(getattr(api, method)(path)) == expected


def test_a_browser_that_asks_for_html_gets_json(api):
    answer = api.get("/api/nowhere", headers={"Accept": "text/html"})

    assert answer.headers["Content-Type"] == JSON


def test_a_fault_of_the_server_is_answered_in_json(api, monkeypatch):
    api.raise_request_exception = False

    def fail(*args, **kwargs):
        raise RuntimeError("secret detail")

    monkeypatch.setattr("notifier.api.clients.matching_clients", fail)
    answer = api.get("/api/client/")

    assert problem(answer) == (500, "Something went wrong on the server.", {})


def test_an_unreachable_database_is_answered_in_json(api, monkeypatch):
    api.raise_request_exception = False

    def fail(*args, **kwargs):
        raise OperationalError("the connection is gone")

    monkeypatch.setattr("notifier.api.clients.matching_clients", fail)
    answer = api.get("/api/client/")

    assert problem(answer) == (503, "The database is not available.", {})
    assert answer.headers["Retry-After"].isdigit()


ROUTES = [
    "/api",
    "/api/client",
    "/api/client/{client}",
    "/api/mailing",
    "/api/mailing/{mailing}",
    "/api/mailing/{mailing}/statistics",
    "/api/mailing/{mailing}/ledger",
    "/api/message",
    "/api/message/{message}",
    "/api/statistics",
    "/api/statistics/breakdown",
    "/api/schema",
    "/docs",
    "/metrics",
]


@pytest.mark.parametrize("path", ROUTES)
def test_a_slash_at_the_end_makes_no_difference(api, clients, waiting_message, path):
    message = waiting_message(clients[0])
    ids = {"client": clients[0].pk, "mailing": message.mailing_id, "message": message.pk}
    path = path.format(**ids)

    assert [api.get(each).status_code for each in (path, f"{path}/")] == [200, 200]


@pytest.mark.parametrize("slash", ["", "/"])
def test_it_makes_none_for_changes_either(api, clients, waiting_message, slash):
    mailing = waiting_message(clients[0]).mailing_id
    statuses = [
        api.post(f"/api/client{slash}", {"phone_number": "79991112233"}).status_code,
        api.put(f"/api/client/{clients[0].pk}{slash}", {"phone_number": "79140000009"}).status_code,
        api.delete(f"/api/client/{clients[0].pk}{slash}").status_code,
        api.post(f"/api/mailing{slash}", {"clients": {}, "text": "Hello"}).status_code,
        *(api.post(f"/api/mailing/{mailing}/{action}{slash}").status_code
          for action in ("pause", "resume", "cancel")),
        api.delete(f"/api/mailing/{mailing}{slash}").status_code,
    ]  # fmt: skip

    assert statuses == [201, 200, 204, 201, 200, 200, 200, 204]
    assert Client.objects.filter(phone="79991112233").exists()


def test_the_root_lists_the_endpoints(api):
    at = "http://testserver"

    assert api.get("/api/").json() == {
        "client": f"{at}/api/client/",
        "suppressed": f"{at}/api/suppressed/",
        "filter": f"{at}/api/filter/",
        "import": f"{at}/api/import/",
        "mailing": f"{at}/api/mailing/",
        "message": f"{at}/api/message/",
        "statistics": f"{at}/api/statistics/",
        "schema": f"{at}/api/schema/",
        "docs": f"{at}/docs/",
    }
