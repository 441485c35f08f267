"""Pages before one is in: the first administrator, signing in and out."""
