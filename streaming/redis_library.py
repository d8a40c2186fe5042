"""redis-py, imported without OpenTelemetry.

From 8.0 on redis-py imports OpenTelemetry's API and its whole SDK for metrics wherever they are installed, though its
own observability is off: sixty modules and 3 MB in each process, also where nothing is traced. Ours goes out by
`daemon/tracing` alone. So they are hidden while redis-py is imported; it takes that for "not installed".
"""

import sys
from typing import Any

_HIDDEN = "opentelemetry" if "opentelemetry" not in sys.modules else "opentelemetry.sdk"
_modules: dict[str, Any] = sys.modules
_before = _modules.get(_HIDDEN)
_modules[_HIDDEN] = None  # Python's own way to have an import of this name fail
try:
    import redis
    from redis import exceptions
    from redis.backoff import NoBackoff
    from redis.retry import Retry
finally:
    del _modules[_HIDDEN]
    if _before is not None:
        _modules[_HIDDEN] = _before

__all__ = ["NoBackoff", "Retry", "exceptions", "redis"]
