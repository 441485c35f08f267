from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from notifier.clients.phones import BadPhone, normalise_phone
from notifier.gateway.classify import Kind, Verdict, classify
from notifier.gateway.single import fresh_test_id, send_one
from notifier.gateway.wire import (
    Reply,
    Request,
    message_body,
    message_url,
    request_headers,
    text_as_json,
)
from notifier.mailings.checking import MailingProblems, check_content
from notifier.mailings.models import Gateway
from notifier.statistics.counts import reason_in_words

BEGINNINGS = {
    Kind.REJECTED: "Rejected",
    Kind.NOT_SENT: "Not sent",
    Kind.BUSY: "Not taken",
    Kind.MISCONFIGURED: "Not taken",
    Kind.UNKNOWN: "Unknown",
}
# What whoever asked may do about it.
REMEDIES = {
    "no_name": "Check the gateway's address (GATEWAY_URL).",
    "no_connection": "Check the gateway's address (GATEWAY_URL), and that it runs.",
    "no_tls": "Check the gateway's address (GATEWAY_URL) and its certificate.",
    "not_found": "Check the gateway's address (GATEWAY_URL).",
    "redirected": "Give the address that it redirects to (GATEWAY_URL).",
    "unauthorised": "Check GATEWAY_TOKEN.",
    "forbidden": "Check GATEWAY_TOKEN.",
}


class Command(BaseCommand):
    help = (
        "Sends one message through the gateway, outside any mailing, and says what came of it. "
        "It is not recorded, and goes out whether or not the phone belongs to a client or has "
        "opted out. Ends with 0 only if the gateway accepted the message."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("phone", help="in any usual spelling, as +79991234567")
        parser.add_argument("text", help="what to send, in quotes")

    def handle(self, *args: Any, phone: str, text: str, **options: Any) -> None:
        gateway = Gateway.objects.get(pk=Gateway.default_id())
        request = _test_request(gateway, phone=phone, text=text)
        reply = send_one(
            request,
            headers=request_headers(settings.GATEWAY_TOKEN),
            connect_timeout_seconds=gateway.connect_timeout_seconds,
            total_timeout_seconds=gateway.total_timeout_seconds,
        )
        verdict = classify(reply)
        self.stdout.write(in_words(verdict, reply, url=request.url))
        if verdict.kind is not Kind.ACCEPTED:
            raise SystemExit(1)


def _test_request(gateway: Gateway, *, phone: str, text: str) -> Request:
    try:
        digits = normalise_phone(phone)
        checked = str(check_content({"text": text})["text"])
        number = fresh_test_id()
        body = message_body(number, digits, text_as_json(checked))
    except UnicodeEncodeError as error:
        raise CommandError("The text is not UTF-8.") from error
    except (BadPhone, MailingProblems) as error:
        raise CommandError(str(error)) from error
    return Request(url=message_url(gateway.base_url, number), body=body, key=number)


def in_words(verdict: Verdict, reply: Reply, *, url: str) -> str:
    """A line about what came of the message at the address, and what to do about it."""
    if verdict.kind is Kind.ACCEPTED:
        return f"Accepted: the gateway took the message in {reply.duration_seconds * 1000:.0f} ms."
    sentences = [f"{BEGINNINGS[verdict.kind]}: {_reason(verdict, reply, url=url)}."]
    if verdict.words and not reply.error:
        sentences.append(f"It said: {verdict.words}")
    if verdict.kind is Kind.UNKNOWN:
        sentences.append("The message may have been sent all the same.")
    if remedy := REMEDIES.get(verdict.reason or ""):
        sentences.append(remedy)
    return " ".join(sentences)


def _reason(verdict: Verdict, reply: Reply, *, url: str) -> str:
    if verdict.kind is Kind.REJECTED:
        code = "" if verdict.code is None else f", code {verdict.code}"
        return f"the gateway refused the message (HTTP {reply.status}{code})"
    words = reason_in_words(verdict.reason)
    detail = f" ({reply.error})" if reply.error else ""
    return f"{words[0].lower()}{words[1:]} at {_without_password(url)}{detail}"


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
