"""The requests that the OpenAPI document shows."""

from drf_spectacular.utils import OpenApiExample

CLIENT = [
    OpenApiExample(
        "Client",
        request_only=True,
        value={
            "phone_number": "79999999999",
            "operator": 999,
            "tag": "a2",
            "timezone": "Europe/Moscow",
            "attributes": {"name": "Анна"},
        },
    )
]

MAILING = [
    OpenApiExample(
        "All must hold",
        request_only=True,
        value={
            "text": "Autumn sale: 20 % off until Sunday",
            "clients": {"tag": "a2", "operator": 999},
            "start_time": "2022-08-26T11:53:37+02:00",
            "end_time": "2022-08-27T11:53:38+02:00",
        },
    ),
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
]
