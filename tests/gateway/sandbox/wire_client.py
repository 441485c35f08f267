"""A client of plain sockets: it sees what really goes over the wire."""

import json
import socket
from types import TracebackType
from typing import NamedTuple, Self

DEADLINE_SECONDS = 10.0


class Response(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


def send_request(message_id: int = 1, *, headers: str = "", **content: object) -> bytes:
    """The bytes of a request to send a message; content overrides the body's fields."""
    fields = {"id": message_id, "phone": 79991234567, "text": "Hello", **content}
    return post(f"/v1/send/{message_id}", json.dumps(fields).encode(), headers=headers)


def post(path: str, body: bytes, *, headers: str = "", bearer: str = "secret") -> bytes:
    authorization = f"Authorization: Bearer {bearer}\r\n" if bearer else ""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{authorization}"
        f"Content-Type: application/json\r\nAccept: application/json\r\n"
        f"{headers}Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class WireClient:
    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=DEADLINE_SECONDS)
        self._data = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._socket.close()

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def ask(self, data: bytes) -> Response:
        self.send(data)
        return self.read_response()

    def read(self, length: int) -> bytes:
        """So many bytes, or fewer where the connection ends before."""
        while len(self._data) < length and (more := self._socket.recv(65_536)):
            self._data += more
        read, self._data = self._data[:length], self._data[length:]
        return read

    def read_until(self, mark: bytes) -> bytes:
        while mark not in self._data:
            more = self._socket.recv(65_536)
            if not more:
                raise EOFError(f"The connection ended in {self._data!r}.")
            self._data += more
        read, separator, self._data = self._data.partition(mark)
        return read + separator

    def read_response(self) -> Response:
        status_line, *lines = self.read_until(b"\r\n\r\n").decode().strip().split("\r\n")
        headers = {name.lower(): value for name, _, value in (x.partition(": ") for x in lines)}
        body = self.read(int(headers.get("content-length", 0)))
        return Response(int(status_line.split()[1]), headers, body)

    def stays_silent(self, seconds: float) -> bool:
        """Whether nothing comes within so many seconds, and the connection stays open."""
        self._socket.settimeout(seconds)
        try:
            self._data += self._socket.recv(1)
        except TimeoutError:
            return True
        finally:
            self._socket.settimeout(DEADLINE_SECONDS)
        return False
