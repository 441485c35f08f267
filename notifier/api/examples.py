"""The requests and answers that the OpenAPI document shows."""

from drf_spectacular.utils import OpenApiExample

from notifier.api.parsing import LENGTH_REQUIRED
from notifier.delivery.models import MessageStatus

CLIENT_GIVEN = {
    "phone_number": "79999999999",
    "operator": 999,
    "tag": "a2",
    "timezone": "Europe/Moscow",
    "attributes": {"name": "Анна"},
}
CLIENT = [
    OpenApiExample("Client", request_only=True, value=CLIENT_GIVEN),
    OpenApiExample(
        "Client",
        response_only=True,
        value={"id": 1}
        | CLIENT_GIVEN
        | {
            "opted_out": False,
            "created_at": "2030-08-25T08:00:00Z",
            "updated_at": "2030-08-25T08:00:00Z",
        },
    ),
]

CLIENT_CHANGES = [
    OpenApiExample(
        "Another tag and attributes",
        request_only=True,
        value={"tag": "vip", "attributes": {"name": "Анна", "city": "Omsk"}},
    )
]

BULK = [
    OpenApiExample(
        "Two clients",
        request_only=True,
        value={
            "known": "update",
            "clients": [
                {"phone_number": "79991234567", "tag": "vip"},
                {"phone_number": "7921", "attributes": {"city": "Omsk"}},
            ],
        },
    ),
    OpenApiExample(
        "One added, one rejected",
        response_only=True,
        value={
            "created": 1,
            "changed": 0,
            "unchanged": 0,
            "duplicate": 0,
            "rejected": 1,
            "results": [
                {"index": 0, "id": 1, "result": "created", "errors": {}},
                {
                    "index": 1,
                    "id": None,
                    "result": "rejected",
                    "errors": {"phone_number": ['Phone number "7921" has 4 digits; 11 expected.']},
                },
            ],
        },
    ),
]

FILTER = [
    OpenApiExample(
        "In a town, not contacted lately",
        request_only=True,
        value={
            "name": "Omsk, rested",
            "clients": {
                "all": [
                    {"field": "attributes.city", "op": "is", "value": "Omsk"},
                    {"not": {"field": "last_contacted", "op": "in_last_days", "value": 30}},
                ]
            },
        },
    )
]
FILTER_CHANGES = [OpenApiExample("Another name", request_only=True, value={"name": "Omsk"})]

MAILING_GIVEN = {
    "text": "Autumn sale: 20 % off until Sunday",
    "clients": {"tag": "a2", "operator": 999},
    "start_time": "2030-08-26T11:53:37+02:00",
    "end_time": "2030-08-27T11:53:38+02:00",
}
MAILING = [
    OpenApiExample("All must hold", request_only=True, value=MAILING_GIVEN),
    OpenApiExample(
        "Now, with nested conditions",
        request_only=True,
        value={
            "name": "Autumn sale",
            "text": "Autumn sale: 20 % off until Sunday",
            "clients": {
                "all": [
                    {"any": [{"tag": "a2"}, {"tag": "vip"}]},
                    {"not": {"field": "operator", "op": "in", "value": [999, 914]}},
                ]
            },
        },
    ),
    OpenApiExample(
        "Accepted, starts by itself",
        response_only=True,
        value={
            "id": 1,
            "name": "",
            "text": MAILING_GIVEN["text"],
            "clients": MAILING_GIVEN["clients"],
            "filter": None,
            "start_time": "2030-08-26T09:53:37Z",
            "end_time": "2030-08-27T09:53:38Z",
            "gateway": 1,
            "rate_per_second": None,
            "status": "scheduled",
            "pause_reason": "",
            "matched": 1204,
            "warning": "",
            "audience": 0,
            "counts": dict.fromkeys(MessageStatus.values, 0),
            "created_at": "2030-08-25T08:00:00Z",
            "created_by": "anna",
            "started_at": None,
            "finished_at": None,
        },
    ),
]

PROBLEMS = {
    "400": {
        "detail": 'Phone number "7921" has 4 digits; 11 expected.',
        "errors": {"phone_number": ['Phone number "7921" has 4 digits; 11 expected.']},
    },
    "401": {"detail": "Sign in, or send the header Authorization: Bearer TOKEN.", "errors": {}},
    "403": {"detail": "CSRF Failed: CSRF token missing.", "errors": {}},
    "404": {"detail": "There is nothing at this address.", "errors": {}},
    "409": {"detail": "Mailing 1 has finished: it cannot be changed.", "errors": {}},
    "411": {"detail": LENGTH_REQUIRED, "errors": {}},
    "413": {"detail": "The body is larger than 1,048,576 bytes.", "errors": {}},
    "415": {
        "detail": "Send the body as JSON, with the header Content-Type: application/json.",
        "errors": {},
    },
}
