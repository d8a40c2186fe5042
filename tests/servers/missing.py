"""The one place that decides what happens to a test whose real server is not there."""

import os
from typing import NoReturn

import pytest


def unavailable(reason: str) -> NoReturn:
    """Skip the test on a person's machine, fail it in CI. `reason` says what is missing and how to get it."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
