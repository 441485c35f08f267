"""Bulk actions in words: what is being done to how many, and what became of it."""

from dataclasses import dataclass

from notifier.delivery.models import BulkAction

NOUNS: dict[str, str] = {
    BulkAction.Kind.TAG: "tagging",
    BulkAction.Kind.OPT_OUT: "opt-out",
    BulkAction.Kind.DELETE: "deletion",
}


@dataclass(frozen=True)
class Words:
    """``done`` as in "1,204 clients opted out", which ``effect`` explains.

    ``already`` is said of those for whom nothing changed.
    """

    doing: str
    done: str
    already: str
    effect: str = ""


def doing_in_words(action: BulkAction) -> str:
    """``Tagging 120,000 clients with “vip”``."""
    return _words_of(action).doing


def outcome_in_words(action: BulkAction) -> str:
    """Of one that has ended: to how many it was done."""
    return _cancelled_in_words(action) if action.cancelled_at else _done_in_words(action)


def _done_in_words(action: BulkAction) -> str:
    words = _words_of(action)
    done = f"{words.done}{words.effect}"
    if action.changed == action.done:
        return f"{_clients(action.done)} {done}."
    if not action.changed:
        return f"Nothing changed: {_clients(action.done)} {words.already}."
    return f"{action.changed:,} of {_clients(action.done)} {done}; the others {words.already}."


def _cancelled_in_words(action: BulkAction) -> str:
    """What is done stays so: exactly to how many, and to how many nothing was."""
    words, left = _words_of(action), action.total - action.done
    if left <= 0:
        return f"That came too late: {_done_in_words(action)}"
    if not action.done:
        return f"Nothing was done to any of the {_clients(action.total)}."
    done = f"{action.done:,} of {_clients(action.total)}"
    others = "the other was left alone" if left == 1 else "the others were left alone"
    if action.changed == action.done:
        return f"{done} {words.done}; {others}."
    if not action.changed:
        return f"Nothing changed: {done} {words.already}; {others}."
    already = action.done - action.changed
    return (
        f"Of {_clients(action.total)}, {action.changed:,} {words.done}, and {already:,} "
        f"{words.already}; {others}."
    )


def _words_of(action: BulkAction) -> Words:
    clients = _clients(action.total)
    if action.kind == BulkAction.Kind.OPT_OUT:
        effect = ": nothing more is sent to them"
        return Words(f"Opting out {clients}", "opted out", "had opted out before", effect)
    if action.kind == BulkAction.Kind.DELETE:
        return Words(f"Deleting {clients}", "deleted", "gone already")
    if not action.tag:
        return Words(f"Taking the tag off {clients}", "lost the tag", "had none before")
    tag = f"“{action.tag}”"
    return Words(f"Tagging {clients} with {tag}", f"got the tag {tag}", "had it already")


def _clients(number: int) -> str:
    return "1 client" if number == 1 else f"{number:,} clients"
