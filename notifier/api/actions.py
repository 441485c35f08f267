"""What is done to one thing by a POST without a body."""

from collections.abc import Callable
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.serializers import Serializer

Method = Callable[..., Any]


def post_action(
    thing: str, summary: str, *, answers: type[Serializer]
) -> Callable[[Method], Method]:
    """The method as an action that answers with the thing as it is then."""

    def decorate(method: Method) -> Method:
        posted = action(detail=True, methods=["post"])(method)
        return extend_schema(
            summary=summary,
            request=None,
            responses=answers,
            operation_id=f"{thing}_{method.__name__}",
        )(posted)

    return decorate
