"""Starting, watching and stopping everything that Notifier consists of: ``manage.py up``."""
