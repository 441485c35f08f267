"""A mail server on this machine, which tests send to and may have misbehave."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from ssl import SSLContext

from aiosmtpd.controller import Controller

from tests.running import free_port


class MailServer:
    """Keeps what it took; answers ``refusal`` to every e-mail while that is set."""

    def __init__(self, **options: object) -> None:
        self.taken: list[EmailMessage] = []
        self.refusal = ""
        self.refusal_of_addresses = ""
        self.port = free_port()
        self.controller = Controller(self, hostname="127.0.0.1", port=self.port, **options)

    def __enter__(self) -> "MailServer":
        self.controller.start()
        return self

    def __exit__(self, *reason: object) -> None:
        self.controller.stop()

    def only(self) -> EmailMessage:
        [email] = self.taken
        return email

    def forget(self) -> None:
        self.taken, self.refusal, self.refusal_of_addresses = [], "", ""

    async def handle_RCPT(self, server, session, envelope, address, options):
        if self.refusal_of_addresses:
            return self.refusal_of_addresses
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if self.refusal:
            return self.refusal
        self.taken.append(message_from_bytes(envelope.content, policy=policy.default))
        return "250 OK"


@contextmanager
def silent_server(*, words: bytes = b"", context: SSLContext | None = None) -> Iterator[int]:
    """Takes a connection and says nothing, or ``words`` again and again; its port."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        taking = threading.Thread(target=_take, args=(listening, words, over, context), daemon=True)
        taking.start()
        yield listening.getsockname()[1]
        over.set()
        listening.shutdown(socket.SHUT_RDWR)
        taking.join(5)


def _take(
    listening: socket.socket, words: bytes, over: threading.Event, context: SSLContext | None
) -> None:
    try:
        connection, _ = listening.accept()
    except OSError:
        return
    if context:
        connection = context.wrap_socket(connection, server_side=True)
    with connection:
        while not over.wait(0.1):
            try:
                connection.sendall(words)
            except OSError:
                return


@contextmanager
def server_that_takes_and_never_says_so() -> Iterator[int]:
    """Follows the protocol up to the e-mail's last line, and then is silent; its port."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        taking = threading.Thread(target=_swallow, args=(listening, over), daemon=True)
        taking.start()
        yield listening.getsockname()[1]
        over.set()
        taking.join(5)


def _swallow(listening: socket.socket, over: threading.Event) -> None:
    connection, _ = listening.accept()
    with connection, connection.makefile("rb") as lines:
        connection.sendall(b"220 here\r\n")
        for line in lines:
            is_data = line.upper().startswith(b"DATA")
            connection.sendall(b"354 go on\r\n" if is_data else b"250 OK\r\n")
            if is_data:
                over.wait(20)
                return
