import pytest

from model.network.spec import NetworkSpec


def test_survives_json_and_gives_the_same_text_for_the_same_spec():
    spec = NetworkSpec("resnet18", 32, 10, "torchvision")
    assert NetworkSpec.from_json(spec.to_json()) == spec
    assert spec.to_json() == NetworkSpec("resnet18", 32, 10, "torchvision").to_json()


@pytest.mark.parametrize(
    ("spec", "small"),
    [
        (NetworkSpec("resnet18", 64, 2), True),
        (NetworkSpec("resnet18", 65, 2), False),
        (NetworkSpec("resnet18", 32, 2, "torchvision"), False),
        (NetworkSpec("package.module:factory", 32, 2), False),
    ],
)
def test_small_images_get_a_stem_of_their_own(spec, small):
    assert spec.small_stem is small


def test_what_changes_the_graph_changes_the_text():
    base = NetworkSpec("resnet18", 32, 10)
    others = [base.with_classes(11), NetworkSpec("resnet34", 32, 10), NetworkSpec("resnet18", 28, 10)]
    assert len({spec.to_json() for spec in [base, *others, NetworkSpec("resnet18", 32, 10, "torchvision")]}) == 5


def test_refuses_impossible_numbers():
    with pytest.raises(ValueError, match="at least 1"):
        NetworkSpec("resnet18", 0, 10)
