"""Whatever JSON a program sends, it is answered: with what was done, or with what is wrong."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from notifier.clients.models import Client, ClientFilter

pytestmark = pytest.mark.django_db

TEXTS = st.sampled_from(["", "7", "79991234567", "8 (999) 123-45-67", "UTC", "\0", "true", "🎉"])
SINGLE = TEXTS | st.text(max_size=5) | st.none() | st.booleans() | st.integers() | st.floats(
    allow_nan=False, allow_infinity=False
)  # fmt: skip
ANYTHING = st.recursive(
    SINGLE,
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(TEXTS, inside, max_size=3),
    max_leaves=5,
)
CLIENT = st.fixed_dictionaries(
    {},
    optional={
        "phone_number": st.integers(79991234500, 79991234509) | ANYTHING,
        **dict.fromkeys(["operator", "tag", "timezone", "attributes", "opted_out"], ANYTHING),
        "attributes": st.dictionaries(st.text(max_size=3), SINGLE, max_size=3),
    },
)
CONDITIONS = st.fixed_dictionaries(
    {"field": st.sampled_from(["tag", "phone_number", "attributes.a", "created_at", "import"])},
    optional={
        "op": st.sampled_from(["is", "in", "contains", "ends_with", "before", "in_last_days"]),
        "value": ANYTHING,
    },
)
FILTER = st.fixed_dictionaries(
    {"name": TEXTS, "clients": CONDITIONS | st.builds(lambda each: {"any": [each]}, ANYTHING)}
)
REQUESTS = st.one_of(
    st.tuples(st.just("post"), st.just("/api/client/"), CLIENT | ANYTHING),
    st.tuples(st.sampled_from(["put", "patch"]), st.just("/api/client/{client}/"), CLIENT),
    st.tuples(
        st.just("post"),
        st.just("/api/client/bulk/"),
        st.fixed_dictionaries(
            {"clients": st.lists(CLIENT, max_size=3) | ANYTHING}, optional={"known": ANYTHING}
        ),
    ),
    st.tuples(
        st.just("post"),
        st.just("/api/client/opt_out/"),
        st.fixed_dictionaries({"phone_numbers": st.lists(SINGLE, max_size=3) | ANYTHING}),
    ),
    st.tuples(st.just("post"), st.sampled_from(["/api/filter/", "/api/filter/count/"]), FILTER),
    st.tuples(st.sampled_from(["put", "patch"]), st.just("/api/filter/{filter}/"), FILTER),
)


@settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(request=REQUESTS)
def test_any_request_is_answered_in_the_one_shape(api, request):
    method, path, body = request
    client = Client.objects.get_or_create(phone="79140000001", operator=914)[0]
    saved = ClientFilter.objects.get_or_create(name="All")[0]

    answer = getattr(api, method)(path.format(client=client.pk, filter=saved.pk), body)

    assert answer.status_code in (200, 201, 400), answer.content
    if answer.status_code == 400:
        problem = answer.json()
        assert problem.keys() == {"detail", "errors"}
        assert problem["detail"]
        assert all(words for words in problem["errors"].values())
