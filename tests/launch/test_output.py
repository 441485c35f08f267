import io
import os
import subprocess
import sys
from contextlib import suppress

import pytest

from notifier.launch.output import LineWriter, Output

CHATTY = "for number in range(100_000): print('a line of some length, number', number)"


def start(code: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)


def printed(code: str) -> str:
    stream = io.StringIO()
    output = Output(stream)
    process = start(code)
    assert process.stdout
    output.follow("web", process.stdout)
    process.wait(20)
    output.close()
    return stream.getvalue()


def test_every_line_is_printed_with_its_part_s_name():
    assert printed("print('one'); print('two', end='')") == "web     | one\nweb     | two\n"


def test_no_line_is_lost():
    assert printed(CHATTY).count("\n") == 100_000


def test_bytes_that_are_no_text_are_shown_as_such():
    code = r"import sys; sys.stdout.buffer.write(b'caf\xe9\n')"

    assert printed(code) == "web     | caf\N{REPLACEMENT CHARACTER}\n"


def test_what_is_announced_stands_alone():
    stream = io.StringIO()
    output = Output(stream)

    output.say("Stopping…")
    output.announce("Notifier is ready")
    output.close()

    assert stream.getvalue() == "notifier| Stopping…\nNotifier is ready\n"


def test_a_command_s_output_is_cut_into_lines():
    stream = io.StringIO()
    output = Output(stream)
    writer = LineWriter(output, "migrate")

    writer.write("Applying 0001...")
    writer.write(" OK\nApplying 0002...")
    writer.write(" OK\n")
    output.close()

    assert stream.getvalue() == "migrate | Applying 0001... OK\nmigrate | Applying 0002... OK\n"


@pytest.mark.parametrize("is_gone", [False, True], ids=["nobody reads", "gone"])
def test_a_stream_that_takes_nothing_holds_no_part_up(is_gone):
    reading, writing = os.pipe()
    if is_gone:
        os.close(reading)
    stream = os.fdopen(writing, "w")
    output = Output(stream)
    process = start(CHATTY)
    assert process.stdout

    output.follow("web", process.stdout)

    assert process.wait(20) == 0
    if not is_gone:
        os.close(reading)
    output.close()
    with suppress(BrokenPipeError):
        stream.close()
