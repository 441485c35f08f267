"""Pages about mailings."""
