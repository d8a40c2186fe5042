"""Why encoded bytes are not taken as a picture."""

from enum import StrEnum


class Refusal(StrEnum):
    """The kinds of refusal; each is also a reason of a dead letter, by the same word."""

    EMPTY = "empty"
    NOT_AN_IMAGE = "not_an_image"
    UNSUPPORTED_FORMAT = "unsupported_format"
    TOO_LARGE = "too_large"
    TOO_MANY_PIXELS = "too_many_pixels"
    UNDECODABLE = "undecodable"


class RefusedPicture(ValueError):  # noqa: N818 - it is a verdict on the bytes, not a fault of ours
    """These bytes can never become pixels under these limits. `reason` is the contract, the message is for people."""

    def __init__(self, reason: Refusal, message: str) -> None:
        super().__init__(message)
        self.reason = reason
