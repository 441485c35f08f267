from datetime import timedelta
from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.utils import timezone

from notifier.accounts.models import ApiToken
from notifier.accounts.tokens import create_token, user_for_token

pytestmark = pytest.mark.django_db


@pytest.fixture
def anna() -> User:
    return User.objects.create_user("anna")


def test_a_token_finds_its_user_and_no_other_text_does(anna):
    raw = create_token(anna, "CRM")

    assert user_for_token(raw) == anna
    assert [user_for_token(other) for other in ("", raw[:-1], raw.upper(), "ntf_\udcff")] == [
        None
    ] * 4


def test_the_database_never_holds_the_token_itself(anna):
    raw = create_token(anna, "CRM")

    row = ApiToken.objects.values().get()
    assert raw.removeprefix("ntf_") not in repr(row)
    assert len(raw) >= 40


def test_a_disabled_user_is_refused_and_its_token_not_marked_as_used(anna):
    raw = create_token(anna)
    User.objects.filter(pk=anna.pk).update(is_active=False)

    assert user_for_token(raw) is None
    assert ApiToken.objects.get().last_used_at is None


def test_the_last_use_is_written_once_a_minute(anna, django_assert_num_queries):
    raw = create_token(anna)

    with django_assert_num_queries(2):
        user_for_token(raw)
    with django_assert_num_queries(1):
        user_for_token(raw)

    long_ago = timezone.now() - timedelta(minutes=2)
    ApiToken.objects.update(last_used_at=long_ago)
    user_for_token(raw)
    assert ApiToken.objects.get().last_used_at > long_ago + timedelta(minutes=1)


def test_the_command_prints_the_token_and_nothing_else(anna):
    out = StringIO()

    call_command("api_token", "anna", "--name", "CRM", stdout=out)

    assert user_for_token(out.getvalue().rstrip("\n")) == anna
    assert out.getvalue().count("\n") == 1
    assert ApiToken.objects.get().name == "CRM"


def test_the_command_says_how_to_mend_an_unknown_or_disabled_user(anna):
    User.objects.filter(pk=anna.pk).update(is_active=False)

    with pytest.raises(CommandError) as unknown:
        call_command("api_token", "boris")
    with pytest.raises(CommandError) as disabled:
        call_command("api_token", "anna")

    assert str(unknown.value) == (
        'There is no user "boris": create one with manage.py createsuperuser.'
    )
    assert str(disabled.value) == ('User "anna" is disabled: its tokens would not be accepted.')
