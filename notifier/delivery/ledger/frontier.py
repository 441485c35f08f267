"""Choosing waiting messages of a mailing: those to be tried again, then those never tried."""

# Ids that are looked through for one choice. Another mailing's recipients may
# lie between, so it may find less than there is.
STRETCH = 5_000

# Part of a statement with ``span``, whose one row has the last_message_id up to
# which to look, and ``due``, the ids of the first kind. Of the second kind the
# mailing's frontier says where they begin. Its row is held until the statement
# is over, so that no two choose the same ones. They are not locked here: who
# changes them asks for the status once more, and PostgreSQL then looks at the
# row as somebody else may have left it meanwhile. The stretch has an end so
# that the cost has one, too, whatever plan is made without statistics.
CHOOSE_WAITING = f"""
    stretch AS (
        SELECT next_id AS first, least(next_id + greatest(4 * %(most)s, {STRETCH}),
                                       last_message_id) AS last
        FROM frontier, span
        WHERE mailing_id = %(mailing)s AND next_id <= last_message_id
        FOR UPDATE OF frontier
    ),
    fresh AS (
        SELECT id FROM message
        WHERE id >= (SELECT first FROM stretch) AND id <= (SELECT last FROM stretch)
          AND mailing_id = %(mailing)s AND status = 'pending' AND due_at IS NULL
        ORDER BY id LIMIT %(most)s
    ),
    chosen AS (
        (SELECT id, false AS is_fresh FROM due)
        UNION ALL
        (SELECT id, true FROM fresh)
        LIMIT %(most)s
    ),
    moved AS (
        UPDATE frontier SET
            next_id = 1 + CASE WHEN found.count < %(most)s THEN stretch.last
                               ELSE found.last_fresh END
        FROM stretch,
             (SELECT count(*), max(id) FILTER (WHERE is_fresh) AS last_fresh FROM chosen) AS found
        WHERE mailing_id = %(mailing)s
          AND (found.count < %(most)s OR found.last_fresh IS NOT NULL)
    )
"""
