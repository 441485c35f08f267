"""What the clusters run, by name: thin entry points, each safe to run twice."""

from notifier.delivery import (
    bulk_actions,
    client_imports,
    closing,
    deliver,
    recipients,
    rescue,
    slots,
)


def start(mailing_id: int, after_client: int | None = None) -> None:
    recipients.start_mailing(mailing_id, after_client=after_client)


def deliver_slice(slot: int, generation: int) -> None:
    deliver.deliver_slice(slot=slot, generation=generation)


def close(mailing_id: int) -> None:
    closing.close_mailing(mailing_id)


def work_on_import(import_id: int) -> None:
    client_imports.work_on_import(import_id)


def bulk(action_id: int, after_client: int) -> None:
    bulk_actions.continue_bulk_action(action_id, after_client)


def wake() -> None:
    slots.wake_slots()


def sweep() -> None:
    rescue.sweep()


def pulse() -> None:
    """Nothing: what counts is that it is run. See delivery/pulse.py."""
