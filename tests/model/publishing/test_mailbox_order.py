"""Requests come from hosts with clocks of their own: they are taken in the order in which they came."""

from model.publishing.mailbox import ANSWERS_KEPT, Answer, Mailbox

NOW_MS = 1_795_000_000_000
HOUR_MS = 3_600_000


def test_requests_are_taken_in_the_order_in_which_they_came(tmp_path):
    mailbox = Mailbox(tmp_path, "default")
    hosts_ms = [HOUR_MS, -HOUR_MS, 0, 24 * HOUR_MS, -24 * HOUR_MS]
    asked = [mailbox.ask("rollback", {"version": n}, NOW_MS + ahead) for n, ahead in enumerate(hosts_ms)]
    assert [letter.id for letter in mailbox.letters()] == asked


def test_an_answer_to_a_host_whose_clock_is_behind_is_not_let_go_before_it_is_read(tmp_path):
    mailbox = Mailbox(tmp_path, "default")
    for number in range(ANSWERS_KEPT):
        mailbox.reply(mailbox.ask("rollback", {"version": number}, NOW_MS), Answer(True, "done"))
    late = mailbox.ask("rollback", {"version": 7}, NOW_MS - HOUR_MS)
    mailbox.reply(late, Answer(True, "this one"))
    assert mailbox.answer(late) == Answer(True, "this one")
