import pytest
from django.contrib.auth.models import User
from django.urls import get_resolver

from notifier.accounts.tokens import create_token
from notifier.api.urls import urlpatterns

pytestmark = pytest.mark.django_db

SIGN_IN = {"detail": "Sign in, or send the header Authorization: Bearer TOKEN.", "errors": {}}
CLOSED = [
    "/api/",
    "/api/client/",
    "/api/client/1/",
    "/api/client/bulk/",
    "/api/client/export/",
    "/api/client/opt_out/",
    "/api/client/1/opt_out/",
    "/api/client/1/opt_in/",
    "/api/suppressed/",
    "/api/suppressed/79991234567/",
    "/api/filter/",
    "/api/filter/count/",
    "/api/filter/1/",
    "/api/import/",
    "/api/import/1/",
    "/api/import/1/start/",
    "/api/import/1/cancel/",
    "/api/import/1/undo/",
    "/api/import/1/rejected/",
    "/api/import/1/kept/",
    "/api/mailing/",
    "/api/mailing/1/",
    "/api/mailing/1/statistics/",
    "/api/mailing/1/ledger/",
    "/api/mailing/1/pause/",
    "/api/mailing/1/resume/",
    "/api/mailing/1/cancel/",
    "/api/mailing/1/send_again/",
    "/api/mailing/1/count_as_sent/",
    "/api/message/",
    "/api/message/1/",
    "/api/message/1/send_again/",
    "/api/message/1/count_as_sent/",
    "/api/statistics/",
    "/api/statistics/breakdown/",
]
# The contract and its page say nothing that the source does not; /metrics has its own test.
OPEN = ["/api/schema/", "/docs/", "/metrics/", "/api/nowhere"]


@pytest.mark.parametrize("path", CLOSED)
@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete", "options"])
def test_strangers_are_told_how_to_come_in(stranger, method, path):
    answer = getattr(stranger, method)(path)

    assert (answer.status_code, answer.json()) == (401, SIGN_IN)
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="Notifier"'


def test_no_address_is_missing_from_these_lists():
    known = {get_resolver("notifier.api.urls").resolve(path).func for path in CLOSED + OPEN}
    patterns = {
        pattern.callback
        for each in urlpatterns
        for pattern in getattr(each, "url_patterns", [each])
    }

    assert patterns == known


@pytest.mark.parametrize(
    ("header", "detail"),
    [
        ("Bearer wrong", "The token is not known, or its owner is disabled."),
        ("bearer ntf_ÿ", "The token is not known, or its owner is disabled."),
        ("Bearer", "The header is not of the form Authorization: Bearer TOKEN."),
        ("Bearer two words", "The header is not of the form Authorization: Bearer TOKEN."),
        ("Basic YTpi", "Sign in, or send the header Authorization: Bearer TOKEN."),
    ],
)
def test_a_bad_header_is_refused_in_words(stranger, header, detail):
    answer = stranger.get("/api/client/", HTTP_AUTHORIZATION=header)

    assert (answer.status_code, answer.json()) == (401, {"detail": detail, "errors": {}})


def test_the_token_of_a_disabled_user_opens_nothing(api, user):
    User.objects.filter(pk=user.pk).update(is_active=False)

    assert api.get("/api/client/").status_code == 401


def test_a_session_reads_and_with_its_csrf_token_changes(stranger, user):
    stranger.force_login(user)
    given = {"phone_number": "79991234567"}

    read = stranger.get("/api/client/")
    forged = stranger.post("/api/client/", given)
    token = stranger.get("/docs/?script").content.decode().split('"X-CSRFTOKEN"] = "')[1][:64]
    meant = stranger.post("/api/client/", given, headers={"X-CSRFToken": token})

    assert (read.status_code, forged.status_code, meant.status_code) == (200, 403, 201)
    assert forged.json() == {"detail": "CSRF Failed: CSRF cookie not set.", "errors": {}}


def test_a_token_needs_no_csrf_token(stranger, user):
    answer = stranger.post(
        "/api/client/",
        {"phone_number": "79991234567"},
        HTTP_AUTHORIZATION=f"Bearer {create_token(user)}",
    )

    assert answer.status_code == 201
