"""docs/pictures.md gives the resize as an ONNX graph; the table there says how near it comes, in levels of 255."""

import re
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from model.pictures import prepare

PAGE = (Path(__file__).parents[3] / "docs" / "pictures.md").read_text(encoding="utf-8")
GRAPH = next(snippet for snippet in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) if "resizing_graph" in snippet)
NEAR = [(480, 500), (100, 75), (33, 65), (20, 20), (64, 64), (500, 8)]
FAR = [(300, 1000), (1200, 1600), (700, 64)]


def levels(size: int, shape: tuple[int, int], code: str = GRAPH) -> np.ndarray:
    """Return the difference between the graph and `prepare`, in levels."""
    namespace: dict = {}
    exec(compile(code, "pictures.md", "exec"), namespace)
    model = namespace["resizing_graph"](size)
    onnx.checker.check_model(model)
    patches = np.random.default_rng(0).integers(0, 256, (shape[0] // 4 + 1, shape[1] // 4 + 1, 3))
    pixels = np.kron(patches, np.ones((4, 4, 1)))[: shape[0], : shape[1]].astype(np.uint8)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (graph,) = session.run(None, {"pixels": pixels[None]})
    ours = prepare(pixels, size)
    assert graph.shape == ours.shape
    return np.abs(graph - ours) * 255


@pytest.mark.parametrize("shape", NEAR)
@pytest.mark.parametrize("size", [64, 224])
def test_the_graph_is_within_a_level_up_to_eight_times_the_target(size: int, shape: tuple[int, int]) -> None:
    seen = levels(size, shape)
    assert seen.max() < 1.01
    assert seen.mean() < 0.2


@pytest.mark.parametrize("shape", FAR)
def test_the_graph_is_within_eight_levels_of_larger_pictures(shape: tuple[int, int]) -> None:
    seen = levels(64, shape)
    assert seen.max() < 8.01
    assert seen.mean() < 0.6


def test_without_exclude_outside_the_borders_are_off() -> None:
    code = GRAPH.replace("exclude_outside=1", "exclude_outside=0")
    assert code != GRAPH
    seen = levels(32, (33, 65), code)
    assert 10 < seen.max() < 18.01
    assert seen[..., 2:-2, 2:-2].max() < 1.01
