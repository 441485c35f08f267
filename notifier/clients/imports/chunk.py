"""The next staged rows by phone, of each phone the first line, in a temporary table.

An opt-out counts in whichever of them it stands.

Taken in the order of their phones, so that the pages of the largest index are
written one after the other, and so that "how far" is one phone.
"""

from dataclasses import dataclass

from django.db import connection

from notifier.clients.imports.models import ClientImport, KnownClients
from notifier.clients.imports.staging import table_of
from notifier.clients.planning import CLIENTS, SUPPRESSED_PHONES, mend_belief_in_few

# Less than a second of work: how long a cancellation waits, and a progress bar stands still.
CHUNK_ROWS = 50_000

TAKE = """
    CREATE TEMP TABLE import_chunk ON COMMIT DROP AS
    SELECT DISTINCT ON (phone) * FROM {stage}
    WHERE phone > %s ORDER BY phone, line LIMIT %s
"""

MEASURE = """
    SELECT (SELECT max(phone) FROM import_chunk),
           (SELECT count(*) FROM import_chunk),
           (SELECT count(*) FROM {stage} WHERE phone > %s
            AND phone <= (SELECT max(phone) FROM import_chunk))
"""

# Whichever of a phone's rows says so: whoever asked for no more messages gets none.
GATHER_OPT_OUTS = """
    UPDATE import_chunk SET opted_out = true FROM {stage} AS again
    WHERE again.phone = import_chunk.phone AND again.phone > %s AND again.phone <= %s
      AND again.opted_out AND NOT import_chunk.opted_out
"""

# What a known client would be afterwards, by the import's policy. ``incoming``
# is its row of the chunk; cells that are blank never change anything.
WANTED = {
    KnownClients.KEEP: """
        known.operator, known.tag, known.timezone, known.attributes
    """,
    KnownClients.UPDATE: """
        CASE WHEN incoming.has_operator THEN incoming.operator ELSE known.operator END,
        CASE WHEN incoming.has_tag THEN incoming.tag ELSE known.tag END,
        CASE WHEN incoming.has_timezone THEN incoming.timezone ELSE known.timezone END,
        known.attributes || incoming.attributes
    """,
    KnownClients.FILL: """
        known.operator,
        CASE WHEN known.tag = '' AND incoming.has_tag THEN incoming.tag ELSE known.tag END,
        known.timezone,
        known.attributes || COALESCE(
            (SELECT jsonb_object_agg(name, value) FROM jsonb_each(incoming.attributes)
                AS cell(name, value) WHERE COALESCE(known.attributes ->> name, '') = ''),
            '{}')
    """,
}

# Known clients of the chunk beside what they would be.
COMPARED = """
    SELECT known.id, known.phone, incoming.line, known.opted_out_at,
           incoming.opted_out AND known.opted_out_at IS NULL AS leaves,
           known.operator, known.tag, known.timezone, known.attributes, known.updated_at,
           wanted.operator AS new_operator, wanted.tag AS new_tag,
           wanted.timezone AS new_timezone, wanted.attributes AS new_attributes,
           (known.operator, known.tag, known.timezone, known.attributes) IS DISTINCT FROM
           (wanted.operator, wanted.tag, wanted.timezone, wanted.attributes) AS differs
    FROM import_chunk AS incoming JOIN client AS known USING (phone)
    CROSS JOIN LATERAL (SELECT {wanted}) AS wanted (operator, tag, timezone, attributes)
"""


@dataclass(frozen=True)
class Chunk:
    """``rows`` of the file, ``phones`` of them with a number of their own; 0 at the end."""

    last_phone: str
    phones: int
    rows: int

    @property
    def duplicates(self) -> int:
        return self.rows - self.phones


def take_chunk(client_import: ClientImport, *, most: int = CHUNK_ROWS) -> Chunk:
    """Fill the temporary table; belongs into a transaction, at whose end it goes."""
    stage = table_of(client_import.pk)
    mend_belief_in_few(CLIENTS, SUPPRESSED_PHONES)
    with connection.cursor() as cursor:
        # Tests take several in one transaction.
        cursor.execute("DROP TABLE IF EXISTS pg_temp.import_chunk")
        cursor.execute(TAKE.format(stage=stage), [client_import.last_phone, most])
        cursor.execute(MEASURE.format(stage=stage), [client_import.last_phone])
        last_phone, phones, rows = cursor.fetchone()
        if client_import.reads_opt_outs and phones and rows > phones:
            cursor.execute(
                GATHER_OPT_OUTS.format(stage=stage), [client_import.last_phone, last_phone]
            )
        # What the planner needs, from a small sample: its usual one costs a tenth of the import.
        cursor.execute("SET LOCAL default_statistics_target = 5")
        cursor.execute("ANALYZE pg_temp.import_chunk (phone, opted_out)")
    return Chunk(last_phone or client_import.last_phone, phones, rows or 0)


def compare(known_clients: str) -> str:
    """SQL of the chunk's known clients and what they would be by the policy."""
    return COMPARED.format(wanted=WANTED[KnownClients(known_clients)])
