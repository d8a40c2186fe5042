"""Hands the model's way to read pictures to records: what it refuses becomes a reason of a dead letter."""

from model.pictures import ImageDecoder, RefusedPicture
from streaming.records import Reason, RejectedRecord


class RecordPictures:
    """Decodes as the model sees pictures; `streaming.decoder.PictureDecoder` says what is promised."""

    def __init__(self, images: ImageDecoder) -> None:
        self._images = images

    @property
    def max_bytes(self) -> int:
        """Bytes that an encoded image may have."""
        return self._images.max_bytes

    def decode(self, data: bytes) -> bytes:
        """Return RGB, uint8, size x size x 3 in C order. Raises RejectedRecord with the refusal's word and message."""
        try:
            return self._images.decode(data)
        except RefusedPicture as refused:
            raise RejectedRecord(Reason(refused.reason.value), str(refused)) from refused
