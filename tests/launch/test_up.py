"""What a running Notifier does."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.launch.servers import query, server_process
from tests.launch.ups import Up, free_ports, is_alive, wait_long


@pytest.fixture(scope="module")
def running_up(home: Path) -> Iterator[Up]:
    """Started once, for the tests that leave it running."""
    port, sandbox_port = free_ports(2)
    up = Up(home, port=port, sandbox_port=sandbox_port)
    up.start_until_ready()
    yield up
    up.end()


def test_it_says_when_it_is_ready_and_how_to_begin(running_up):
    link = running_up.wait_for_line("Create the first administrator: ")

    ready = running_up.lines.index(f"Notifier is ready at {running_up.url}\n")
    assert running_up.get("/healthz") == 200
    assert re.fullmatch(rf"Create the first administrator: {running_up.url}/setup/[\w-]+/\n", link)
    assert running_up.lines[ready + 1] == link


def test_every_line_of_a_part_tells_whose_it_is(running_up):
    parts = {"notifier", "migrate", "static", "web", "cluster", "sandbox"}
    said = [line for line in running_up.lines if not line.startswith(("Notifier is", "Create"))]

    assert {line.partition("|")[0].strip() for line in said} <= parts
    assert any(line.startswith("web     | ") for line in said)


def test_a_second_one_on_the_same_data_is_refused(running_up):
    port, sandbox_port = free_ports(2)
    second = Up(running_up.data_dir, port=port, sandbox_port=sandbox_port)

    code, printed = second.run()

    assert (code, printed) == (
        2,
        f"Notifier is already running on {running_up.data_dir} "
        f"(process {running_up.process.pid}): stop that one first.\n",
    )


@pytest.mark.parametrize("name", ["PORT", "SANDBOX_PORT"])
def test_a_taken_port_is_named_before_anything_starts(running_up, open_folder, name):
    port, sandbox_port = free_ports(2)
    another = Up(open_folder, port=port, sandbox_port=sandbox_port)

    code, printed = another.run(**{name: running_up.variables[name]})

    assert code == 2
    assert re.fullmatch(
        rf"{name} {running_up.variables[name]} is already taken by \S+ \(process \d+\): stop what "
        rf"listens there, or set {name} to another port\.\n",
        printed,
    )
    assert list(open_folder.glob("postgres-??")) == []


@pytest.mark.parametrize(
    ("name", "argument"),
    [("web", "notifier.wsgi:application"), ("cluster", "qcluster"), ("sandbox", "sandbox_gateway")],
)
def test_a_part_that_is_killed_is_started_again(running_up, name, argument):
    main = running_up.part(argument)
    family = [main, *main.children(recursive=True)]

    main.kill()

    running_up.wait_for_line(f"notifier| {name} stopped (SIGKILL); starting it again in ")
    # Looked up anew each time: while a program replaces another, its command is empty.
    wait_long(lambda: running_up.has_part(argument, other_than=main), f"{name} runs again")
    # Workers of the killed one do not work on unseen.
    assert [process for process in family if is_alive(process)] == []


def test_the_database_when_killed_is_started_again(running_up):
    process = server_process(running_up.data_dir)
    assert process

    process.kill()

    running_up.wait_for_line("notifier| The database stopped; starting it again in ")
    running_up.wait_for_line("notifier| The database runs again.")
    assert query(running_up.data_dir, "SELECT 1") == 1
