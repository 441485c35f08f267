import pytest

from notifier.clients.models import ClientFilter
from notifier.mailings.models import Mailing

pytestmark = pytest.mark.django_db

RESTED = {"all": [{"tag": "a2"}, {"not": {"field": "last_contacted", "op": "is_set"}}]}


def test_a_filter_is_saved_with_its_words(api, clients):
    made = api.post("/api/filter/", {"name": "Rested", "clients": RESTED})

    assert made.status_code == 201
    body = made.json()
    assert (body["name"], body["words"], body["used_in"]) == (
        "Rested", "tag is a2 and has never been sent a message", 0,
    )  # fmt: skip
    assert body["clients"] == RESTED
    listed = api.get(f"/api/client/?filter={body['id']}").json()["results"]
    assert {each["phone_number"] for each in listed} == {"79140000001", "79990000002"}


def test_counting_is_exact_and_shows_examples(api, clients):
    clients[0].opted_out_at = clients[0].created_at
    clients[0].save()

    counted = api.post("/api/filter/count/", {"clients": {"tag": "a2"}}).json()

    assert (counted["matching"], counted["opted_out"], counted["reachable"]) == (2, 1, 1)
    assert [each["phone_number"] for each in counted["examples"]] == ["79990000002"]
    assert counted["words"] == "tag is a2"


@pytest.mark.parametrize(
    ("conditions", "words"),
    [
        ({"all": [{"tag": "a"}, {"colour": "red"}]}, 'all[1].colour: "colour" is not a field'),
        ({"field": "tag", "op": "gt", "value": 1}, 'op: "gt" is not for tag: use is, is_not'),
        ([], 'Conditions are an object such as {"tag": "a2"}.'),
    ],
)
def test_wrong_conditions_are_refused_with_the_path(api, conditions, words):
    for path, body in (("count/", {}), ("", {"name": "x"})):
        answer = api.post(f"/api/filter/{path}", {**body, "clients": conditions})

        assert answer.status_code == 400
        assert answer.json()["errors"]["clients"][0].startswith(words)


def test_what_takes_too_long_is_told(api, settings):
    settings.FILTER_SECONDS = 0.001
    parts = [{"field": "attributes.x", "op": "contains", "value": f"{n}"} for n in range(99)]
    slow = {"any": parts}

    answer = api.post("/api/filter/count/", {"clients": slow})

    # A quick machine may be through with so few clients.
    assert answer.status_code in (200, 400)
    if answer.status_code == 400:
        assert answer.json()["errors"]["clients"][0].startswith("These conditions take longer")


def test_two_filters_cannot_have_one_name(api):
    first = ClientFilter.objects.create(name="Rested", conditions={})

    answer = api.post("/api/filter/", {"name": "Rested", "clients": {}})

    assert answer.json()["errors"] == {"name": ['There is a filter named "Rested" already.']}
    assert api.get("/api/filter/?name=Rested").status_code == 400
    assert api.delete(f"/api/filter/{first.pk}/").status_code == 204


def test_a_mailing_takes_the_whole_grammar(api, clients, gateway):
    made = api.post("/api/mailing/", {"text": "x", "clients": RESTED})

    assert (made.status_code, made.json()["matched"]) == (201, 2)


def test_a_mailing_is_made_with_a_saved_filter(api, clients, gateway):
    saved = ClientFilter.objects.create(name="Tagged", conditions={"tag": "a2"})

    of_it = api.post("/api/mailing/", {"text": "x", "clients": {}, "filter": saved.pk}).json()
    narrowed = {"text": "x", "clients": {"operator": 999}, "filter": saved.pk}
    narrower = api.post("/api/mailing/", narrowed).json()

    assert (of_it["filter"], of_it["clients"]) == (saved.pk, {"tag": "a2"})
    assert narrower["clients"] == {"all": [{"tag": "a2"}, {"operator": 999}]}
    assert (of_it["matched"], narrower["matched"]) == (2, 1)
    assert api.get(f"/api/filter/{saved.pk}/").json()["used_in"] == 2


def test_a_wrong_filter_of_a_mailing_is_refused(api, clients, gateway):
    saved = ClientFilter.objects.create(name="Tagged", conditions={"tag": "a2"})
    body = {"text": "x", "clients": {"tga": 1}, "filter": saved.pk}

    wrong = api.post("/api/mailing/", body)
    missing = api.post("/api/mailing/", {**body, "clients": {}, "filter": 777})

    assert wrong.json()["errors"]["clients"][0].startswith('tga: "tga" is not a field')
    assert missing.json()["errors"] == {"filter": ['There is no filter "777".']}
    assert not Mailing.objects.exists()


def test_a_mailing_s_filter_stays(api, clients, gateway):
    saved = ClientFilter.objects.create(name="Tagged", conditions={"tag": "a2"})
    later = {"start_time": "2090-01-01T00:00:00Z", "end_time": "2090-01-02T00:00:00Z"}
    made = {"text": "x", "clients": {}, "filter": saved.pk, **later}
    mailing = api.post("/api/mailing/", made).json()
    at = f"/api/mailing/{mailing['id']}/"

    assert api.put(at, mailing).json()["filter"] == saved.pk
    for other in (None, 777):
        answer = api.patch(at, {"filter": other})
        assert (answer.status_code, list(answer.json()["errors"])) == (400, ["filter"])
    saved.delete()
    assert api.get(at).json()["filter"] is None
    assert api.get(at).json()["clients"] == {"tag": "a2"}
