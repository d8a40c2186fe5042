"""What NVIDIA Triton needs beside the version folders: `config.pbtxt` and `labels.txt`, both about the champion.

Source: Triton Inference Server, "Model Configuration". Dimensions stand without the batch.
"""

import json

from model.publishing.layout import LABELS_FILE
from model.publishing.manifest import Manifest

MAX_BATCH_SIZE = 64

_CONFIG = """\
name: {name}
platform: "onnxruntime_onnx"
max_batch_size: {batch}
input [
  {{
    name: "image"
    data_type: TYPE_FP32
    dims: [ 3, {height}, {width} ]
  }}
]
output [
  {{
    name: "probabilities"
    data_type: TYPE_FP32
    dims: [ {classes} ]
    label_filename: "{labels}"
  }}
]
version_policy {{ specific {{ versions: [ {version} ] }} }}
"""


def config_pbtxt(manifest: Manifest) -> str:
    """Return Triton's configuration, with this version as the one that is served."""
    return _CONFIG.format(
        # a model's name is checked to need no escapes
        name=json.dumps(manifest.model),
        batch=MAX_BATCH_SIZE,
        height=manifest.input.height,
        width=manifest.input.width,
        classes=len(manifest.classes),
        labels=LABELS_FILE,
        version=manifest.version,
    )


def labels_txt(manifest: Manifest) -> str:
    """Return one class name a line, in the order of the output."""
    return "".join(f"{name}\n" for name in manifest.classes)
