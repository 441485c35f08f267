"""One client's connection: requests in, replies out, one after the other."""

import asyncio
import socket
import struct
from asyncio import TimerHandle, Transport
from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

from notifier.gateway.sandbox.replies import CONTINUE, Ending, Reply, closing, code_response
from notifier.gateway.sandbox.wire import BadRequest, RequestReader

if TYPE_CHECKING:
    from notifier.gateway.sandbox.gateway import SandboxGateway

LINGER_ZERO = struct.pack("ii", 1, 0)
# What a client may send ahead of its replies before we stop reading.
MOST_WAITING_BYTES = 256 * 1024
# How long a client may take to read the last reply and hang up.
LINGER_SECONDS = 2.0


class Connection(asyncio.Protocol):
    """Takes the next request only when the reply before is out, so replies keep their order."""

    def __init__(self, gateway: "SandboxGateway") -> None:
        self._gateway = gateway
        self._reader = RequestReader()
        self._busy = False
        self._ending = False
        self._reading = True
        self._writing_paused = False
        self._timer: TimerHandle | None = None
        self._playing: tuple[Iterator[bytes], Reply] | None = None

    # --- what the event loop calls ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(Transport, transport)
        self._gateway.connections.add(self)
        if not self._gateway.is_open:
            # Accepted in the same turn of the loop in which the port was closed.
            self.reset()

    def data_received(self, data: bytes) -> None:
        if self._ending or self._resets_before(data):
            return
        self._reader.feed(data)
        if not self._busy:
            self._take_requests()
        self._read_or_rest()

    def connection_lost(self, error: Exception | None) -> None:
        self._gateway.connections.discard(self)
        self._stop_playing()
        self._busy = True

    def pause_writing(self) -> None:
        # The client reads more slowly than it asks: take nothing more from it.
        self._writing_paused = True

    def resume_writing(self) -> None:
        self._writing_paused = False
        if self._playing and self._timer is None:
            self._play_on()
        elif not self._busy:
            self._take_requests()
        self._read_or_rest()

    # --- what the gateway calls ---

    def hold(self) -> None:
        """Take no further request until ``play`` is through with the reply to this one."""
        self._busy = True

    def send(self, whole: bytes) -> None:
        """A whole response that keeps the connection: the fast path."""
        self._transport.write(whole)

    def play(self, reply: Reply, *, delay: float = 0.0) -> None:
        """Send the reply's chunks at their pace; needs ``hold`` before."""
        if self._transport.is_closing():
            return
        self._playing = (iter(reply.chunks), reply)
        if delay:
            self._play_after(delay)
        else:
            self._play_on()

    def reset(self) -> None:
        """End with a TCP reset; whatever was not sent yet is lost."""
        self._busy = True
        self._stop_playing()
        if self._transport.is_closing():
            return
        # Without a linger of zero the kernel would end politely, with a FIN.
        connection = self._transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_ZERO)
        self._transport.abort()

    def close(self) -> None:
        """End after all that was sent has left."""
        self._busy = True
        self._stop_playing()
        self._transport.close()

    # --- inside ---

    def _resets_before(self, data: bytes) -> bool:
        # Only where a message begins: the control endpoint must stay reachable.
        plan = self._gateway.plan
        if not plan.reset_before_rate or self._busy or self._reader.waiting_bytes:
            return False
        if not data.startswith(b"POST /v1/") or not plan.draw_reset_before():
            return False
        self._gateway.tally.resets_before += 1
        self.reset()
        return True

    def _take_requests(self) -> None:
        try:
            while not (self._busy or self._writing_paused):
                request = self._reader.next_request()
                if request is None:
                    break
                self._gateway.receive(self, request)
            if not self._busy and self._reader.should_say_continue():
                self._gateway.queue(self, CONTINUE)
        except BadRequest as bad:
            self.hold()
            self._gateway.tally.unreadable += 1
            self._gateway.queue(self, closing(code_response(bad.status, 100, bad.message)))

    def _read_or_rest(self) -> None:
        wanted = self._ending or self._reader.waiting_bytes <= MOST_WAITING_BYTES
        if wanted == self._reading or self._transport.is_closing():
            return
        self._reading = wanted
        if wanted:
            self._transport.resume_reading()
        else:
            self._transport.pause_reading()

    def _play_on(self) -> None:
        self._timer = None
        if self._playing is None:
            return
        chunks, reply = self._playing
        for chunk in chunks:
            self._transport.write(chunk)
            if reply.pause_seconds:
                self._play_after(reply.pause_seconds)
                return
            if self._writing_paused:
                return
        self._playing = None
        self._end(reply.ending)

    def _play_after(self, seconds: float) -> None:
        self._timer = self._gateway.loop.call_later(seconds, self._play_on)

    def _stop_playing(self) -> None:
        self._playing = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _end(self, ending: Ending) -> None:
        match ending:
            case Ending.KEEP:
                self._busy = False
                self._take_requests()
                self._read_or_rest()
            case Ending.CLOSE:
                self._hang_up()
            case Ending.RESET:
                self.reset()
            case Ending.SILENCE:
                pass  # busy for ever: nothing is taken and nothing said

    def _hang_up(self) -> None:
        # Closing with bytes unread (the rest of a body that was refused) would
        # send a reset, and the client would lose the reply: let it hang up first.
        self._ending = True
        self._read_or_rest()
        if not self._transport.is_closing():
            self._transport.write_eof()
            self._timer = self._gateway.loop.call_later(LINGER_SECONDS, self.close)
