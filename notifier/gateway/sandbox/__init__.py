"""A stand-in for the real gateway: it speaks the wire contract and fails on request.

A request's way through the files:

1. ``connection``  bytes arrive; ``wire`` cuts them into requests
2. ``gateway``     a message goes on to 3, a page or setting to ``people``
3. ``contract``    is it a well-formed message with a bearer token?
4. ``plan``        which of the ``faults``, and how much ``latency``, does it meet?
5. ``ledger``      one line, written before any byte of the reply leaves
6. ``connection``  the reply is played: sent, dripped, cut, reset or withheld

``conditions`` holds the faults in force, ``control`` reads them from words,
``tally`` counts, ``server`` listens. Nothing here knows Django.
"""
