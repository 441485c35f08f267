"""Handing one e-mail over to the mail server in a limited time, and saying what came of it.

MailError
├── NotTaken: it was certainly not sent
└── MaybeTaken: it left, and nobody knows whether it was taken
"""

import re
import smtplib
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from time import monotonic
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.smtp import EmailBackend

MOST_REPLY_CHARACTERS = 160
MAY_LEAVE = 354


class MailError(Exception):
    """The text is for the person who waits for the e-mail, and the administrator whom they ask."""


class NotTaken(MailError):
    pass


class MaybeTaken(MailError):
    pass


def can_send() -> bool:
    """Whether an administrator has named a mail server."""
    return bool(settings.EMAIL_HOST)


def hand_over(email: EmailMessage, *, before_it_leaves: Callable[[], None] = lambda: None) -> None:
    """Return once the mail server has taken it, after EMAIL_TIMEOUT at the latest.

    Only looking its name up, and connecting where the name has several
    addresses, may add to that. ``before_it_leaves`` is called when the mail
    server waits for nothing but the e-mail itself; what it raises calls it off.
    Raises NotTaken and MaybeTaken.
    """
    progress = _Progress()
    server = _Server(progress, before_it_leaves)
    try:
        server.open()
        server.send_messages([email])
    except (OSError, smtplib.SMTPException) as error:
        words = _in_words(error, progress)
        # A reply, even a bad one, is clear.
        is_clear = isinstance(error, smtplib.SMTPResponseException) or not progress.has_left
        raise (NotTaken if is_clear else MaybeTaken)(words) from error
    finally:
        # By now it is known what came of it, however the mail server says goodbye.
        with suppress(OSError, smtplib.SMTPException):
            server.close()
        progress.end()


class _Progress:
    """How far it has come, and whether the time was over before the end."""

    def __init__(self) -> None:
        self.ends_at = monotonic() + settings.EMAIL_TIMEOUT
        self.has_left = False
        self.is_cut_off = False
        self._timer: threading.Timer | None = None
        self._line: socket.socket | None = None

    def limit(self, line: socket.socket) -> None:
        """Break the connection off when the time is over.

        The time-out of a socket counts for each byte anew: a mail server that
        sends one now and then would hold us for ever.
        """
        self._line = line.dup()  # leads to the same connection, also once TLS has taken the other
        self._timer = threading.Timer(max(self.ends_at - monotonic(), 0), self._cut_off)
        self._timer.daemon = True
        self._timer.start()

    def _cut_off(self) -> None:
        self.is_cut_off = True
        if self._line:
            with suppress(OSError):
                self._line.shutdown(socket.SHUT_RDWR)

    def end(self) -> None:
        if self._timer:
            self._timer.cancel()
        if self._line:
            self._line.close()


class _Session(smtplib.SMTP):
    def __init__(
        self,
        *arguments: Any,
        progress: _Progress,
        before_it_leaves: Callable[[], None],
        **options: Any,
    ) -> None:
        self.progress, self.before_it_leaves = progress, before_it_leaves
        super().__init__(*arguments, **options)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        line = super()._get_socket(host, port, timeout)  # type: ignore[misc]
        self.progress.limit(line)
        return line

    def data(self, message: Any) -> tuple[int, bytes]:
        """As smtplib's, which has no place between being told to go on and going on."""
        self.putcmd("data")
        code, words = self.getreply()
        if code != MAY_LEAVE:
            raise smtplib.SMTPDataError(code, words)
        try:
            self.before_it_leaves()
        except BaseException:
            # The mail server waits for the e-mail, and would take a goodbye for it.
            self.close()
            raise
        self.progress.has_left = True
        self.send(re.sub(rb"(?m)^\.", b"..", message).removesuffix(b"\r\n") + b"\r\n.\r\n")
        return self.getreply()


# The first of the two asks the second for its socket, before TLS takes it.
class _SecureSession(smtplib.SMTP_SSL, _Session):
    def __init__(
        self,
        *arguments: Any,
        progress: _Progress,
        before_it_leaves: Callable[[], None],
        **options: Any,
    ) -> None:
        self.progress, self.before_it_leaves = progress, before_it_leaves
        # It goes on with smtplib.SMTP's, past that of our session.
        smtplib.SMTP_SSL.__init__(self, *arguments, **options)


class _Server(EmailBackend):
    """Django's, with our sessions."""

    def __init__(self, progress: _Progress, before_it_leaves: Callable[[], None]) -> None:
        super().__init__()
        self.session_options: dict[str, Any] = {
            "progress": progress,
            "before_it_leaves": before_it_leaves,
        }

    @property
    def connection_class(self) -> Any:
        return partial(_SecureSession if self.use_ssl else _Session, **self.session_options)


def _in_words(error: Exception, progress: _Progress) -> str:
    if progress.is_cut_off or isinstance(error, TimeoutError):
        return f"The mail server took longer than {settings.EMAIL_TIMEOUT} s."
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return (
            f"The mail server refused the address: {_reply(*next(iter(error.recipients.values())))}"
        )
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{_refusal(error)}: {_reply(error.smtp_code, error.smtp_error)}"
    return _trouble(error)


def _refusal(error: smtplib.SMTPResponseException) -> str:
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return "The mail server refused EMAIL_HOST_USER and EMAIL_HOST_PASSWORD"
    if isinstance(error, smtplib.SMTPSenderRefused):
        return "The mail server refused the sender, DEFAULT_FROM_EMAIL"
    if isinstance(error, smtplib.SMTPDataError):
        return "The mail server refused the e-mail"
    return "The mail server answered"


def _trouble(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return (
            "The mail server knows no TLS or no signing in: see EMAIL_USE_TLS and EMAIL_HOST_USER."
        )
    if isinstance(error, smtplib.SMTPServerDisconnected):
        return "The mail server broke the connection off."
    if isinstance(error, ssl.SSLError):
        return f"No secure connection to the mail server: {error.reason or 'TLS failed'}."
    if isinstance(error, socket.gaierror):
        return "The mail server's name, EMAIL_HOST, could not be looked up."
    detail = getattr(error, "strerror", None) or type(error).__name__
    return f"The mail server could not be reached: {detail}."


def _reply(code: int, words: bytes | str) -> str:
    """``550 No such mailbox``, on one line."""
    text = words.decode(errors="replace") if isinstance(words, bytes) else words
    clean = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return f"{code} {clean}"[:MOST_REPLY_CHARACTERS]
