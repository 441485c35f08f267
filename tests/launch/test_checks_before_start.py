"""What up looks at before it starts anything: ports, the database of DATABASE_URL."""

import socket
import threading

import pytest

from notifier.launch.environment import read_environment
from notifier.launch.errors import BadVariable, CannotStart
from notifier.launch.external_database import check_external_database
from notifier.launch.part_process import Restarts
from notifier.launch.ports import check_port
from notifier.launch.readiness import address_of, web_answers


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


def test_a_free_port_is_let_pass(listener):
    port = listener.getsockname()[1]
    listener.close()

    check_port("PORT", "127.0.0.1", port)


def test_a_taken_port_is_named_with_who_has_taken_it(listener):
    port = listener.getsockname()[1]

    with pytest.raises(CannotStart, match=rf"^PORT {port} is already taken by \S+ \(process \d+\)"):
        check_port("PORT", "127.0.0.1", port)


def test_another_machine_s_address_is_named():
    with pytest.raises(BadVariable) as raised:
        check_port("PORT", "192.0.2.1", 8000)

    assert str(raised.value) == 'BIND_HOST "192.0.2.1" is not an address of this machine.'


@pytest.mark.parametrize(
    ("bind_host", "address"),
    [
        ("127.0.0.1", "127.0.0.1:8000"),
        ("0.0.0.0", "127.0.0.1:8000"),
        ("::", "[::1]:8000"),
        ("192.0.2.1", "192.0.2.1:8000"),
    ],
)
def test_people_are_sent_to_an_address_that_answers(tmp_path, bind_host, address):
    variables = {"NOTIFIER_DATA_DIR": str(tmp_path), "BIND_HOST": bind_host}

    assert address_of(read_environment(variables)) == address


@pytest.mark.parametrize(
    ("allowed_hosts", "host"),
    [
        (["*"], "localhost"),
        ([".example.com"], "example.com"),
        (["a.example", "b.example"], "a.example"),
    ],
)
def test_the_web_is_asked_under_a_host_that_it_lets_in(listener, allowed_hosts, host):
    asked = []

    def answer() -> None:
        connection, _ = listener.accept()
        asked.append(connection.recv(4096).decode())
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        connection.close()

    web = threading.Thread(target=answer)
    web.start()

    assert web_answers(f"127.0.0.1:{listener.getsockname()[1]}", allowed_hosts=allowed_hosts)
    web.join()
    assert f"Host: {host}\r\n" in asked[0]


def test_a_web_that_is_not_there_yet_does_not_answer(listener):
    port = listener.getsockname()[1]
    listener.close()

    assert not web_answers(f"127.0.0.1:{port}", allowed_hosts=["localhost"])


def test_an_old_server_is_named(server, data_dir):
    server.start()
    parameters = {"host": str(server.socket_folder), "user": "notifier", "dbname": "notifier"}
    check_external_database(parameters, oldest=14)

    with pytest.raises(CannotStart) as raised:
        check_external_database(parameters, oldest=99)

    assert str(raised.value) == (
        f'DATABASE_URL: the database "notifier" on {server.socket_folder}:5432 is served by '
        "PostgreSQL 18: Notifier needs 99 or newer."
    )
    server.stop()


def test_what_keeps_dying_is_started_ever_more_rarely_but_for_ever():
    restarts = Restarts()

    assert [restarts.plan() for _ in range(9)] == [0.5, 1, 2, 4, 8, 15, 30, 30, 30]
