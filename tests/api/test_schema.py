import json
from io import StringIO

import pytest
from django.core.management import call_command

from notifier.clients.conditions import FIELDS
from notifier.clients.models import Client, ClientFilter

METHODS = {"get", "post", "put", "patch", "delete"}


@pytest.fixture(scope="module")
def document() -> dict:
    out = StringIO()
    call_command("spectacular", "--validate", "--fail-on-warn", "--format=openapi-json", stdout=out)
    return json.loads(out.getvalue())


def test_every_field_of_conditions_is_described_with_its_ops(document):
    words = document["paths"]["/api/filter/count/"]["post"]["description"]

    assert "- `opted_out`: `is`\n" in words
    assert all(f"- `{name}`: `{'` `'.join(each.ops)}`" in words for name, each in FIELDS.items())
    assert "- `attributes.NAME`: `is` `is_not` `in` `contains`" in words


def test_every_endpoint_is_described_with_its_methods(document):
    described = {
        path: METHODS & operations.keys() for path, operations in document["paths"].items()
    }

    everything = {"get", "put", "patch", "delete"}
    assert described == {
        "/api/": {"get"},
        "/api/client/": {"get", "post"},
        "/api/client/bulk/": {"post"},
        "/api/client/export/": {"get"},
        "/api/client/opt_out/": {"post"},
        "/api/client/{id}/": everything,
        "/api/client/{id}/opt_in/": {"post"},
        "/api/client/{id}/opt_out/": {"post"},
        "/api/filter/": {"get", "post"},
        "/api/filter/count/": {"post"},
        "/api/filter/{id}/": everything,
        "/api/import/": {"get", "post"},
        "/api/import/{id}/": {"get", "delete"},
        "/api/import/{id}/cancel/": {"post"},
        "/api/import/{id}/kept/": {"get"},
        "/api/import/{id}/rejected/": {"get"},
        "/api/import/{id}/start/": {"post"},
        "/api/import/{id}/undo/": {"post"},
        "/api/mailing/": {"get", "post"},
        "/api/mailing/{id}/": everything,
        "/api/mailing/{id}/cancel/": {"post"},
        "/api/mailing/{id}/count_as_sent/": {"post"},
        "/api/mailing/{id}/ledger/": {"get"},
        "/api/mailing/{id}/pause/": {"post"},
        "/api/mailing/{id}/resume/": {"post"},
        "/api/mailing/{id}/send_again/": {"post"},
        "/api/mailing/{id}/statistics/": {"get"},
        "/api/message/": {"get"},
        "/api/message/{id}/": {"get"},
        "/api/message/{id}/count_as_sent/": {"post"},
        "/api/message/{id}/send_again/": {"post"},
        "/api/statistics/": {"get"},
        "/api/statistics/breakdown/": {"get"},
        "/api/suppressed/": {"get"},
        "/api/suppressed/{phone}/": {"get", "delete"},
    }


def test_every_error_is_described_in_the_one_shape(document):
    responses = [
        response
        for operations in document["paths"].values()
        for operation in operations.values()
        for status, response in operation["responses"].items()
        if status >= "400"
    ]

    schemas = {response["content"]["application/json"]["schema"]["$ref"] for response in responses}
    assert schemas == {"#/components/schemas/Problem"}
    assert len(responses) > 60


def test_the_actions_take_no_body(document):
    for action in ("pause", "resume", "cancel"):
        operation = document["paths"][f"/api/mailing/{{id}}/{action}/"]["post"]
        assert "requestBody" not in operation
        assert set(operation["responses"]) == {"200", "401", "403", "404", "409"}


def test_the_examples_are_those_of_the_contract(document):
    operation = document["paths"]["/api/mailing/"]["post"]

    examples = operation["requestBody"]["content"]["application/json"]["examples"]
    assert examples["AllMustHold"]["value"]["clients"] == {"tag": "a2", "operator": 999}


@pytest.mark.django_db
def test_the_examples_of_clients_and_filters_are_accepted(api, document):
    ids = {
        "client": Client.objects.create(phone="79990000001", operator=999).pk,
        "filter": ClientFilter.objects.create(name="All", conditions={}).pk,
    }
    examples = [
        (method, path, example["value"])
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        for content in operation.get("requestBody", {}).get("content", {}).values()
        for example in content.get("examples", {}).values()
        if path.startswith(("/api/client/", "/api/filter/"))
    ]

    for method, path, value in examples:
        Client.objects.exclude(pk=ids["client"]).delete()
        ClientFilter.objects.exclude(pk=ids["filter"]).delete()
        answer = getattr(api, method)(path.format(id=ids[path.split("/")[2]]), value)
        assert answer.status_code in (200, 201), (method, path, answer.json())
    assert len(examples) == 9


@pytest.mark.django_db
def test_the_document_is_open_and_json_unless_yaml_is_asked_for(stranger, document):
    answer = stranger.get("/api/schema/")
    yaml = stranger.get("/api/schema/", headers={"Accept": "application/yaml"})

    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json()["paths"].keys() == document["paths"].keys()
    assert yaml.content.startswith(b"openapi: 3.0.3")


@pytest.mark.django_db
def test_swagger_ui_comes_from_here_and_without_inline_code(stranger):
    page = stranger.get("/docs/")
    script = stranger.get("/docs/?script")

    html = page.content.decode()
    assert page.status_code == 200
    assert "<style" not in html
    assert "https://" not in html
    assert '<script src="/docs/?script="></script>' in html
    assert script.headers["Content-Type"].startswith("application/javascript")
    assert b"/api/schema" in script.content
