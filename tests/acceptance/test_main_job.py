"""The main job over real processes: clients in, mailings out, everyone accounted for."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta

import psutil

from tests.running import RunningNotifier, wait_for


def moment(**ahead: float) -> datetime:
    return datetime.now(UTC) + timedelta(**ahead)


def post_clients(notifier: RunningNotifier, *, tag: str, count: int, first: int) -> set[int]:
    """Post so many clients in the seed's own words; their phones."""
    for number in range(first, first + count):
        notifier.post(
            "client/",
            {"phone_number": str(number), "operator": 999, "tag": tag, "timezone": "UTC"},
        )
    return set(range(first, first + count))


def lives(process: psutil.Process) -> bool:
    """Not so a zombie: it has ended, and only its parent has not asked yet."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def counts_of(mailing: dict) -> dict[str, int]:
    return {status: count for status, count in mailing["counts"].items() if count}


def test_a_mailing_reaches_exactly_the_matching_clients_once(notifier):
    wanted = post_clients(notifier, tag="exact", count=10, first=79990000000)
    post_clients(notifier, tag="other", count=5, first=79990000100)

    mailing = notifier.post(
        "mailing/",
        {
            "clients": {"tag": "exact", "operator": 999},
            "start_time": moment(minutes=-1).isoformat(),
            "end_time": moment(hours=1).isoformat(),
            "text": "Exactly once, ровно один раз",
        },
    )
    assert (mailing["matched"], mailing["status"]) == (10, "scheduled")
    done = notifier.wait_for_mailing(mailing["id"], status="finished")

    received = [e for e in notifier.ledger() if e.text == "Exactly once, ровно один раз"]
    assert sorted(entry.phone for entry in received) == sorted(wanted)
    assert all(entry.accepted for entry in received)
    assert counts_of(done) == {"accepted": 10}
    listed = list(notifier.messages(mailing=mailing["id"], status="accepted"))
    assert {m["id"] for m in listed} == {entry.id for entry in received}


def test_long_conditions_are_taken_in_an_address(notifier):
    post_clients(notifier, tag="long", count=3, first=79990005000)
    phones = [str(number) for number in range(79990005000, 79990005300)]
    conditions = {"field": "phone_number", "op": "in", "value": phones}

    listed = notifier.get("client/", clients=json.dumps(conditions))

    assert listed["count"] == 3


def test_a_mailing_ahead_starts_by_itself_at_most_a_second_late(notifier):
    post_clients(notifier, tag="later", count=3, first=79990001000)
    start = moment(seconds=5)

    mailing = notifier.post(
        "mailing/",
        {
            "clients": {"tag": "later"},
            "start_time": start.isoformat(),
            "end_time": moment(hours=1).isoformat(),
            "text": "Later",
        },
    )
    assert mailing["status"] == "scheduled"
    notifier.wait_for_mailing(mailing["id"], status="finished")

    first = min(entry.at for entry in notifier.ledger() if entry.text == "Later")
    assert 0 <= first - start.timestamp() <= 1.0


def test_a_rescheduled_mailing_starts_at_its_new_time_only(notifier):
    post_clients(notifier, tag="moved", count=2, first=79990002000)
    content = {"clients": {"tag": "moved"}, "text": "Moved"}
    content |= {"start_time": moment(hours=1).isoformat(), "end_time": moment(hours=2).isoformat()}
    mailing = notifier.post("mailing/", content)
    start = moment(seconds=2)

    reply = notifier.session.put(
        f"{notifier.url}/api/mailing/{mailing['id']}",
        json={**content, "start_time": start.isoformat()},
        timeout=10,
    )
    assert reply.status_code == 200, reply.text
    notifier.wait_for_mailing(mailing["id"], status="finished")
    times = [entry.at for entry in notifier.ledger() if entry.text == "Moved"]
    assert len(times) == 2
    assert 0 <= min(times) - start.timestamp() <= 1.0

    reply = notifier.session.put(
        f"{notifier.url}/api/mailing/{mailing['id']}", json={**content, "text": "No"}, timeout=10
    )
    assert reply.status_code == 409
    assert "has finished" in reply.json()["detail"]


def test_nothing_is_sent_after_the_end_and_the_rest_expires(notifier):
    notifier.set_faults(latency={"kind": "fixed", "seconds": 0.5})
    end = moment(seconds=4)

    mailing = notifier.post(
        "mailing/", {"clients": {}, "end_time": end.isoformat(), "text": "Until the end"}
    )
    done = notifier.wait_for_mailing(mailing["id"], status="finished")

    times = [entry.at for entry in notifier.ledger() if entry.text == "Until the end"]
    assert max(times) < end.timestamp()
    counts = counts_of(done)
    assert counts["accepted"] == len(times)
    assert counts["expired"] > 0
    assert sum(counts.values()) == done["audience"]
    statuses = Counter(m["status"] for m in notifier.messages(mailing=mailing["id"]))
    assert statuses == counts


def test_a_gateway_that_refuses_for_ten_seconds_costs_nobody_a_message(notifier):
    tagged = post_clients(notifier, tag="patient", count=60, first=79990003000)
    notifier.set_faults(latency={"kind": "fixed", "seconds": 0.05})
    notifier.set_faults(refuse_seconds=10)

    mailing = notifier.post("mailing/", {"clients": {"tag": "patient"}, "text": "Patience"})
    done = notifier.wait_for_mailing(mailing["id"], status="finished", seconds=90)

    received = [entry for entry in notifier.ledger() if entry.text == "Patience"]
    assert sorted(entry.phone for entry in received if entry.accepted) == sorted(tagged)
    assert counts_of(done) == {"accepted": 60}


def test_pause_resume_and_cancel_over_the_api(notifier):
    notifier.set_faults(latency={"kind": "fixed", "seconds": 0.3})
    mailing = notifier.post("mailing/", {"clients": {}, "text": "Stop and go"})
    number = mailing["id"]
    wait_for(
        lambda: notifier.mailing(number)["counts"]["accepted"], seconds=20, what="first messages"
    )

    assert notifier.post(f"mailing/{number}/pause")["status"] == "paused"
    wait_for(
        lambda: not notifier.mailing(number)["counts"]["sending"],
        seconds=20,
        what="what was on its way",
    )
    at_rest = len([e for e in notifier.ledger() if e.text == "Stop and go"])
    assert counts_of(notifier.mailing(number))["accepted"] == at_rest

    assert notifier.post(f"mailing/{number}/resume")["status"] in ("running", "preparing")
    wait_for(
        lambda: notifier.mailing(number)["counts"]["accepted"] > at_rest,
        seconds=20,
        what="more messages",
    )
    assert notifier.post(f"mailing/{number}/cancel")["status"] == "cancelled"
    counts = wait_for(
        lambda: (
            counts
            if not (counts := notifier.mailing(number)["counts"])["pending"]
            and not counts["sending"]
            else None
        ),
        seconds=30,
        what="the rest is cancelled",
    )
    assert counts["accepted"] == len([e for e in notifier.ledger() if e.text == "Stop and go"])
    assert counts["cancelled"] > 0
    assert sum(counts.values()) == notifier.mailing(number)["audience"]


def test_after_kill_9_of_everything_every_recipient_is_accounted_for(notifier):
    notifier.set_faults(latency={"kind": "fixed", "seconds": 0.05})
    mailing = notifier.post("mailing/", {"clients": {}, "text": "Survivor"})
    number = mailing["id"]
    wait_for(
        lambda: notifier.mailing(number)["counts"]["accepted"] > 200,
        seconds=30,
        what="mailing under way",
    )

    killed = notifier.kill_everything()
    assert not [process for process in killed if process.is_running()]
    before = notifier.accepted()
    notifier.start()
    done = notifier.wait_for_mailing(number, status="finished", seconds=120)

    counts = counts_of(done)
    messages = {m["id"]: m for m in notifier.messages(mailing=number)}
    assert counts == Counter(m["status"] for m in messages.values())
    assert sum(counts.values()) == done["audience"] == len(messages)
    accepted = {key: n for key, n in notifier.accepted().items() if key in messages}
    assert {key for key, m in messages.items() if m["status"] == "accepted"} == set(accepted)
    # Twice only where the first acceptance was lost with those who heard it.
    twice = {key for key, n in accepted.items() if n > 1}
    assert twice <= {key for key, m in messages.items() if m["maybe_sent"]}
    assert all(key in before for key in twice)
    assert max(accepted.values()) <= 2


def test_sigterm_leaves_no_process_and_a_restart_finds_every_row(notifier):
    notifier.set_faults(latency={"kind": "fixed", "seconds": 0.2})
    mailing = notifier.post("mailing/", {"clients": {}, "text": "Interrupted"})
    number = mailing["id"]
    wait_for(
        lambda: notifier.mailing(number)["counts"]["accepted"] > 100,
        seconds=30,
        what="mailing under way",
    )
    processes = notifier.processes()
    assert len(processes) > 8

    assert notifier.stop() == 0

    _, alive = psutil.wait_procs(processes, timeout=1)
    assert [process for process in alive if lives(process)] == []
    notifier.start()
    done = notifier.wait_for_mailing(number, status="finished", seconds=90)
    sent = Counter(e.id for e in notifier.ledger() if e.text == "Interrupted")
    assert set(sent.values()) == {1}
    assert counts_of(done)["accepted"] == len(sent)
