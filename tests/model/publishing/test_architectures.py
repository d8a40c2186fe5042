"""Five architectures through the exporter's process, then filled with other weights, then with one class more."""

import json
import time

import numpy as np
import pytest

from model.network.build import build
from model.network.spec import NetworkSpec
from model.publishing.publisher import Publisher
from tests.support.networks import randomised

ARCHITECTURES = [
    ("resnet18", 32),
    ("mobilenet_v3_small", 32),
    ("efficientnet_b0", 32),
    ("convnext_tiny", 32),
    ("vit_b_16", 32),
]


@pytest.mark.long
@pytest.mark.parametrize(("architecture", "size"), ARCHITECTURES)
def test_export_refill_grow(architecture, size, tmp_path):
    publisher = Publisher(tmp_path / "cache", clock=time.monotonic, threads=1)
    samples = np.random.default_rng(0).integers(0, 256, (4, size, size, 3), dtype=np.uint8)
    digests = set()
    for version, classes in ((1, 4), (2, 4), (3, 5)):
        spec = NetworkSpec(architecture, size, classes)
        staged = publisher.stage(
            randomised(build(spec, seed=version), seed=version),
            spec_json=spec.to_json(),
            classes=[f"class {number}" for number in range(classes)],
            model_name="default",
            version=version,
            samples_NHWC=samples,
            out_path=tmp_path / "model.onnx",
        )
        assert staged.exported is (version == 1)
        assert staged.parity_max_abs_error <= 1e-4
        digests.add(staged.sha256)
    assert len(digests) == 3
    assert json.loads(spec.to_json())["classes_n"] == 5
