"""What chooses clients, as the API's ``clients`` field and saved filters hold it.

fields   the vocabulary: what may be asked of a client, and with which values
grammar  conditions checked and normalised, errors named by their path
query    checked conditions as a filter over Client
words    checked conditions in words

Short form, all of which must hold; ``{}`` is everybody::

    {"tag": "a2", "operator": 999}

Full form, nested as deep as needed::

    {"all": [{"field": "tag", "op": "is", "value": "a2"},
             {"not": {"any": [{"operator": 999}, {"field": "attributes.age", "op": "lt",
                                                  "value": 30}]}}]}

docs/filters.md has every field and op with an example.
"""

from notifier.clients.conditions.fields import (
    ATTRIBUTE_PREFIX,
    FIELDS,
    OPS,
    VALUELESS_OPS,
    Field,
    attribute_field,
)
from notifier.clients.conditions.grammar import GROUPS, BadConditions, check_conditions, field_named
from notifier.clients.conditions.query import conditions_to_q, matching_clients
from notifier.clients.conditions.words import (
    Names,
    ask_for_messages,
    describe_conditions,
    in_full,
    names_in,
    opposite,
)

__all__ = [
    "ATTRIBUTE_PREFIX",
    "FIELDS",
    "GROUPS",
    "OPS",
    "VALUELESS_OPS",
    "BadConditions",
    "Field",
    "Names",
    "ask_for_messages",
    "attribute_field",
    "check_conditions",
    "conditions_to_q",
    "describe_conditions",
    "field_named",
    "in_full",
    "matching_clients",
    "names_in",
    "opposite",
]
