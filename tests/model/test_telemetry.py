"""ONNX Runtime reports nothing to its maker: it leaves a session file in the temporary folder when it means to."""

import os
import subprocess
import sys

IMPORT = "import onnxruntime; onnxruntime.SessionOptions()"


def leaves_behind(folder, code):
    """Run `code` outside of CI, where telemetry is off anyway; return the temporary files it leaves."""
    silent = ("CI", "ORT_DISABLE_TELEMETRY", "ORT_RUNNING_UNIT_TESTS", "PYTEST_CURRENT_TEST")
    environment = {name: value for name, value in os.environ.items() if name not in silent}
    subprocess.run([sys.executable, "-c", code], check=True, env={**environment, "TMPDIR": str(folder)})
    return [path.name for path in folder.iterdir() if path.name == ".ses"]


def test_no_model_is_reported(tmp_path):
    assert leaves_behind(tmp_path, f"import model; {IMPORT}") == []
