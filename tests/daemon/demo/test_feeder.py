from daemon.demo.board import Board
from daemon.demo.feeder import Feeder
from daemon.demo.plan import Pace
from daemon.demo.story import Chapter, Message
from tests.support.demo import Clockwork


def chapter(n):
    return Chapter("pictures", tuple(Message(str(i).encode(), ()) for i in range(n)))


def test_messages_are_sent_in_order_at_the_pace_with_their_event_time():
    sent, board, stop = [], Board(), Clockwork()
    Feeder(lambda message, time: sent.append((message.value, time)), board, Pace(), stop).tell(chapter(3), 50)
    assert [value for value, _ in sent] == [b"0", b"1", b"2"]
    assert stop.waited == [0.02] * 3
    assert all(time.endswith("Z") for _, time in sent)
    assert board.view().sent == board.view().chapter_sent == 3


def test_the_producer_waits_while_too_much_is_not_learnt():
    board = Board()

    def learner_learns(seconds):
        if board.view().waiting:
            most.append(board.view().sent)
            board.put(learner={"store": {"train": board.view().sent}})

    most = []
    feeder = Feeder(lambda message, time: None, board, Pace(ahead_max=4), Clockwork(learner_learns))
    feeder.tell(chapter(10), 50)
    assert board.view().sent == 10
    assert most == [4, 8]
    assert not board.view().waiting


def test_stop_ends_the_chapter():
    stop = Clockwork()
    sent = []

    def send(message, time):
        sent.append(message)
        stop.set()

    Feeder(send, Board(), Pace(), stop).tell(chapter(10), 50)
    assert len(sent) == 1


def test_stop_ends_the_wait_for_the_learner():
    board, sent = Board(), []
    stop = Clockwork(lambda seconds: stop.set() if board.view().waiting else None)
    Feeder(lambda message, time: sent.append(message), board, Pace(ahead_max=2), stop).tell(chapter(10), 50)
    assert len(sent) == 2
