"""``make bench``: measures a running Notifier from outside. docs/performance.md explains it."""
