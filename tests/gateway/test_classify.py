"""The table of the delivery contract, row by row."""

import pytest

from notifier.gateway.backoff import backoff_seconds, wait_seconds
from notifier.gateway.classify import Kind, Verdict, classify, clean
from notifier.gateway.wire import Reply, message_body, message_url, text_as_json


def reply(status=200, body=b"", **fields):
    return Reply(key=1, started_at=0, duration_seconds=0, status=status, body=body, **fields)


def lost(phase, **fields):
    return reply(status=fields.pop("status", 0), error="it broke", phase=phase, **fields)


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (reply(body=b'{"code": 0, "message": "OK"}'), Verdict(Kind.ACCEPTED, None, code=0)),
        (reply(body=b'{"message":"ok","code":0}'), Verdict(Kind.ACCEPTED, None, code=0)),
        (
            reply(body=b'{"code": 7, "message": "No such number"}'),
            Verdict(Kind.REJECTED, "rejected", 7, '{"code": 7, "message": "No such number"}'),
        ),
        (reply(body=b""), Verdict(Kind.UNKNOWN, "unreadable_reply")),
        (reply(body=b"<html>"), Verdict(Kind.UNKNOWN, "unreadable_reply", words="<html>")),
        (reply(body=b'{"code": '), Verdict(Kind.UNKNOWN, "unreadable_reply", words='{"code":')),
        (reply(body=b"[0]"), Verdict(Kind.UNKNOWN, "unreadable_reply", words="[0]")),
        (
            reply(body=b'{"code": "0"}'),
            Verdict(Kind.UNKNOWN, "unreadable_reply", words='{"code": "0"}'),
        ),
        (
            reply(body=b'{"code": false}'),
            Verdict(Kind.UNKNOWN, "unreadable_reply", words='{"code": false}'),
        ),
        (
            reply(201, b'{"code": 0}'),
            Verdict(Kind.UNKNOWN, "unreadable_reply", words='{"code": 0}'),
        ),
        (reply(400, b'{"code": 5}'), Verdict(Kind.REJECTED, "rejected", 5, '{"code": 5}')),
        (reply(422, b"bad"), Verdict(Kind.REJECTED, "rejected", words="bad")),
        (reply(429), Verdict(Kind.BUSY, "too_many_requests")),
        (reply(503), Verdict(Kind.BUSY, "unavailable")),
        (reply(401), Verdict(Kind.MISCONFIGURED, "unauthorised")),
        (reply(403), Verdict(Kind.MISCONFIGURED, "forbidden")),
        (reply(404), Verdict(Kind.MISCONFIGURED, "not_found")),
        (reply(302), Verdict(Kind.MISCONFIGURED, "redirected")),
        (reply(500), Verdict(Kind.UNKNOWN, "server_error")),
        (reply(502), Verdict(Kind.UNKNOWN, "server_error")),
        (reply(504), Verdict(Kind.UNKNOWN, "server_error")),
        (
            lost("connection", request_left=False),
            Verdict(Kind.NOT_SENT, "no_connection", words="it broke"),
        ),
        (lost("name", request_left=False), Verdict(Kind.NOT_SENT, "no_name", words="it broke")),
        (lost("tls", request_left=False), Verdict(Kind.NOT_SENT, "no_tls", words="it broke")),
        (lost("timeout"), Verdict(Kind.UNKNOWN, "timed_out", words="it broke")),
        (lost("connection"), Verdict(Kind.UNKNOWN, "broken_connection", words="it broke")),
        (
            lost("timeout", status=200, body=b'{"code": 0}'),
            Verdict(Kind.UNKNOWN, "timed_out", words="it broke"),
        ),
        (
            lost("too_large", status=200),
            Verdict(Kind.UNKNOWN, "unreadable_reply", words="it broke"),
        ),
        (lost("timeout", status=503), Verdict(Kind.BUSY, "unavailable")),
        (lost("connection", aborted=True), Verdict(Kind.HELD_BACK, None)),
    ],
)
def test_a_reply_means(answer, verdict):
    assert classify(answer) == verdict


@pytest.mark.parametrize(
    "body", [b'{"code": ' + b"9" * 5000 + b"}", b"[" * 60_000, b'{"code": 1e999}', b"\xff\xfe\x00"]
)
def test_hostile_replies_are_unknown(body):
    assert classify(reply(body=body)).kind is Kind.UNKNOWN


def test_what_is_kept_of_a_reply_harms_nothing():
    assert clean(b"\x00a\x1b[31m\nb\xff" + b"x" * 1000) == ("a [31m b\ufffd" + "x" * 1000)[:499]


def test_the_wait_doubles_with_jitter_up_to_five_minutes():
    assert [backoff_seconds(n, draw=1.0) for n in (1, 2, 3, 8, 9, 1000)] == [
        2, 4, 8, 256, 300, 300,
    ]  # fmt: skip
    assert backoff_seconds(3, draw=0.0) == 4


def test_the_gateways_own_wish_is_heard_up_to_fifteen_minutes():
    assert wait_seconds(1, retry_after_seconds=60) == 60
    assert wait_seconds(1, retry_after_seconds=1e9) == 900
    assert 1 <= wait_seconds(1, retry_after_seconds=None) <= 2


def test_a_request_is_as_the_wire_contract_says():
    assert message_url("http://gw/base", 12) == "http://gw/base/v1/send/12"
    assert message_body(12, "79991234567", text_as_json('Привет, "Анна"')).decode() == (
        '{"id":12,"phone":79991234567,"text":"Привет, \\"Анна\\""}'
    )
