"""What the clusters run of statistics, by name: thin entry points, each safe to run twice."""

from notifier.delivery.daily_emails import queue_daily_email
from notifier.statistics.daily.sending import send_daily_email


def daily_email(daily_id: int) -> None:
    send_daily_email(daily_id)
    queue_daily_email()
