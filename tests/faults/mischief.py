"""The acts of a plan, each done to a running Notifier, and noted in the mailing's story."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from time import sleep, time

import psutil
import requests

from tests.faults.plan import Act, Plan
from tests.faults.processes import clusters, postmaster
from tests.faults.quick import QuickNotifier
from tests.faults.story import Story
from tests.running import wait_for

# After a fault of the database, until pages must work again.
RECOVERED_SECONDS = 20.0
# Until a gateway whose trouble is over must be used again: its rest, and an attempt's wait.
RESTED_SECONDS = 15.0
TROUBLE = (requests.ConnectionError, requests.Timeout)


@dataclass
class Mischief:
    notifier: QuickNotifier
    mailing: int
    plan: Plan
    story: Story
    random: Random

    def do(self, act: Act) -> None:
        sleep(act.pause_seconds)
        ACTS[act.kind](self, act)

    # --- the gateway ------------------------------------------------------------------

    def usual(self) -> dict[str, object]:
        """The faults and the latency that hold all the time."""
        return {
            "faults": dict(self.plan.faults),
            "latency": {"kind": "fixed", "seconds": self.plan.latency_seconds},
            "retry_after": {"kind": self.plan.retry_after, "seconds": 1},
        }

    def outage(self, act: Act) -> None:
        with self.lull():
            self.notifier.set_faults(faults={act.fault: 1})
            sleep(act.seconds)
            self.notifier.set_faults(**self.usual())

    def refuse_port(self, act: Act) -> None:
        with self.lull():
            self.notifier.set_faults(refuse_seconds=act.seconds)
            sleep(act.seconds + 0.5)

    def misconfigure(self, act: Act) -> None:
        """Until it is held, or for so long; then it is mended and released."""
        with self.lull():
            self.notifier.set_faults(faults={act.fault: 1})
            sleep(act.seconds)
            self.notifier.set_faults(**self.usual())
            # Replies that are on their way may hold it yet.
            sleep(1)
            self.release()

    def release(self) -> None:
        """As a person does it by the button on the overview, and without one to press."""
        self.notifier.sql(
            "UPDATE gateway_health SET state = 'ramping', since = now(), reason = '', openings = 0"
            " WHERE state = 'held'"
        )

    # --- processes --------------------------------------------------------------------

    def kill_sender(self, act: Act) -> None:
        for sender in self.notifier.senders()[:1]:
            with suppress(psutil.NoSuchProcess):
                sender.kill()
        self.must_go_on()

    def kill_cluster(self, act: Act) -> None:
        for process in clusters(self.notifier):
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self.must_go_on()

    def stop_database(self, act: Act) -> None:
        """What ``pg_ctl stop -m immediate`` does."""
        with self.outage_of_pages():
            self._end_database(signal.SIGQUIT)

    def kill_database(self, act: Act) -> None:
        with self.outage_of_pages():
            self._end_database(signal.SIGKILL)

    def _end_database(self, number: signal.Signals) -> None:
        main = postmaster(self.notifier)
        main.send_signal(number)
        psutil.wait_procs([main], timeout=20)
        self.notifier.sql("SELECT 1")
        self.must_go_on()

    def freeze_sender(self, act: Act) -> None:
        for sender in self.notifier.senders()[:1]:
            with suppress(psutil.NoSuchProcess):
                sender.send_signal(signal.SIGSTOP)
                try:
                    sleep(act.seconds)
                finally:
                    sender.send_signal(signal.SIGCONT)
        self.must_go_on()

    def cut_connections(self, act: Act) -> None:
        with self.outage_of_pages():
            for _ in range(3):
                self.notifier.sql(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
                )
                sleep(act.seconds / 3)
        self.must_go_on()

    def empty_queue(self, act: Act) -> None:
        self.notifier.sql("TRUNCATE django_q_ormq")
        self.must_go_on()

    def restart(self, act: Act) -> None:
        with self.outage_of_pages(), self.lull():
            self.notifier.stop()
            self.notifier.start()

    # --- people -----------------------------------------------------------------------

    def pause(self, act: Act) -> None:
        if not self.ask("pause", lambda: self.story.stop("pause")):
            return
        with self.lull():
            sleep(act.seconds)
            self.resume()

    def resume(self) -> None:
        self.ask("resume", self.story.resume)

    def cancel(self, act: Act) -> None:
        self.ask("cancel", lambda: self.story.stop("cancel"))

    def end_soon(self, act: Act) -> None:
        old = self.notifier.sql(
            "SELECT extract(epoch FROM end_time)::float FROM mailing WHERE id = %s", self.mailing
        )[0][0]
        new = time() + 1 + act.seconds
        moment = datetime.fromtimestamp(new, tz=UTC).isoformat()
        self.request(
            "PATCH", f"mailing/{self.mailing}/", lambda: self.story.move_end(old=old, new=new),
            end_time=moment,
        )  # fmt: skip

    def opt_out(self, act: Act) -> None:
        rows = self.notifier.sql("SELECT id, phone FROM client WHERE tag = 'main' ORDER BY id")
        for client, phone in self.random.sample(rows, min(30, len(rows))):
            self.request(
                "PATCH", f"client/{client}/",
                lambda phone=phone: self.story.stop("opt-out", phone=int(phone)),  # type: ignore[misc]
                opted_out=True,
            )  # fmt: skip

    def ask(self, action: str, told: Callable[[], object]) -> bool:
        """Whether the mailing let itself be paused, resumed or cancelled."""
        return self.request("POST", f"mailing/{self.mailing}/{action}/", told)

    def request(
        self, method: str, path: str, told: Callable[[], object], **content: object
    ) -> bool:
        """Ask the API, again while the database or the web is away; False where it refuses."""

        def asked() -> bool | None:
            with suppress(*TROUBLE), told():  # type: ignore[attr-defined]
                reply = self.notifier.session.request(
                    method, f"{self.notifier.url}/api/{path}", json=content, timeout=30
                )
                if reply.status_code >= 500:
                    raise requests.ConnectionError(reply.text)
                if not reply.ok:
                    raise Refused(reply.text)
                return True
            return None

        try:
            return bool(wait_for(asked, seconds=60, what=f"an answer to {path}", every=0.2))
        except Refused:
            return False

    # --- what is noted ----------------------------------------------------------------

    def must_go_on(self) -> None:
        self.story.resumes_after.append(time())

    @contextmanager
    def lull(self) -> Iterator[None]:
        """Meanwhile, and a little longer, nothing need leave."""
        began_at = time()
        yield
        self.story.lulls.append((began_at, time() + RESTED_SECONDS))

    @contextmanager
    def outage_of_pages(self) -> Iterator[None]:
        """Meanwhile, and a little longer, pages need not work."""
        began_at = time()
        yield
        self.story.outages.append((began_at - 1, time() + RECOVERED_SECONDS))


class Refused(Exception):
    """The API's answer was no."""


ACTS: dict[str, Callable[[Mischief, Act], None]] = {
    "outage": Mischief.outage,
    "refused port": Mischief.refuse_port,
    "misconfigured": Mischief.misconfigure,
    "kill a sender": Mischief.kill_sender,
    "kill the cluster": Mischief.kill_cluster,
    "stop the database": Mischief.stop_database,
    "kill the database": Mischief.kill_database,
    "freeze a sender": Mischief.freeze_sender,
    "freeze a sender for long": Mischief.freeze_sender,
    "cut connections": Mischief.cut_connections,
    "empty the queue": Mischief.empty_queue,
    "restart": Mischief.restart,
    "pause": Mischief.pause,
    "cancel": Mischief.cancel,
    "end soon": Mischief.end_soon,
    "opt-outs": Mischief.opt_out,
}
