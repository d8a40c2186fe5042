"""What is written where there is no terminal: a line for each thing that happens. Pure: two views in, lines out."""

from collections.abc import Iterator

from daemon.demo.board import Measured, View


def news(before: View, now: View) -> Iterator[str]:
    """Yield a line for each thing that happened between two views."""
    yield from now.notices[len(before.notices) :]
    if now.phase != before.phase:
        yield now.phase
    if now.chapter and now.chapter != before.chapter:
        yield f"the producer sends {now.chapter}: {now.chapter_pictures} pictures, a broken record now and then"
    last = now.learner.get("last")
    if last and last != before.learner.get("last"):
        yield f"round {last['round']} {last['outcome']} after {last['seconds']:.1f} s"
    known = {one.version for one in before.versions}
    for one in now.versions:
        if one.version not in known:
            yield told(one)


def told(one: Measured) -> str:
    """Return a line on a version."""
    scores = one.scores
    return (
        f"version {one.version} pulled and tested: {scores.overall:.1%} of the test set right "
        f"(0 to 4: {scores.old:.1%}, 5 to 9: {scores.new:.1%})"
    )


def summary(view: View) -> str:
    """Return where everything stands, in a line."""
    stage = view.learner.get("stage")
    round_now = f", round {view.learner.get('round')} {stage or ''}".rstrip() if view.in_round else ""
    return (
        f"{view.sent} pictures sent, {view.buffered} in the buffer, {view.stored} learnt, "
        f"{sum(view.dead.values())} dead letters{round_now}"
    )
