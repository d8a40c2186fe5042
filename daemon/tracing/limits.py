"""How much a span may hold."""

LINKS_MAX = 128
ATTRIBUTES_MAX = 32
EVENTS_MAX = 4
TEXT_MAX = 2_000
"""Characters of an attribute's text."""
