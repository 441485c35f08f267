import pytest
from django.contrib.auth.models import User
from django.test import Client as Browser

from notifier.accounts.first_admin import first_admin_link

pytestmark = pytest.mark.django_db
PASSWORD = "a-long-secret-7"


@pytest.fixture
def setup_link() -> str:
    link = first_admin_link("http://testserver")
    assert link
    return link.removeprefix("http://testserver")


def test_the_right_password_leads_to_the_overview(client: Browser, person: User) -> None:
    response = client.post("/sign-in/", {"username": "anna", "password": PASSWORD})

    assert (response.status_code, response["Location"]) == (302, "/")


def test_sign_in_leads_back_to_the_page_that_was_wanted(client: Browser, person: User) -> None:
    wanted = client.get("/clients/?tag=a2")
    assert wanted["Location"] == "/sign-in/?next=/clients/%3Ftag%3Da2"

    form = client.get(wanted["Location"])
    assert 'name="next" value="/clients/?tag=a2"' in form.content.decode()
    signed_in = client.post(
        "/sign-in/", {"username": "anna", "password": PASSWORD, "next": "/clients/?tag=a2"}
    )

    assert signed_in["Location"] == "/clients/?tag=a2"


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example", "javascript:1"])
def test_sign_in_leads_nowhere_else(client: Browser, person: User, elsewhere: str) -> None:
    response = client.post(
        "/sign-in/", {"username": "anna", "password": PASSWORD, "next": elsewhere}
    )

    assert response["Location"] == "/"


@pytest.mark.parametrize("username", ["anna", "nobody"])
def test_a_wrong_name_and_a_wrong_password_get_the_same_answer(
    client: Browser, person: User, username: str
) -> None:
    response = client.post("/sign-in/", {"username": username, "password": "wrong"})

    assert response.status_code == 422
    assert "That user name and password do not go together." in response.content.decode()


def test_sign_in_tells_of_the_set_up_link_while_there_is_no_administrator(
    client: Browser, person: User
) -> None:
    hint = "There is no administrator yet. When Notifier started, it printed a link"
    assert hint in client.get("/sign-in/").content.decode()

    User.objects.create_superuser("boss")

    assert hint not in client.get("/sign-in/").content.decode()


def test_sign_out_needs_a_post_and_closes_the_pages(browser: Browser) -> None:
    assert browser.get("/sign-out/").status_code == 405

    response = browser.post("/sign-out/")

    assert (response.status_code, response["Location"]) == (302, "/sign-in/")
    assert browser.get("/")["Location"] == "/sign-in/?next=/"


def test_the_setup_link_makes_the_first_administrator_and_signs_in(
    client: Browser, setup_link: str
) -> None:
    response = client.post(
        setup_link, {"username": "root", "password": PASSWORD, "password_again": PASSWORD}
    )

    assert (response.status_code, response["Location"]) == (302, "/")
    assert client.get("/").status_code == 200
    assert list(User.objects.values_list("username", "is_superuser")) == [("root", True)]


def test_the_setup_link_works_once(client: Browser, setup_link: str) -> None:
    filled_in = {"username": "root", "password": PASSWORD, "password_again": PASSWORD}
    client.post(setup_link, filled_in)

    for response in (client.get(setup_link), client.post(setup_link, filled_in)):
        assert response.status_code == 410
        assert "This link no longer works" in response.content.decode()
    assert User.objects.count() == 1


def test_a_made_up_setup_link_is_refused(client: Browser, setup_link: str) -> None:
    assert client.get("/setup/made-up/").status_code == 410


@pytest.mark.parametrize(
    ("filled_in", "problem"),
    [
        ({"password": PASSWORD, "password_again": "other"}, "The two passwords are not the same."),
        ({"password": "12345678", "password_again": "12345678"}, "This password is too common."),
        ({"username": "a b"}, "Enter a valid username."),
        ({"email": "nonsense"}, "Enter a valid email address."),
        ({"username": ""}, "This field is required."),
    ],
)
def test_setup_says_what_is_wrong_and_keeps_what_was_typed(
    client: Browser, setup_link: str, filled_in: dict[str, str], problem: str
) -> None:
    good = {"username": "root", "password": PASSWORD, "password_again": PASSWORD}

    response = client.post(setup_link, {**good, "email": "root@example.com", **filled_in})

    page = response.content.decode()
    assert response.status_code == 422
    assert problem in page
    assert page.count("autofocus") == 1
    assert filled_in.get("email", "root@example.com") in page
    assert not User.objects.exists()
