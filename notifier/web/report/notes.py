"""Footnotes: every word that a reader might take for more than it says is defined."""

from dataclasses import dataclass, field

SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")

OF_STATUS = {
    "accepted": "Accepted: the gateway took the message and said so. Whether it was shown or read"
    " on a phone, nobody here can know.",
    "failed": "Failed: the gateway refused it, and no attempt before could have been taken.",
    "unknown": "Unknown: it may have been sent. Some attempt got no clear answer, and none was"
    " accepted. So they are counted neither as accepted nor as failed.",
    "expired": "Expired: the mailing's end came before it could be sent.",
    "cancelled": "Cancelled: the mailing was stopped before it could be sent.",
    "skipped": "Skipped: the client had opted out or was deleted before it could be sent.",
    "sending": "Sending: on its way to the gateway when this report was made.",
    "pending": "Waiting: for its first or next attempt when this report was made.",
}
COUNTED_AS_SENT = (
    "Counted as sent: a person decided that these were sent. Nothing is proven, so they stay"
    " among the unknown."
)
MAYBE_TWICE = (
    "Received twice, perhaps: sent again after an attempt without a clear answer, under the same"
    " id, which is what most providers drop repeats by. It is a limit, not a count."
)
RETRIED = (
    "Put back to wait: an attempt that came to nothing, after which the message was tried again."
    " These are attempts, not messages, and not part of the sum."
)
AUDIENCE = "Audience: how many clients matched when the mailing started. Each has one message."


@dataclass
class Notes:
    """The notes that something refers to, each once, in the order of their marks."""

    texts: list[str] = field(default_factory=list)

    def mark(self, text: str) -> str:
        """The mark of a note, ``¹``; the note is added where it is not there yet."""
        if text not in self.texts:
            self.texts.append(text)
        return str(self.texts.index(text) + 1).translate(SUPERSCRIPTS)

    @property
    def marked(self) -> list[tuple[str, str]]:
        return [(self.mark(text), text) for text in self.texts]
