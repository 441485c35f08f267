"""Numbers about mailings and messages, only ever read, and never by counting messages."""
