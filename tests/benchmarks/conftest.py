"""What all tests of the benchmarks share."""

import pytest
import structlog


@pytest.fixture(autouse=True)
def log_as_before():
    """Undo what a benchmark's `main` sets of the log: it writes to a stream that ends with the test."""
    yield
    structlog.reset_defaults()
