"""`tidemill config`: what is set, and whence."""

from typing import Annotated

import typer

from daemon.cli.options import AsJson, ConfigFile, Sets, examples, given
from daemon.cli.output import print_json, print_table

EXAMPLES = examples(
    "tidemill config --config tidemill.toml",
    "TIDEMILL_ROUND__SAMPLES=256 tidemill config --json",
    "tidemill config --toml > tidemill.toml",
    "tidemill config --keys",
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("config", rich_help_panel="Looking", epilog=EXAMPLES)(config)


def config(
    context: typer.Context,
    *,
    file: ConfigFile = None,
    sets: Sets = None,
    as_json: AsJson = False,
    as_toml: Annotated[bool, typer.Option("--toml", help="Print a file for --config, without the secrets.")] = False,
    keys: Annotated[bool, typer.Option("--keys", help="Describe every key instead.")] = False,
) -> None:
    """Print the effective configuration: each key, its value and where that came from. Secrets are masked.

    Exit status 2, with everything that is wrong, where the configuration cannot be used.
    """
    from daemon.config import show  # noqa: PLC0415 - only where needed
    from daemon.config.keys import all_keys  # noqa: PLC0415

    if keys:
        described = [
            {
                "key": key.name,
                "default": show.plain(key.name, key.default),
                "right": key.right,
                "meaning": key.meaning,
                "environment": key.environment_name,
            }
            for key in all_keys().values()
        ]
        if as_json:
            print_json(described)
        else:
            print_table(
                ("key", "default", "meaning, and what is right"),
                [(one["key"], _text(one["default"]), f"{one['meaning']} ({one['right']})") for one in described],
            )
        return
    shown = show.settings(given(context, file, sets).load())
    if as_json:
        print_json({one.key: {"value": one.value, "origin": one.origin} for one in shown})
    elif as_toml:
        typer.echo(show.as_toml(shown), nl=False)
    else:
        print_table(("key", "value", "origin"), [(one.key, _text(one.value), one.origin) for one in shown])


def _text(value: object) -> str:
    if isinstance(value, list):
        return ",".join(str(item) for item in value) or "[]"
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if value != "" else '""'
