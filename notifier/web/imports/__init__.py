"""The import of clients from a file, step by step."""
