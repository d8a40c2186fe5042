"""The options that several commands share, and how they become a configuration."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from daemon.config import Loaded, load, log_form
from daemon.masking import hide, secrets_of

if TYPE_CHECKING:
    from daemon.config.keys import Key

ConfigFile = Annotated[
    Path | None, typer.Option("--config", "-c", metavar="FILE.toml", help="Read the configuration from this file.")
]
Sets = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Set any key, as in --set kafka.topics=images. May be repeated."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
StateFolder = Annotated[Path | None, typer.Option("--state", metavar="DIR", help="The state directory (paths.state).")]
RepositoryFolder = Annotated[
    Path | None, typer.Option("--repository", metavar="DIR", help="The model repository (paths.repository).")
]


@dataclass(frozen=True, slots=True)
class Common:
    """What was given before the command's name: `tidemill --config FILE serve` is `tidemill serve --config FILE`."""

    file: Path | None = None
    sets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Given:
    """What a command was told about the configuration."""

    file: Path | None
    sets: tuple[str, ...]

    def load(self) -> Loaded:
        """Read the configuration. Raises ConfigError."""
        loaded = load(file=self.file, sets=self.sets)
        hide(secrets_of(loaded.config))
        return loaded

    def log_form(self) -> str:
        """Return log.format as far as it can be read, whatever else is wrong."""
        return log_form(file=self.file, sets=self.sets)

    def arguments(self) -> list[str]:
        """Return the same as arguments for another `tidemill`, but for secrets: everyone sees a process' arguments."""
        file = ["--config", str(self.file)] if self.file else []
        return file + [part for text in self.sets if _secret(text) is None for part in ("--set", text)]

    def environment(self, environ: Mapping[str, str]) -> dict[str, str]:
        """Return the environment of that other `tidemill`: `environ`, and the secrets that flags have set here."""
        changed = dict(environ)
        for text in self.sets:
            if key := _secret(text):
                changed[key.environment_name] = text.partition("=")[2]
                changed.pop(f"{key.environment_name}_FILE", None)
        return changed


def _secret(text: str) -> "Key | None":
    from daemon.config.keys import all_keys  # noqa: PLC0415 - only where needed

    key = all_keys().get(text.partition("=")[0].strip())
    return key if key is not None and key.is_secret else None


def given(
    context: typer.Context, file: Path | None, sets: Sequence[str] | None, flags: Mapping[str, object] | None = None
) -> Given:
    """Join what stands before and after the command's name; `flags` are keys set by short options, None: not given."""
    common = context.obj if isinstance(context.obj, Common) else Common()
    short = tuple(f"{key}={value}" for key, value in (flags or {}).items() if value is not None)
    return Given(file or common.file, (*common.sets, *(sets or ()), *short))


def examples(*lines: str) -> str:
    """Return the end of a command's help."""
    return "\n\n".join(("[bold]Examples[/bold]", *(line.replace("[", r"\[") for line in lines)))
