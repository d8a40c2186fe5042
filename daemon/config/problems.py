"""What can be wrong with a configuration, told so that it can be put right."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong: the key, the value as given (masked where it is a secret), whence, and what would be right."""

    key: str
    value: str
    origin: str
    expected: str

    def __str__(self) -> str:
        """Return one line for people."""
        shown = f" = {self.value}" if self.value else ""
        return f"{self.key}{shown} ({self.origin}): {self.expected}"


class ConfigError(Exception):
    """The configuration cannot be used; `problems` lists everything that is wrong with it."""

    exit_code = 2

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems
