from itertools import islice

import pytest

from daemon.demo.broken import broken_records
from daemon.demo.digits import load_split
from daemon.demo.plan import IMAGE_BYTES_MAX
from daemon.ingest.pictures import RecordPictures
from model.pictures import ImageDecoder
from streaming.decoder import Decoder
from streaming.records import Reason, Record, RejectedRecord

PNG = load_split(0).stream[0].png()
KINDS = list(islice(broken_records(PNG, IMAGE_BYTES_MAX), 9))


@pytest.mark.parametrize("broken", KINDS, ids=lambda broken: broken.reason.value)
def test_each_broken_record_is_rejected_for_the_reason_that_it_names(broken):
    decoder = Decoder(RecordPictures(ImageDecoder(8, IMAGE_BYTES_MAX, 50_000_000)))
    with pytest.raises(RejectedRecord) as rejected:
        decoder.decode(Record("images", 0, 0, 0, None, broken.value, broken.headers))
    assert rejected.value.reason == broken.reason


def test_every_reason_is_there_but_that_of_closed_classes_and_what_is_no_mistake_of_a_producer():
    assert {broken.reason for broken in KINDS} == set(Reason) - {
        Reason.UNKNOWN_LABEL,
        Reason.TOMBSTONE,
        Reason.UNREADABLE,
    }
