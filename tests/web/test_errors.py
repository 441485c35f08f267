import json

import pytest
from django.db import DatabaseError, IntegrityError, OperationalError, connection
from django.test import Client as Browser

from notifier.web.errors import OUTAGE_TOAST, is_outage


@pytest.fixture
def patient(browser: Browser) -> Browser:
    """A browser that shows error pages instead of raising."""
    browser.raise_request_exception = False
    return browser


def test_an_unknown_address_is_said_to_be_unknown(browser: Browser) -> None:
    response = browser.get("/nonsense/")

    assert response.status_code == 404
    assert "There is nothing at this address." in response.content.decode()


def test_a_bug_is_answered_without_its_details(
    patient: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**_kwargs: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("notifier.web.clients.views.facets.tag_values", fail)

    response = patient.get("/clients/")

    assert response.status_code == 500
    assert "Something went wrong" in response.content.decode()
    assert "secret detail" not in response.content.decode()


def test_without_a_database_a_page_says_so(patient: Browser, outage: None) -> None:
    response = patient.get("/clients/")

    page = response.content.decode()
    assert (response.status_code, response["Retry-After"]) == (503, "10")
    assert "The database is not available" in page
    assert '<meta http-equiv="refresh" content="10">' in page


def test_without_a_database_a_form_is_not_sent_again_by_itself(
    patient: Browser, outage: None
) -> None:
    response = patient.post("/clients/1/", {"opted_out": "on"})

    page = response.content.decode()
    assert response.status_code == 503
    assert "may not have been saved" in page
    assert 'http-equiv="refresh"' not in page


def test_without_a_database_a_refresh_is_answered_with_a_fragment(
    patient: Browser, outage: None
) -> None:
    response = patient.get("/clients/", headers={"HX-Request": "true"})

    fragment = response.content.decode()
    assert (response.status_code, response["Retry-After"]) == (503, "10")
    assert "The database is not available" in fragment
    assert "<html" not in fragment
    assert "HX-Trigger" not in response


def test_without_a_database_an_action_on_a_page_is_answered_aloud(
    patient: Browser, outage: None
) -> None:
    response = patient.post("/clients/1/", {"opted_out": "on"}, headers={"HX-Request": "true"})

    (toast,) = json.loads(response["HX-Trigger"])["toasts"]["toasts"]
    assert response.status_code == 503
    assert toast == {"text": OUTAGE_TOAST, "level": "error"}


def test_without_a_database_the_api_says_so_in_json(patient: Browser, outage: None) -> None:
    response = patient.get("/api/client/")

    assert response.status_code == 503
    assert response.json() == {"detail": "The database is not available.", "errors": {}}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("code", "says"), [("40P01", False), ("57014", False), ("57P01", True), ("53300", True)]
)
def test_a_database_that_refuses_a_query_is_not_an_outage(code: str, says: bool) -> None:
    with pytest.raises(OperationalError) as caught, connection.cursor() as cursor:
        cursor.execute(f"DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '{code}'; END $$")

    assert is_outage(caught.value) is says


def test_a_server_that_dies_in_mid_statement_is_an_outage() -> None:
    assert is_outage(DatabaseError("server closed the connection unexpectedly"))
    assert not is_outage(IntegrityError("duplicate key"))
