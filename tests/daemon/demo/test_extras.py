import pytest

from daemon.demo import extras
from daemon.errors import OperatorError


def test_all_is_here():
    extras.require_extras()


def test_what_is_missing_is_named_in_one_line(monkeypatch):
    monkeypatch.setitem(extras.NEEDED, "no_such_module", "no-such-package")
    with pytest.raises(OperatorError, match=r"needs no-such-package, .*pip install 'tidemill\[learn,local,demo\]'"):
        extras.require_extras()
