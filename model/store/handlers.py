"""Which requests a learner carries out, by their kind."""

from collections.abc import Mapping

from model.store.release import answer_skip, drop_parcel, release_parcel, review_relabels
from model.store.requests import Handler

HANDLERS: Mapping[str, Handler] = {
    "quarantine.release": release_parcel,
    "quarantine.drop": drop_parcel,
    "quarantine.skip": answer_skip,
    "quarantine.reviewed": review_relabels,
}
