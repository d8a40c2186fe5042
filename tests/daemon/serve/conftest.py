"""A real server on a loopback port, over a repository of made-up models."""

from collections.abc import Iterator

import pytest

from tests.support.serving import Serving


@pytest.fixture
def serving(tmp_path) -> Iterator[Serving]:
    one = Serving(tmp_path / "models")
    try:
        yield one
    finally:
        one.stop()
