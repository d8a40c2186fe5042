"""What an operator is told to run."""

DEFAULT_JOB = "default"


def release_command(what: str, job: str) -> str:
    """Return the command that releases `what`, as it must be given for this job."""
    named = f" --set job={job}" if job != DEFAULT_JOB else ""
    return f"tidemill release {what}{named}"
