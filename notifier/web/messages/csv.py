"""Messages for spreadsheets, as many as there are."""

from collections.abc import Iterable, Iterator
from itertools import batched

from notifier.clients.exporting import BYTE_ORDER_MARK
