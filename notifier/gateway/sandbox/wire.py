"""HTTP/1.1 requests out of a stream of bytes (RFC 9112), as far as a gateway needs it.

Bodies need a Content-Length; chunked ones are answered 411. Pure: no socket here.
"""

from functools import lru_cache
from typing import NamedTuple

MAX_HEAD_BYTES = 16 * 1024
MAX_BODY_BYTES = 64 * 1024


class Headers(NamedTuple):
    length: int
    host: bytes
    content_type: bytes
    bearer: bytes  # empty where there is none
    keep_alive: bool
    expects_continue: bool


class Request(NamedTuple):
    method: bytes
    target: bytes
    headers: Headers
    body: bytes


class BadRequest(Exception):
    """Bytes that cannot be read further: the connection ends with this answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class RequestReader:
    """Feed it bytes as they come, split anywhere; take whole requests out of it."""

    __slots__ = ("_at", "_data", "_told_to_continue")

    def __init__(self) -> None:
        self._data = b""
        self._at = 0
        self._told_to_continue = False

    def feed(self, data: bytes) -> None:
        rest = self._data[self._at :]
        self._data = rest + data if rest else data
        self._at = 0

    @property
    def waiting_bytes(self) -> int:
        return len(self._data) - self._at

    def next_request(self) -> Request | None:
        """The next whole request, or None until more bytes are fed; may raise BadRequest."""
        data = self._data
        start = self._start_of_request()
        head_end = data.find(b"\r\n\r\n", start)
        if head_end < 0:
            self._refuse_hopeless_head(start)
            return None
        method, target, headers = _read_head(data[start:head_end])
        body_at = head_end + 4
        end = body_at + headers.length
        if end > len(data):
            return None
        self._at = end
        self._told_to_continue = False
        return Request(method, target, headers, data[body_at:end])

    def should_say_continue(self) -> bool:
        """Whether the client waits for ``100 Continue``; True once for a request."""
        if self._told_to_continue or not self.waiting_bytes:
            return False
        head, separator, _ = self._data[self._at :].lstrip(b"\r\n").partition(b"\r\n\r\n")
        if not separator or not _read_head(head)[2].expects_continue:
            return False
        self._told_to_continue = True
        return True

    def _start_of_request(self) -> int:
        # RFC 9112, 2.2: empty lines before a request are passed over.
        while self._data.startswith(b"\r\n", self._at):
            self._at += 2
        return self._at

    def _refuse_hopeless_head(self, start: int) -> None:
        if len(self._data) - start > MAX_HEAD_BYTES:
            raise BadRequest(431, f"The headers are longer than {MAX_HEAD_BYTES} bytes.")
        first = self._data[start : start + 1]
        # Usually TLS on this plain port: say so now, or both sides wait for ever.
        if first not in (b"", b"\r") and not first.isalpha():
            raise BadRequest(400, "This is not an HTTP request. Does the client speak https?")


def _read_head(head: bytes) -> tuple[bytes, bytes, Headers]:
    if len(head) > MAX_HEAD_BYTES:
        raise BadRequest(431, f"The headers are longer than {MAX_HEAD_BYTES} bytes.")
    parts = head.split(b" ", 2)
    if len(parts) != 3 or not parts[0].isalpha():
        raise BadRequest(400, "The request line is not METHOD TARGET HTTP/1.1.")
    return parts[0], parts[1], _read_headers(parts[2])


# A client's requests differ in method and target, hardly in what follows: the
# cache turns the parsing of headers into one look-up by their bytes.
@lru_cache(maxsize=512)
def _read_headers(version_and_fields: bytes) -> Headers:
    version, *lines = version_and_fields.split(b"\r\n")
    if version not in (b"HTTP/1.1", b"HTTP/1.0"):
        raise BadRequest(400, "The request line does not end in HTTP/1.1.")
    fields: dict[bytes, bytes] = {}
    for line in lines:
        name, value = _read_field(line)
        if name in (b"content-length", b"host") and fields.get(name, value) != value:
            raise BadRequest(400, f"Two different {name.decode()} headers.")
        fields[name] = value
    options = {option.strip() for option in fields.get(b"connection", b"").lower().split(b",")}
    return Headers(
        length=_length(fields),
        host=fields.get(b"host", b"").lower(),
        content_type=fields.get(b"content-type", b"").partition(b";")[0].strip().lower(),
        bearer=_bearer(fields.get(b"authorization", b"")),
        keep_alive=version == b"HTTP/1.1" and b"close" not in options,
        expects_continue=fields.get(b"expect", b"").lower() == b"100-continue",
    )


def _read_field(line: bytes) -> tuple[bytes, bytes]:
    name, colon, value = line.partition(b":")
    if not colon or not name or name != name.strip():
        raise BadRequest(400, "A header line is not NAME: VALUE.")
    return name.lower(), value.strip(b" \t")


def _length(fields: dict[bytes, bytes]) -> int:
    if b"transfer-encoding" in fields:
        raise BadRequest(411, "Send the body with a Content-Length, not chunked.")
    value = fields.get(b"content-length", b"0")
    if not value.isdigit():
        raise BadRequest(400, "Content-Length is not a number.")
    if len(value) > 18 or int(value) > MAX_BODY_BYTES:
        raise BadRequest(413, f"The body is longer than {MAX_BODY_BYTES} bytes.")
    return int(value)


def _bearer(authorization: bytes) -> bytes:
    scheme, _, token = authorization.partition(b" ")
    return token.strip() if scheme.lower() == b"bearer" else b""
