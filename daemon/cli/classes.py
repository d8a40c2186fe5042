"""`tidemill classes`: which classes there are, which labels wait and why, and what shall become of them."""

import shlex
from typing import TYPE_CHECKING, Annotated, Any

import typer

from daemon.cli.options import AsJson, ConfigFile, Sets, StateFolder, examples, given
from daemon.cli.output import out, print_json, print_table, say
from daemon.cli.requests import WAIT_S, Wait, ask
from daemon.cli.state import open_ledger
from daemon.words import counted

if TYPE_CHECKING:
    from model.store.class_events import ClassEvent, Waiting
    from model.store.ledger import Ledger

EVENTS_SHOWN = 10
"""Events that the text shows; --json has the last EVENTS_MAX."""
EVENTS_MAX = 1_000

EXAMPLES = examples(
    "tidemill classes list",
    "tidemill classes merge forg frog",
    "tidemill classes retire test-pattern",
    "tidemill classes admit pear --wait 600",
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The label, as `tidemill classes list` names it.")]
From = Annotated[str, typer.Argument(metavar="FROM", help="The label that ends, a class or one that waits.")]
Into = Annotated[str, typer.Argument(metavar="INTO", help="The class that its pictures are of.")]

group = typer.Typer(no_args_is_help=True, epilog=EXAMPLES)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(group, name="classes", rich_help_panel="Looking", help="Classes, and labels that are none (yet).")


@group.command("list", epilog=examples("tidemill classes list", "tidemill classes list --json | jq '.waiting'"))
def list_classes(
    context: typer.Context,
    *,
    file: ConfigFile = None,
    sets: Sets = None,
    state: StateFolder = None,
    as_json: AsJson = False,
) -> None:
    """List the classes in the order of the model's head, the labels that wait and why, and what happened to them.

    A label near to a class (a letter off, another case, other blanks, letters that look the same) waits for you.
    """
    config = given(context, file, sets, {"paths.state": state}).load().config
    with open_ledger(config) as ledger:
        told = _told(ledger, config.model.class_min_samples)
    if as_json:
        print_json(told)
        return
    print_table(
        ("class", "index", "train", "holdout", "since round", "also sent as"),
        [
            (*(one[key] for key in ("name", "index", "train", "holdout", "round")), _quoted(one["aliases"]))
            for one in told["classes"]
        ],
    )
    if told["waiting"]:
        out().print()
        columns = ("label", "count", "windows", "why")
        print_table(
            ("waits", "pictures", "windows", "why"), [tuple(one[key] for key in columns) for one in told["waiting"]]
        )
    for line in advice(told["waiting"]):
        out().print(line)
    if told["events"]:
        out().print()
        rows = [(one["at"], one["event"], _said(one)) for one in told["events"][-EVENTS_SHOWN:]]
        print_table(("when", "event", "what"), rows)


@group.command("merge", epilog=examples("tidemill classes merge forg frog"))
def merge(
    context: typer.Context,
    *,
    name: From,
    into: Into,
    file: ConfigFile = None,
    sets: Sets = None,
    state: StateFolder = None,
    wait: Wait = WAIT_S,
    as_json: AsJson = False,
) -> None:
    """Take FROM as INTO: all that is stored of it, and whatever is sent with that label from now on.

    `tidemill classes admit FROM` lets what is sent from then on be a class of its own again; a rollback to a version
    from before undoes it.
    """
    _ask(
        given(context, file, sets, {"paths.state": state}),
        "classes.merge",
        {"from": name, "into": into},
        wait,
        as_json=as_json,
    )


@group.command("retire", epilog=examples("tidemill classes retire test-pattern"))
def retire(
    context: typer.Context,
    *,
    name: Name,
    file: ConfigFile = None,
    sets: Sets = None,
    state: StateFolder = None,
    wait: Wait = WAIT_S,
    as_json: AsJson = False,
) -> None:
    """Take class NAME out of the model; what is stored of it goes to quarantine, and what comes of it waits.

    The published model knows the class until the next version. `tidemill classes admit NAME` makes it a class again,
    and a rollback to a version from before undoes it.
    """
    _ask(given(context, file, sets, {"paths.state": state}), "classes.retire", {"name": name}, wait, as_json=as_json)


@group.command("admit", epilog=examples("tidemill classes admit pear"))
def admit(
    context: typer.Context,
    *,
    name: Name,
    file: ConfigFile = None,
    sets: Sets = None,
    state: StateFolder = None,
    wait: Wait = WAIT_S,
    as_json: AsJson = False,
) -> None:
    """Let NAME become a class with the next window, whatever it is near to and however few pictures carry it."""
    _ask(given(context, file, sets, {"paths.state": state}), "classes.admit", {"name": name}, wait, as_json=as_json)


def _ask(loader: Any, kind: str, arguments: dict[str, str], wait_s: float, *, as_json: bool) -> None:
    if wait_s:
        say(f"tidemill: asking the learner, which answers between two rounds (within {wait_s:g} s, see --wait)")
    answer = ask(loader.load().config, kind, arguments, wait_s).answer
    if as_json:
        print_json({**arguments, "answer": answer})
    else:
        typer.echo(answer)


def _told(ledger: "Ledger", least: int) -> dict[str, Any]:
    book = ledger.book()
    aliases, joined = book.aliases(), book.joined_rounds()
    train, holdout = (ledger.class_counts(role) for role in _roles())
    return {
        "classes": [
            {
                "name": name,
                "index": index,
                "train": train.get(name, 0),
                "holdout": holdout.get(name, 0),
                "round": joined[name],
                "aliases": sorted(other for other, meant in aliases.items() if meant == name),
            }
            for index, name in enumerate(book.classes())
        ],
        "waiting": waiting_facts(book.waiting(), least),
        "retired": sorted(book.retired()),
        "merged": dict(sorted(aliases.items())),
        "events": [event_facts(one) for one in book.newest_events(EVENTS_MAX)],
    }


def _roles() -> tuple[Any, Any]:
    from model.store.facts import Role  # noqa: PLC0415 - only where needed, for a quick --help

    return Role.TRAIN, Role.HOLDOUT


def waiting_facts(waiting: "list[Waiting]", least: int) -> list[dict[str, Any]]:
    """Return labels that wait, and why, as commands tell them. `least`: model.class_min_samples."""
    return [
        {
            "label": one.label,
            "count": one.pictures,
            "windows": one.windows,
            "near": one.near,
            "retired": one.retired,
            "admitted": one.admitted,
            "why": _why(one, least),
        }
        for one in waiting
    ]


def _why(one: "Waiting", least: int) -> str:
    if one.admitted:
        return "admitted: joins with the next window"
    if one.retired:
        return "retired"
    if one.near is not None:
        return f"near to {one.near!r}: for you to decide"
    return f"too rare: {one.pictures} of {least} pictures" if one.pictures < least else "seen in one window so far"


def advice(waiting: list[dict[str, Any]]) -> list[str]:
    """Return what to do about the first label that waits for a person."""
    first = next((one for one in waiting if one.get("near") and not one.get("retired")), None)
    if first is None:
        return []
    name, other = shlex.quote(first["label"]), shlex.quote(first["near"])
    return [f"decide with: tidemill classes merge {name} {other} (a slip), or tidemill classes admit {name} (meant)"]


def event_facts(one: "ClassEvent") -> dict[str, Any]:
    """Return an event as commands tell it."""
    from model.store.facts import iso_utc  # noqa: PLC0415 - only where needed

    return {
        "event": f"class {one.kind.value}",
        "name": one.name,
        **({"into": one.target} if one.target is not None else {}),
        "round": one.round,
        "pictures": one.pictures,
        "windows": one.windows,
        "sources": dict(one.sources),
        "at": iso_utc(one.happened_at_ms),
        "undone": one.undone,
    }


def _said(one: dict[str, Any]) -> str:
    into = f" into {one['into']!r}" if "into" in one else ""
    sources = _quoted(list(one["sources"]))
    undone = ", undone" if one["undone"] else ""
    seen = f"{counted(one['pictures'], 'picture')} in {counted(one['windows'], 'window')}"
    return f"{one['name']!r}{into}, {seen} from {sources}{undone}"


def _quoted(names: list[str]) -> str:
    return ", ".join(name or "(none given)" for name in names)
