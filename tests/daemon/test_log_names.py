"""Each fact of a log line has one name, and docs/operations.md has them all."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
LEVELS = {"debug", "info", "warning", "error", "critical", "log", "answer"}
BINDING = {"bind_contextvars", "bound_contextvars"}
NOT_FACTS = {"exc_info", "stack_info"}
TELLING = {"failed": {"need", "what"}}
"""Methods whose keywords become facts too (`Outage.failed`), but for these."""
SYNONYMS = {
    "error",
    "why",
    "do",
    "offsets_from",
    "topic_name",
    "trace",
    "elapsed",
    "duration",
    "msg",
    "message_",
    "ver",
}


def named_in_code():
    """Return the keywords of all calls that write a line or bind ids, with a place of each."""
    found = {}
    for package in ("daemon", "model", "streaming"):
        for file in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call):
                    for name in _facts(node):
                        found.setdefault(name, f"{file.relative_to(ROOT)}:{node.lineno}")
    return found


def _facts(call):
    function = call.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    on = ast.unparse(function.value) if isinstance(function, ast.Attribute) else ""
    writes = name in LEVELS and (on in ("log", "_log") or "get_logger" in on or name == "answer")
    tells = name in TELLING and "outage" in on.lower()
    if not (writes or tells or name in BINDING):
        return set()
    return {one.arg for one in call.keywords if one.arg} - NOT_FACTS - TELLING.get(name, set())


def documented():
    section = (
        (ROOT / "docs" / "operations.md").read_text(encoding="utf-8").split("\n### Names of facts\n")[1].split("\n#")[0]
    )
    rows = [line for line in section.splitlines() if line.startswith("| `")]
    return {name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])}


def test_what_the_code_writes_is_documented():
    named = named_in_code()
    assert len(named) > 30, "the search finds them"
    missing = {name: place for name, place in named.items() if name not in documented()}
    assert not missing


def test_what_is_documented_is_written_somewhere():
    source = "\n".join(
        file.read_text(encoding="utf-8") for package in ("daemon",) for file in (ROOT / package).rglob("*.py")
    )
    by_structlog = {"event", "level", "timestamp"}
    gone = {name for name in documented() - by_structlog if not re.search(rf"\b{name}\s*=|\"{name}\"", source)}
    assert not gone


def test_nothing_has_two_names():
    assert not SYNONYMS & (documented() | named_in_code().keys())
