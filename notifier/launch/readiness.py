"""Whether the web answers, and under which address people reach it."""

import http.client
from collections.abc import Sequence

from notifier.launch.environment import Environment
from notifier.launch.parts import bind_address

EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - the notation, not a socket
PATIENCE_SECONDS = 2


def address_of(environment: Environment) -> str:
    host = EVERYWHERE.get(environment.bind_host, environment.bind_host)
    return bind_address(host, environment.port)


def web_answers(address: str, *, allowed_hosts: Sequence[str]) -> bool:
    connection = http.client.HTTPConnection(address, timeout=PATIENCE_SECONDS)
    try:
        connection.request("GET", "/healthz", headers={"Host": _host_to_name(allowed_hosts)})
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _host_to_name(allowed_hosts: Sequence[str]) -> str:
    """A host that Django lets in; ``.example.com`` and ``*`` are patterns."""
    first = allowed_hosts[0].removeprefix(".")
    return "localhost" if first == "*" else first
