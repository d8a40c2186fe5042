"""Whoever prepares pictures loads numpy and two image libraries, and nothing else."""

import subprocess
import sys

CODE = """
import sys
before = {name.split(".")[0] for name in sys.modules}
import model.pictures
own = {name for name in sys.modules if name.startswith("model.")}
print(sorted({name.split(".")[0] for name in sys.modules} - before - sys.stdlib_module_names))
print(sorted(name for name in own if not name.startswith("model.pictures")))
"""


def test_the_package_loads_numpy_pillow_and_simplejpeg_alone() -> None:
    out = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True).stdout
    others, rest = out.splitlines()
    third_party = {name for name in eval(others) if not name.startswith(("_", "__editable__", "cython_runtime"))}
    assert third_party == {"model", "numpy", "PIL", "simplejpeg"}
    assert rest == "[]"
