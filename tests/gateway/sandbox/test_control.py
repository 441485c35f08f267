"""The control endpoint: what it shows, takes and refuses, and from whom."""

import json
from typing import Any

import pytest
import requests

from notifier.gateway.sandbox.faults import FAULTS
from tests.gateway.sandbox.wire_client import WireClient, send_request
from tests.sandbox import SandboxProcess

CALM = {
    "faults": {},
    "latency": None,
    "retry_after": {"kind": "seconds", "seconds": 2},
    "redirect_to": "http://gateway.invalid",
    "seed": None,
}


def test_the_state_shows_settings_in_the_form_in_which_they_are_set(
    sandbox: SandboxProcess,
) -> None:
    settings: dict[str, Any] = {
        "faults": {"500": {"rate": 0.1}, "garbage_taken": {"rate": 0.05}},
        "latency": {"kind": "uniform", "low": 0.1, "high": 0.2},
        "retry_after": {"kind": "date", "seconds": 30},
        "redirect_to": "https://example.com",
        "seed": 5,
    }

    assert sandbox.set_faults(**settings)["settings"] == settings
    assert sandbox.state()["settings"] == settings
    assert sandbox.reset()["settings"] == {**CALM, "seed": 5}


def test_a_setting_replaces_only_what_it_names(sandbox: SandboxProcess) -> None:
    sandbox.set_faults({"500": 0.5}, latency=1)
    assert sandbox.set_faults({"code": 1})["settings"]["faults"] == {"code": {"rate": 1}}
    assert sandbox.set_faults(latency=0)["settings"] == {**CALM, "faults": {"code": {"rate": 1}}}


def test_a_window_is_shown_by_what_is_left_of_it(sandbox: SandboxProcess) -> None:
    faults = sandbox.set_faults({"500": 1}, after_seconds=100, for_seconds=30)["settings"]["faults"]

    # Some of it may have passed by the time it is told.
    assert faults["500"].keys() == {"rate", "after_seconds", "for_seconds"}
    assert (faults["500"]["rate"], faults["500"]["for_seconds"]) == (1, 30)
    assert 99 < faults["500"]["after_seconds"] <= 100
    left = sandbox.set_faults(latency=1, for_seconds=30)["settings"]["latency"]["for_seconds"]
    assert 29 < left <= 30


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ([], "The settings are not a JSON object."),
        ({"fault": {}}, 'The settings: "fault" is unknown. Use: faults, latency, '),
        ({"faults": ["500"]}, '"faults" is not an object of names and rates'),
        ({"faults": {"501": 1}}, 'There is no fault "501". There are: 400, 401, '),
        ({"faults": {"500": 1.5}}, 'The rate of "500" is 1.5; use 0 to 1.'),
        ({"faults": {"500": "1"}}, 'The rate of "500" is not a number.'),
        ({"faults": {"500": True}}, 'The rate of "500" is not a number.'),
        ({"faults": {"500": float("nan")}}, 'The rate of "500" is not a number of ordinary size.'),
        ({"faults": {"500": 0.6, "code": 0.5}}, "The rates of the faults add up to 1.1; at most"),
        ({"faults": {"500": {"rat": 1}}}, 'The fault "500": "rat" is unknown. Use: rate, '),
        ({"latency": -1}, '"seconds" of the latency is -1; use 0 to 3600 seconds.'),
        ({"latency": "1"}, '"seconds" of the latency is not a number.'),
        ({"latency": {"kind": "odd"}}, 'The kind of "latency" is not "fixed"'),
        ({"latency": {"kind": "uniform", "low": 2, "high": 1}}, "The uniform latency's 2 is above"),
        ({"latency": {"kind": "tail", "median": 0, "p99": 1}}, '"median" of the latency is 0'),
        ({"retry_after": "later"}, 'The kind of "retry_after" is none of: none, seconds, '),
        ({"redirect_to": "ftp://x"}, '"redirect_to" is not an http(s) address'),
        ({"redirect_to": "http://x\r\nSet-Cookie: a"}, '"redirect_to" is not an http(s) address'),
        ({"seed": 1.5}, '"seed" is not a whole number.'),
        ({"refuse_seconds": 0}, "refuse_seconds is 0; use 0.05 to 3600 seconds."),
        ({"latency": 1, "for_seconds": 0}, "for_seconds is 0; use 0.01 to 86400 seconds."),
    ],
)
def test_a_bad_setting_is_refused_with_a_sentence_and_changes_nothing(
    sandbox: SandboxProcess, settings: object, sentence: str
) -> None:
    reply = requests.post(
        f"{sandbox.url}/control",
        data=json.dumps(settings),
        headers={"Content-Type": "application/json"},
        timeout=5,
    )

    assert (reply.status_code, reply.json()["error"][: len(sentence)]) == (400, sentence)
    assert sandbox.state()["settings"] == CALM


def test_faults_may_add_up_to_more_than_1_at_different_times(sandbox: SandboxProcess) -> None:
    sandbox.set_faults(
        {"500": {"rate": 1, "for_seconds": 30}, "code": {"rate": 1, "after_seconds": 30}}
    )


def test_a_reset_forgets_the_counts_only_when_asked(
    sandbox: SandboxProcess, client: WireClient
) -> None:
    client.ask(send_request())

    assert sandbox.reset()["counts"]["total"] == 1
    assert sandbox.reset(counts=True)["counts"]["total"] == 0
    client.ask(send_request())
    assert sandbox.state()["counts"]["duplicates"] == 0
    assert len(sandbox.ledger()) == 2


@pytest.mark.parametrize("path", ["/control", "/control/reset"])
@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]
)
def test_a_form_on_a_foreign_page_cannot_switch_faults(
    sandbox: SandboxProcess, path: str, content_type: str
) -> None:
    sandbox.set_faults({"500": 1})
    reply = requests.post(
        f"{sandbox.url}{path}",
        data=b'{"faults": {}}',
        headers={"Content-Type": content_type},
        timeout=5,
    )

    assert reply.status_code == 415
    assert sandbox.state()["settings"]["faults"] == {"500": {"rate": 1}}


def test_a_browser_that_asks_for_a_foreign_page_is_given_no_leave(sandbox: SandboxProcess) -> None:
    reply = requests.options(
        f"{sandbox.url}/control",
        headers={"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"},
        timeout=5,
    )

    assert reply.status_code == 405
    assert "Access-Control-Allow-Origin" not in reply.headers


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:8090", 200),
        ("sandbox:8090", 200),
        ("127.0.0.1", 200),
        ("[::1]:8090", 200),
        ("evil.example:8090", 403),
        ("127.0.0.1.evil.example", 403),
    ],
)
def test_a_foreign_name_for_this_machine_is_refused(
    sandbox: SandboxProcess, host: str, status: int
) -> None:
    reply = requests.get(f"{sandbox.url}/control", headers={"Host": host}, timeout=5)

    assert reply.status_code == status


def test_every_fault_says_what_it_does(sandbox: SandboxProcess) -> None:
    words = requests.get(f"{sandbox.url}/control/faults", timeout=5).json()

    assert words.keys() == FAULTS.keys()
    assert all(words.values())


def test_pages_and_settings_stay_reachable_while_every_message_fails(
    sandbox: SandboxProcess, client: WireClient
) -> None:
    sandbox.set_faults({"silence": 1}, latency=60)
    client.send(send_request())

    assert sandbox.reset()["settings"] == CALM
    assert requests.get(f"{sandbox.url}/", timeout=5).status_code == 200
