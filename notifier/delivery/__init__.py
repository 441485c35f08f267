"""The engine: from a mailing's start to the fate of its last message.

A message's way through the files:

1. ``control``     a mailing is accepted; ``wakeups`` puts its start into the ``queue``
2. ``recipients``  at the start every client who matches gets a row; ``slots`` are woken
3. ``deliver``     a slice of sending claims what is due (``work``, ``share``), hands it
                   to the gateway's sender, and takes the replies
4. ``outcome``     from a reply to what is written down
5. ``record``      results are written in bulk; what is to be tried again goes back to 3
6. ``closing``     nobody waits any more: the mailing is finished

``ledger`` holds the statements of 2, 3, 5 and 6: the only module that changes
a message's status. ``rescue`` is the sweep, which finds what was lost on the
way; ``resolution`` is for messages that a person sends again or counts as sent,
``withdrawal`` for clients who are not to be reached any more, ``bulk_actions`` for
what is done to many clients at once, ``stopping`` for
a cluster that is asked to stop, ``watchdog`` and ``pulse`` for one whose
processes have died or frozen. ``tasks`` are the entry points by which the
clusters call all this. Nothing here waits for the queue to be right: see
docs/architecture.md.
"""
