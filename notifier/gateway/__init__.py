"""The wire to the gateway: requests go in, replies come out. Knows no Django model.

``wire`` is the contract, ``classify`` what a reply means, ``backoff`` how long
to wait. ``sender`` and ``bulk`` send many at once, ``single`` sends one.
``sandbox`` is a stand-in for the gateway itself.
"""
