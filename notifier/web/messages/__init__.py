"""Messages of all mailings: found, looked at one by one, sent again, kept as a file."""
