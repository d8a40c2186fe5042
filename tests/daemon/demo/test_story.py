from daemon.demo.digits import load_split
from daemon.demo.story import Story

STREAM = load_split(0).stream


def labels(chapter):
    return {dict(message.headers)["ce_label"] for message in chapter.messages if message.broken is None}


def story():
    return Story(STREAM, seed=0, image_bytes_max=1000)


def test_digits_0_to_4_come_first_then_5_to_9_and_each_once():
    first, second = story().chapters
    assert labels(first) == {b"0", b"1", b"2", b"3", b"4"}
    assert labels(second) == {b"5", b"6", b"7", b"8", b"9"}
    assert first.pictures + second.pictures == len(STREAM)
    ids = [dict(m.headers)["ce_id"] for m in first.messages + second.messages if m.broken is None]
    assert len(set(ids)) == len(STREAM)


def test_broken_records_are_among_them_of_every_kind():
    messages = [message for chapter in story().chapters for message in chapter.messages]
    broken = [message for message in messages if message.broken]
    assert len({message.broken.reason for message in broken}) == 9
    assert len(broken) < len(messages) / 20


def test_more_chapters_bring_new_pictures_of_all_digits():
    told = story()
    known = {message.value for chapter in told.chapters for message in chapter.messages}
    for chapter in (told.more(200), told.more(200)):
        new = {message.value for message in chapter.messages if message.broken is None}
        assert chapter.pictures == len(new) == 200
        assert not new & known
        assert len(labels(chapter)) == 10
        known |= new
