"""Which requests a learner carries out, by their kind."""

from collections.abc import Mapping

from model.store.requests import Handler

HANDLERS: Mapping[str, Handler] = {}
