"""What only an operator can put right, said in one line that names the setting and the cure."""

MISCONFIGURED = 2
"""Exit status: wrong use or configuration."""
PERSON_MUST_ACT = 78
"""Exit status of a role that neither waiting nor a restart can cure: supervisors leave it alone (EX_CONFIG)."""


class OperatorError(Exception):
    """The start or a command cannot go on. `main` prints it in one line, without a traceback, and exits."""

    def __init__(self, setting: str, message: str, cure: str, *, exit_code: int = 1) -> None:
        told = ". ".join(text.strip().rstrip(".") for text in (message, cure) if text.strip())
        super().__init__(f"{told} (setting: {setting})" if setting else told)
        self.setting = setting
        """The key to look at, as `kafka.bootstrap_servers`; empty where none is at fault."""
        self.message = message
        """What is wrong, with the value, without a full stop."""
        self.cure = cure
        """What to do about it, as a sentence."""
        self.exit_code = exit_code
        """1: something outside failed; MISCONFIGURED, PERSON_MUST_ACT: trying again cannot cure it."""
