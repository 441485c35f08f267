"""A process that uses the embedded server of a data folder until its input ends.

python -m tests.launch.use_server DATA_DIR
"""

import sys
from pathlib import Path

from notifier.launch.errors import CannotStart
from notifier.launch.postgres import EmbeddedPostgres


def main() -> None:
    try:
        with EmbeddedPostgres(Path(sys.argv[1])).in_use():
            print("in use", flush=True)
            sys.stdin.read()
    except CannotStart as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
