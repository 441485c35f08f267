from io import BytesIO

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from notifier.clients.models import AttributeName, Client, SuppressedPhone
from notifier.clients.upserting import upsert_clients
from tests.clients.imports.importing import counts, imported
from tests.delivery.beside import Beside

pytestmark = pytest.mark.django_db


def bulk(api, *items, **said):
    return api.post("/api/client/bulk/", {"clients": list(items), **said})


def results(answer) -> list[str]:
    assert answer.status_code == 200, answer.json()
    return [each["result"] for each in answer.json()["results"]]


def test_every_item_has_its_result_and_good_ones_are_stored(api, clients):
    known = clients[0]

    answer = bulk(
        api,
        {"phone_number": "+7 914 000-00-01", "tag": "vip", "attributes": {"city": "Omsk"}},
        {"phone_number": "79990000002", "tag": "a2"},
        {"phone_number": "89991112233", "operator": 914, "timezone": "Asia/Omsk"},
        {"phone_number": "79991112233", "tag": "again"},
        {"phone_number": "7921", "timezone": "Mars"},
        {"phone_number": "79991112244", "colour": "red"},
        {"tag": "x"},
    )

    assert results(answer) == [
        "changed", "unchanged", "created", "duplicate", "rejected", "rejected", "rejected",
    ]  # fmt: skip
    body = answer.json()
    new = Client.objects.get(phone="79991112233")
    assert [each["id"] for each in body["results"]] == [
        known.pk, clients[1].pk, new.pk, new.pk, None, None, None,
    ]  # fmt: skip
    wrong = body["results"][4]["errors"]
    assert wrong["phone_number"] == ['Phone number "7921" has 4 digits; 11 expected.']
    assert wrong["timezone"][0].startswith('Time zone "Mars" is not an IANA name')
    assert body["results"][5]["errors"]["colour"][0].startswith('There is no field "colour"')
    assert body["results"][6]["errors"] == {"phone_number": ['"phone_number" is missing.']}
    assert {name: body[name] for name in ("created", "changed", "unchanged", "rejected")} == {
        "created": 1, "changed": 1, "unchanged": 1, "rejected": 3,
    }  # fmt: skip
    known.refresh_from_db()
    assert (known.tag, known.attributes, new.operator) == ("vip", {"city": "Omsk"}, 914)
    assert list(AttributeName.objects.values_list("name", flat=True)) == ["city"]


@pytest.mark.parametrize(
    ("policy", "tag", "attributes"),
    [("keep", "a2", {}), ("fill", "a2", {"n": 1}), ("update", "vip", {"n": 1})],
)
def test_known_clients_become_what_the_policy_says(api, clients, policy, tag, attributes):
    bulk(api, {"phone_number": "79140000001", "tag": "vip", "attributes": {"n": 1}}, known=policy)

    clients[0].refresh_from_db()
    assert (clients[0].tag, clients[0].attributes) == (tag, attributes)


def test_opting_out_withdraws_what_waits_and_false_opts_nobody_in(api, clients, waiting_message):
    message = waiting_message(clients[0])
    out = {"phone_number": "79140000001", "opted_out": True}

    assert results(bulk(api, out, {"phone_number": "79991112233", "opted_out": True})) == [
        "changed", "created",
    ]  # fmt: skip
    message.refresh_from_db()
    assert (message.status, message.reason) == ("skipped", "opted_out")
    assert results(bulk(api, {**out, "opted_out": False})) == ["unchanged"]
    assert set(Client.objects.exclude(opted_out_at=None).values_list("phone", flat=True)) == {
        "79140000001", "79991112233",
    }  # fmt: skip
    assert SuppressedPhone.objects.count() == 2


def test_an_opt_out_counts_in_whichever_item_of_a_phone_it_stands(api, clients):
    item = {"phone_number": "79140000001"}

    assert results(bulk(api, item, {**item, "opted_out": True})) == ["changed", "duplicate"]
    clients[0].refresh_from_db()
    assert clients[0].is_opted_out


def test_what_the_list_shows_may_be_sent_back(api, clients):
    shown = api.get("/api/client/").json()["results"]

    assert results(bulk(api, *shown)) == ["unchanged"] * len(clients)
    assert results(bulk(api, {"phone_number": "79140000001", "opted_out": None})) == ["unchanged"]


def test_ten_thousand_take_as_few_queries_as_ten(api):
    def queries(start: int, count: int) -> int:
        items = [{"phone_number": f"7999{start + n:07}", "tag": "x"} for n in range(count)]
        with CaptureQueriesContext(connection) as captured:
            assert set(results(bulk(api, *items))) == {"created"}
        return len(captured)

    queries(1, 1)
    few = queries(100, 10)

    assert queries(2_000_001, 10_000) == few


def test_too_many_or_none_are_refused(api):
    assert "At most 10,000" in bulk(api, *[{"phone_number": "1"}] * 10_001).json()["detail"]
    assert bulk(api).json()["errors"] == {"clients": ["Give at least one client."]}
    answer = bulk(api, {"phone_number": "79991112233"}, known="all")
    assert list(answer.json()["errors"]) == ["known"]
    answer = bulk(api, {"phone_number": "79991112233"}, 5)
    assert answer.json()["detail"].startswith("clients[1]: a client is an object such as")
    assert not Client.objects.exists()


def test_what_is_exported_is_imported_as_the_same(api):
    hostile = {"note": "=1+1", "other": "'@x", "text": 'a;"b"\nc', "name": "Анна"}
    Client.objects.create(phone="79140000001", operator=901, tag="+tag", attributes=hostile)
    Client.objects.create(phone="79990000002", operator=999, timezone="Asia/Omsk")
    before = list(Client.objects.order_by("phone").values_list(
        "phone", "operator", "tag", "timezone", "attributes"))  # fmt: skip
    answer = api.get("/api/client/export/")
    content = BytesIO(b"".join(answer)).read()

    Client.objects.all().delete()
    done = imported(content)

    assert counts(done) == {"new": 2}
    assert list(Client.objects.order_by("phone").values_list(
        "phone", "operator", "tag", "timezone", "attributes")) == before  # fmt: skip


def test_an_export_follows_the_list_s_parameters(api, clients):
    lines = b"".join(api.get("/api/client/export/?tag=vip")).decode("utf-8-sig").splitlines()

    assert [line.split(",")[0] for line in lines] == ["phone", "79990000003"]


def test_ten_thousand_clients_may_have_many_attributes(api):
    attributes = {"note": "x" * 300}
    items = [{"phone_number": f"7999{n:07}", "attributes": attributes} for n in range(1, 10_001)]

    assert set(results(bulk(api, *items))) == {"created"}


def test_a_body_that_is_too_large_is_refused_in_words(api):
    answer = bulk(api, {"phone_number": "79991112233", "attributes": {"note": "x" * (16 << 20)}})

    assert answer.status_code == 413
    assert answer.json() == {"detail": "The body is larger than 16,777,216 bytes.", "errors": {}}


@pytest.mark.django_db(transaction=True)
def test_two_calls_that_add_one_client_at_once_are_both_heard():
    def upsert(tag: str) -> None:
        outcome = upsert_clients([{"phone": "79140000001", "tag": tag}], known="update")
        said[tag] = outcome.items[0].result

    said: dict[str, str] = {}
    with transaction.atomic():
        upsert("first")
        beside = Beside(upsert, "second")
        beside.wait_until_it_waits()
    beside.finish()

    assert said == {"first": "created", "second": "changed"}
    assert Client.objects.get().tag == "second"


def test_an_export_has_the_attributes_of_its_clients_alone(api):
    Client.objects.create(phone="79140000001", operator=914, tag="a", attributes={"Город": "Омск"})
    Client.objects.create(phone="79140000002", operator=914, attributes={"n": 1, "a": None})
    AttributeName.objects.create(name="of nobody any more")

    tagged = b"".join(api.get("/api/client/export/?tag=a")).decode("utf-8-sig").splitlines()
    everybody = b"".join(api.get("/api/client/export/")).decode("utf-8-sig").splitlines()

    fields = "phone,operator,tag,timezone,opted_out"
    assert tagged == [f"{fields},Город", "79140000001,914,a,UTC,no,Омск"]
    assert everybody[0] == f"{fields},a,n,Город"
