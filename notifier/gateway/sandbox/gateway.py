"""The sandbox gateway itself: what arrives is judged, recorded and only then answered."""

from asyncio import AbstractEventLoop, TimerHandle
from collections.abc import Callable
from time import time

from notifier.gateway.sandbox import people
from notifier.gateway.sandbox.conditions import Conditions
from notifier.gateway.sandbox.connection import Connection
from notifier.gateway.sandbox.contract import Refusal, Sms, examine
from notifier.gateway.sandbox.control import Change
from notifier.gateway.sandbox.ledger import Ledger, LedgerEntry, LedgerError
from notifier.gateway.sandbox.plan import Plan
from notifier.gateway.sandbox.replies import ACCEPTED, Ending, Reply, closing, code_response
from notifier.gateway.sandbox.tally import Tally
from notifier.gateway.sandbox.wire import Request


class SandboxGateway:
    """The state that all connections share.

    ``refuse`` is called with the seconds for which the port is to be closed;
    ``fail`` when the ledger cannot be kept.
    """

    def __init__(
        self,
        *,
        loop: AbstractEventLoop,
        ledger: Ledger | None,
        token: str,
        refuse: Callable[[float], None],
        fail: Callable[[LedgerError], None],
    ) -> None:
        self.loop = loop
        self.plan = Plan()
        self.tally = Tally()
        self.connections: set[Connection] = set()
        self.is_open = True  # the port; False while connections are refused
        self._ledger = ledger
        self._token = token.encode()
        self._refuse = refuse
        self._fail = fail
        self._waiting: list[tuple[Connection, Reply | bytes, float]] = []
        self._next_change: TimerHandle | None = None

    def receive(self, connection: Connection, request: Request) -> None:
        # Every POST but those to our own pages is meant as a message,
        # also one to a wrong address: it belongs in the ledger.
        if request.method != b"POST" or request.target.startswith(b"/control"):
            people.serve(self, connection, request)
            return
        sms, refusal = examine(request, token=self._token)
        if refusal:
            self._answer_refusal(connection, request, sms, refusal)
        elif self.plan.quiet:
            self._record(sms, reply="ok", status=200, accepted=True)
            self.answer(connection, request, ACCEPTED)
        else:
            self._answer_by_plan(connection, request, sms)

    def answer(
        self, connection: Connection, request: Request, reply: Reply | bytes, *, delay: float = 0.0
    ) -> None:
        """Queue the reply to a request, in keeping with its Connection header."""
        if not request.headers.keep_alive:
            reply = _as_last(reply)
        if delay or not isinstance(reply, bytes):
            connection.hold()
        self.queue(connection, reply, delay=delay)

    def queue(self, connection: Connection, reply: Reply | bytes, *, delay: float = 0.0) -> None:
        """Let the reply leave at the end of this turn of the loop, after the ledger is written.

        So one write serves all the requests that arrived in the same turn.
        """
        if not self._waiting:
            self.loop.call_soon(self._flush)
        self._waiting.append((connection, reply, delay))

    def apply(self, change: Change) -> None:
        if change.reseeds:
            self.plan.reseed(change.seed)
        self.follow(change.conditions)

    def follow(self, conditions: Conditions) -> None:
        """Put the conditions in force, and again at every change that time brings."""
        now = self.loop.time()
        if self._next_change is not None:
            self._next_change.cancel()
            self._next_change = None
        self.plan.follow(conditions, now=now)
        change_at = conditions.next_change(now)
        if change_at is not None:
            self._next_change = self.loop.call_at(change_at, self.follow, conditions)

    def refuse_connections(self, seconds: float, *, asker: Connection) -> None:
        """Close the port for so long and reset all connections; the asker gets its answer."""
        self.is_open = False
        for connection in self.connections - {asker}:
            connection.reset()
        self._refuse(seconds)

    def end_second(self) -> None:
        self.tally.end_second()
        self.loop.call_later(1, self.end_second)

    def _answer_refusal(
        self, connection: Connection, request: Request, sms: Sms, refusal: Refusal
    ) -> None:
        self._record(sms, reply=refusal.word, status=refusal.status, accepted=False)
        reply = code_response(refusal.status, refusal.code, refusal.message)
        self.answer(connection, request, reply)

    def _answer_by_plan(self, connection: Connection, request: Request, sms: Sms) -> None:
        fault, delay = self.plan.draw()
        if fault is None:
            self._record(sms, reply="ok", status=200, accepted=True)
            self.answer(connection, request, ACCEPTED, delay=delay)
            return
        self._record(sms, reply=fault.name, status=fault.status, accepted=fault.taken)
        reply = fault.reply(self.plan.circumstances(sms.id or 0))
        self.answer(connection, request, reply, delay=delay)

    def _record(self, sms: Sms, *, reply: str, status: int | None, accepted: bool) -> None:
        entry = LedgerEntry(time(), sms.id, sms.phone, sms.text, reply, status, accepted)
        if self._ledger:
            self._ledger.add(entry)
        self.tally.count(entry)

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        try:
            if self._ledger:
                self._ledger.write()
        except LedgerError as error:
            for connection, _, _ in waiting:
                connection.reset()
            self._fail(error)
            return
        for connection, reply, delay in waiting:
            if isinstance(reply, bytes) and not delay:
                connection.send(reply)
            else:
                connection.play(_played(reply), delay=delay)


def _played(reply: Reply | bytes) -> Reply:
    return Reply((reply,)) if isinstance(reply, bytes) else reply


def _as_last(reply: Reply | bytes) -> Reply:
    if isinstance(reply, bytes):
        return closing(reply)
    return reply._replace(ending=Ending.CLOSE) if reply.ending is Ending.KEEP else reply
