"""What the gateway received so far, in memory: counts, duplicates, the last messages."""

from collections import Counter, deque
from time import monotonic

from notifier.gateway.sandbox.ledger import LedgerEntry

REMEMBERED = 50
HISTORY_SECONDS = 60


class IdSet:
    """A set of 64-bit ids that costs a bit each where they lie close together.

    A million consecutive ids take some 200 KB, as a Python set 60 MB.
    """

    PAGE_BITS = 1024

    def __init__(self) -> None:
        self._pages: dict[int, bytearray] = {}

    def add(self, number: int) -> bool:
        """Add the id; False if it was there already."""
        page_number, bit = divmod(number, self.PAGE_BITS)
        page = self._pages.get(page_number)
        if page is None:
            page = self._pages[page_number] = bytearray(self.PAGE_BITS // 8)
        mask = 1 << (bit & 7)
        if page[bit >> 3] & mask:
            return False
        page[bit >> 3] |= mask
        return True


class Tally:
    """Counts every entry. ``refused`` is all that was not taken, for whatever reason.

    ``unreadable`` and ``resets_before`` never became an entry: no message was read.
    """

    def __init__(self) -> None:
        self.replies: Counter[str] = Counter()
        self.total = 0
        self.accepted = 0
        self.duplicates = 0
        self.unreadable = 0
        self.resets_before = 0
        self.recent: deque[LedgerEntry] = deque(maxlen=REMEMBERED)
        self.per_second: deque[int] = deque([0], maxlen=HISTORY_SECONDS)
        self.started_at = monotonic()
        self._total_at_last_second = 0
        self._accepted_ids = IdSet()

    @property
    def refused(self) -> int:
        return self.total - self.accepted

    def count(self, entry: LedgerEntry) -> None:
        self.total += 1
        self.replies[entry.reply] += 1
        self.recent.append(entry)
        if entry.accepted and entry.id is not None:
            self.accepted += 1
            if not self._accepted_ids.add(entry.id):
                self.duplicates += 1

    def end_second(self) -> None:
        """To be called each second: closes one bar of the history."""
        self.per_second.append(self.total - self._total_at_last_second)
        self._total_at_last_second = self.total
