"""The gateway misbehaves in every way of the catalogue; every message is accounted for."""

from collections import Counter
from itertools import pairwise

import psutil
import pytest

from notifier.gateway.sandbox.faults import RETRY_AFTER
from tests.faults.pages import Pages, Watcher
from tests.faults.quick import (
    LONGEST_RETRY_AFTER_SECONDS,
    MANY,
    RAMP_SECONDS,
    QuickNotifier,
)
from tests.faults.story import Story
from tests.running import free_port, wait_for
from tests.sandbox import SandboxProcess

# Under half in all, so that the breaker stays out of it.
UNREADABLE = dict.fromkeys(
    (
        "garbage", "garbage_taken", "empty", "empty_taken", "html", "html_taken",
        "truncated", "truncated_taken", "huge_body", "huge_body_taken",
        "gzip_bomb", "gzip_bomb_taken",
    ),
    0.03,
)  # fmt: skip
BROKEN = dict.fromkeys(("reset", "reset_taken", "cut", "cut_taken"), 0.08) | {"reset_before": 0.05}
FAILING = dict.fromkeys(("500", "500_taken", "502", "502_taken", "504", "504_taken"), 0.06)
SLOW = dict.fromkeys(
    (
        "silence", "silence_taken", "drip_body", "drip_headers",
        "drip_continue", "drip_continue_taken",
    ),
    0.03,
)  # fmt: skip


@pytest.mark.parametrize(
    ("faults", "reasons"),
    [
        pytest.param(UNREADABLE, {"unreadable_reply"}, id="unreadable"),
        pytest.param(BROKEN, {"broken_connection"}, id="broken"),
        pytest.param(FAILING, {"server_error"}, id="failing"),
        pytest.param(SLOW, {"timed_out"}, id="silent or dripping"),
    ],
)
def test_what_may_have_been_taken_is_sent_again_until_it_surely_was(calm, faults, reasons):
    calm.set_faults(faults=faults, seed=1)

    mailing = calm.send("few", f"Whether {reasons}")
    facts = calm.settle(mailing)

    assert facts.statuses == {"accepted": 300}
    assert calm.reasons(mailing) == reasons
    assert met(facts) == set(faults) - {"reset_before"}


def test_where_repeats_are_to_be_held_what_may_have_been_taken_stays_unknown(calm):
    calm.sql("UPDATE gateway SET unknown_outcome = 'hold'")
    calm.set_faults(faults={"500": 0.1, "500_taken": 0.1, "reset_taken": 0.1}, seed=1)

    try:
        facts = calm.settle(calm.send("few", "At most once"))
    finally:
        calm.sql("UPDATE gateway SET unknown_outcome = 'retry'")

    assert facts.statuses.keys() == {"accepted", "unknown"}
    assert {len(entries) for entries in facts.sent.values()} == {1}


def test_refusals_are_final_and_a_wrong_content_type_is_none(calm):
    calm.set_faults(faults={"code": 0.1, "400": 0.1, "422": 0.1, "wrong_type": 0.2}, seed=1)

    mailing = calm.send("few", "Take it or leave it")
    facts = calm.settle(mailing)

    refused = sum(
        entry.reply in ("code", "400", "422") for each in facts.sent.values() for entry in each
    )
    assert facts.statuses == {"accepted": 300 - refused, "failed": refused}
    assert {len(entries) for entries in facts.sent.values()} == {1}
    assert met(facts) >= {"code", "400", "422", "wrong_type"}


def test_senders_stay_small_whatever_is_sent_to_them(calm):
    """100 MB and gzip bombs by the hundred: nobody keeps or unpacks them."""
    calm.send("few", "Warming up")
    before = wait_for(lambda: memory_of(calm), seconds=10, what="senders")
    calm.set_faults(faults={"huge_body_taken": 0.2, "gzip_bomb_taken": 0.2}, seed=1)

    mailing = calm.send("many", "Big replies")
    most = Counter(before)
    while calm.mailing(mailing)["status"] != "finished":
        for pid, size in memory_of(calm).items():
            most[pid] = max(most[pid], size)
    facts = calm.settle(mailing)

    assert facts.statuses == {"accepted": MANY}
    assert met(facts) >= {"huge_body_taken", "gzip_bomb_taken"}
    assert max(most.values()) - min(before.values()) < 100 << 20


@pytest.mark.parametrize("form", RETRY_AFTER)
def test_a_gateway_that_asks_to_wait_is_left_alone_for_so_long(calm, form):
    calm.set_faults(
        faults={status: {"rate": 0.5, "for_seconds": 0.5} for status in ("429", "503")},
        retry_after={"kind": form, "seconds": 2},
        latency={"kind": "fixed", "seconds": 0.01},
    )

    mailing = calm.send("few", f"Later, {form}")
    facts = calm.settle(mailing)

    assert facts.statuses == {"accepted": 300}
    assert met(facts) == {"429", "503"}
    assert not any(message.maybe_sent for message in facts.messages.values())
    asked = {"seconds": 2.0, "date": 1.0, "huge": LONGEST_RETRY_AFTER_SECONDS}.get(form, 0.0)
    assert longest_gap(facts.times) > 0.9 * asked


def test_a_refused_port(calm):
    calm.set_faults(latency={"kind": "fixed", "seconds": 0.1})
    mailing = calm.send("many", "Nobody home")
    wait_for(lambda: calm.mailing(mailing)["counts"]["accepted"], seconds=20, what="a beginning")

    calm.set_faults(refuse_seconds=2)
    facts = calm.settle(mailing)

    assert facts.statuses == {"accepted": MANY}
    assert "no_connection" in calm.reasons(mailing)


@pytest.mark.parametrize(
    ("address", "reasons"),
    [
        ("http://gateway.invalid", {"no_name"}),
        ("https://127.0.0.1:{port}", {"no_tls"}),
        ("http://127.0.0.1:{closed}", {"no_connection"}),
    ],
)
def test_an_address_that_leads_nowhere_until_it_is_mended(calm, address, reasons):
    with SandboxProcess() as other:
        url = address.format(port=other.port, closed=free_port())
    with SandboxProcess(ledger=calm.data_dir / f"ledger-{other.port}.jsonl") as other:
        url = url if "https" not in url else f"https://127.0.0.1:{other.port}"
        gateway = calm.add_gateway(f"To {url}", url)

        mailing = calm.send("few", f"To {url}", gateway=gateway)
        wait_for(lambda: calm.health(gateway) == "open", seconds=30, what="a gateway that rests")
        calm.sql("UPDATE gateway SET url = %s WHERE id = %s", other.url, gateway)
        facts = calm.settle(mailing, gateway=other)

    assert facts.statuses == {"accepted": 300}
    assert calm.reasons(mailing) == reasons
    assert not any(message.maybe_sent for message in facts.messages.values())


@pytest.mark.parametrize(
    ("fault", "words"),
    [("401", "token"), ("403", "access"), ("404", "address"), ("redirect", "redirect")],
)
def test_a_misconfigured_gateway_is_held_until_a_person_releases_it(calm, fault, words):
    with SandboxProcess(ledger=calm.data_dir / f"elsewhere-{fault}.jsonl") as elsewhere:
        slow = {"kind": "fixed", "seconds": 0.05}
        calm.set_faults(faults={fault: 1}, redirect_to=elsewhere.url, latency=slow)
        mailing = calm.send("few", f"Held by {fault}")
        wait_for(lambda: calm.health() == "held", seconds=30, what="a held gateway")
        pages = Pages(calm)
        for path in ("/", f"/mailings/{mailing}/"):
            page = pages.get(path).text
            assert "On hold" in page
            assert words in page
        calm.set_faults(faults={})
        pages.post("/gateways/1/release/", form_at="/")
        facts = calm.settle(mailing)

        assert elsewhere.ledger() == []
    assert facts.statuses == {"accepted": 300}
    assert not any(message.maybe_sent for message in facts.messages.values())
    refused = len(facts.times) - 300
    # 40 at once, until the first 20 replies are written down.
    assert 20 <= refused <= 3 * 40


def test_an_outage_costs_probes_alone_and_is_followed_by_no_stampede(calm):
    """Down for five seconds: a handful of probes meanwhile, then a ramp, and no attempt burnt."""
    calm.set_faults(latency={"kind": "fixed", "seconds": 0.1})
    mailing = calm.send("many", "Down and up again")
    wait_for(
        lambda: calm.mailing(mailing)["counts"]["accepted"] > 300, seconds=30, what="full pace"
    )
    story = Story(recipients=MANY)

    with Watcher(calm, story, f"/mailings/{mailing}/"):
        calm.set_faults(faults={"500": {"rate": 1, "for_seconds": 5}})
        facts = calm.settle(mailing, story=story)

    down = sorted(e.at for each in facts.sent.values() for e in each if e.reply == "500")
    up = sorted(e.at for each in facts.sent.values() for e in each if e.at > down[-1])
    # 40 at once and 0.1 s each are 400 a second. An outage is one when half of a second's
    # calls are in trouble; then there are three probes for each rest of a second or two.
    assert len(down) <= 400
    assert len([at for at in down if at > down[0] + 1.5]) <= 3 * 7
    burnt = sum(message.attempts > 1 for message in facts.messages.values())
    assert burnt <= len(down)
    # In the first quarter of the ramp a quarter of the full pace at most, and in its
    # second half more than in its first.
    first = [at for at in up if at < up[0] + RAMP_SECONDS / 4]
    assert len(first) <= 0.35 * 400 * RAMP_SECONDS / 4
    half = up[0] + RAMP_SECONDS / 2
    early = sum(at < half for at in up)
    late = sum(half <= at < half + RAMP_SECONDS / 2 for at in up)
    assert early < late
    assert facts.statuses == {"accepted": MANY}


def test_one_of_two_gateways_hangs_and_the_other_does_not_notice(calm):
    with SandboxProcess(ledger=calm.data_dir / "hanging.jsonl") as hanging:
        gateway = calm.add_gateway("Hanging", hanging.url)
        calm.set_faults(latency={"kind": "fixed", "seconds": 0.02})
        alone = seconds_for(calm, calm.send("many", "Alone"))
        hanging.set_faults({"silence": 1})
        stuck = calm.send("many", "Into the void", gateway=gateway)
        wait_for(hanging.ledger, seconds=20, what="requests that hang")
        story = Story(recipients=MANY)
        beside = calm.send("many", "Beside it")

        with Watcher(calm, story, "/"):
            facts = calm.settle(beside, story=story)
        assert calm.mailing(stuck)["status"] == "running"
        hanging.reset()
        calm.settle(stuck, gateway=hanging)

    assert facts.times[-1] - facts.times[0] < 3 * alone + 5


def met(facts) -> set[str]:
    """The faults that requests of the mailing met."""
    return {entry.reply for each in facts.sent.values() for entry in each} - {"ok"}


def longest_gap(times: list[float]) -> float:
    return max((after - before for before, after in pairwise(times)), default=0.0)


def seconds_for(notifier: QuickNotifier, mailing_id: int) -> float:
    """How long the gateway received requests of a mailing."""
    times = notifier.settle(mailing_id).times
    return times[-1] - times[0]


def memory_of(notifier: QuickNotifier) -> dict[int, int]:
    """The resident memory of each sender at this moment, in bytes."""
    sizes = {}
    for sender in notifier.senders():
        try:
            sizes[sender.pid] = sender.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return sizes
