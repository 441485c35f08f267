"""Who may use Notifier: the first administrator and the keys to the API."""
