"""The REST API: JSON in, one call of a domain function, JSON out.

urls → authentication → parsing → strict serializers → the domain → errors, all
of one shape: ``{"detail": "a sentence", "errors": {"field": ["a sentence"]}}``.
"""
