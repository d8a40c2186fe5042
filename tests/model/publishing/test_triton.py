"""Triton's files describe the champion."""

from dataclasses import replace

from model.publishing.manifest import Manifest
from model.publishing.triton import config_pbtxt, labels_txt
from tests.support.manifests import EXAMPLE

CONFIG = """\
name: "default"
platform: "onnxruntime_onnx"
max_batch_size: 64
input [
  {
    name: "image"
    data_type: TYPE_FP32
    dims: [ 3, 48, 64 ]
  }
]
output [
  {
    name: "probabilities"
    data_type: TYPE_FP32
    dims: [ 2 ]
    label_filename: "labels.txt"
  }
]
version_policy { specific { versions: [ 7 ] } }
"""


def test_config_and_labels():
    manifest = Manifest.from_dict(EXAMPLE)
    manifest = replace(manifest, input=replace(manifest.input, height=48), classes=("cat", "große Katze"))
    assert config_pbtxt(replace(manifest)) == CONFIG
    assert labels_txt(manifest) == "cat\ngroße Katze\n"
