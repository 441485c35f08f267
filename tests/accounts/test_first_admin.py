from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import connection

from notifier.accounts.first_admin import (
    SetupClosed,
    check_setup_token,
    create_first_admin,
    first_admin_link,
)
from notifier.accounts.models import SetupLink

GOOD_PASSWORD = "correct horse battery"


def _token(base_url: str = "http://127.0.0.1:8000") -> str:
    link = first_admin_link(base_url)
    assert link is not None
    return link.removeprefix(f"{base_url}/setup/").removesuffix("/")


@pytest.mark.django_db
def test_the_link_creates_a_superuser_once():
    token = _token()

    admin = create_first_admin(token, username="anna", password=GOOD_PASSWORD, email="a@b.ru")

    assert (admin.is_superuser, admin.is_staff, admin.is_active) == (True, True, True)
    assert User.objects.get(username="anna").check_password(GOOD_PASSWORD)
    assert not check_setup_token(token)
    assert first_admin_link("http://127.0.0.1:8000") is None
    with pytest.raises(SetupClosed):
        create_first_admin(token, username="boris", password=GOOD_PASSWORD)


@pytest.mark.django_db
def test_a_newer_link_replaces_the_older_and_no_token_is_stored():
    older = _token()
    newer = _token("http://127.0.0.1:8000")

    assert (check_setup_token(older), check_setup_token(newer)) == (False, True)
    assert len(newer) >= 22
    assert newer not in repr(list(SetupLink.objects.values()))


@pytest.mark.django_db
def test_the_link_closes_when_an_administrator_came_another_way():
    token = _token()
    User.objects.create_superuser("anna", password=GOOD_PASSWORD)

    assert not check_setup_token(token)
    with pytest.raises(SetupClosed):
        create_first_admin(token, username="boris", password=GOOD_PASSWORD)


@pytest.mark.django_db
def test_a_disabled_administrator_does_not_count():
    User.objects.create_superuser("anna", is_active=False)

    assert check_setup_token(_token())


@pytest.mark.django_db
def test_a_refused_account_leaves_the_link_open():
    User.objects.create_user("anna")
    token = _token()

    with pytest.raises(ValidationError) as taken:
        create_first_admin(token, username="anna", password=GOOD_PASSWORD)
    with pytest.raises(ValidationError) as weak:
        create_first_admin(token, username="boris", password="12345")

    assert list(taken.value.message_dict) == ["username"]
    assert list(weak.value.message_dict) == ["password"]
    assert check_setup_token(token)


@pytest.mark.django_db(transaction=True)
def test_of_two_at_once_one_becomes_administrator():
    token = _token()
    both_ready = Barrier(2, timeout=10)

    def create(username: str) -> str:
        try:
            both_ready.wait()
            return create_first_admin(token, username=username, password=GOOD_PASSWORD).username
        except SetupClosed:
            return "closed"
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(create, ("anna", "boris")))

    winner = User.objects.get()
    assert sorted(outcomes) == sorted([winner.username, "closed"])
