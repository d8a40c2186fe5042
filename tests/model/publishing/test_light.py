"""What servers and inference services import loads no torch, and the repository's half not even numpy."""

import subprocess
import sys

import pytest

LIGHT = ["layout", "manifest", "triton", "repository", "reader", "verify", "follower", "download", "pointer", "errors"]


@pytest.mark.parametrize("heavy", ["torch,torchvision,onnx,onnxruntime,numpy,safetensors"])
def test_light_modules_stay_light(heavy):
    code = (
        "import sys\n"
        f"for name in {LIGHT!r}: __import__('model.publishing.' + name)\n"
        f"print([name for name in {heavy.split(',')!r} if name in sys.modules])\n"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out == "[]\n"
