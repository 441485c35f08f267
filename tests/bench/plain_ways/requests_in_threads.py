"""``requests`` in 64 threads, each with a session of its own, without any database.

What a program gets by adding threads and keeping connections, but neither
remembering what it sent nor reading whom to send it to.
"""

import threading
import time

import requests

from tests.bench.baselines import CONNECTIONS
from tests.bench.plain_ways import post, run_from_command_line


def send(url: str, seconds: float) -> tuple[int, float]:
    counts, begun = [0] * CONNECTIONS, time.monotonic()

    def work(place: int) -> None:
        with requests.Session() as session:
            while time.monotonic() - begun < seconds:
                post(session, url, place * 1_000_000 + counts[place])
                counts[place] += 1

    threads = [threading.Thread(target=work, args=(place,)) for place in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts), time.monotonic() - begun


if __name__ == "__main__":
    run_from_command_line(send)
