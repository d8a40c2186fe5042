import numpy as np
import torch

from model.learning.augment import as_image, draw_shifts, shifted


def pictures(n=64, size=16):
    return torch.from_numpy(np.random.default_rng(0).integers(0, 256, (n, size, size, 3), dtype=np.uint8))


def draw(*, crop, flip, n=64, size=16, seed=0):
    return draw_shifts(n, size, np.random.default_rng(seed), crop=crop, flip=flip)


def test_flip_alone_mirrors_about_half_and_nothing_else():
    before = pictures()
    after = shifted(before, draw(crop=False, flip=True))
    same = [bool(torch.equal(a, b)) for a, b in zip(after, before, strict=True)]
    mirrored = [bool(torch.equal(a, b.flip(1))) for a, b in zip(after, before, strict=True)]
    assert all(one or other for one, other in zip(same, mirrored, strict=True))
    assert 16 < sum(mirrored) < 48


def test_crop_alone_shifts_by_up_to_an_eighth_and_never_mirrors():
    line = torch.arange(16, dtype=torch.uint8)
    before = torch.stack([line.view(1, 16).expand(16, 16), line.view(16, 1).expand(16, 16), torch.zeros(16, 16)], dim=2)
    after = shifted(before.to(torch.uint8).expand(200, -1, -1, -1), draw(crop=True, flip=False, n=200))
    across = after[:, 8, 8, 0].int() - 8
    down = after[:, 8, 8, 1].int() - 8
    assert set(across.tolist()) == set(down.tolist()) == {-2, -1, 0, 1, 2}
    assert not torch.equal(across, down)
    assert bool((after[:, 8, 9, 0].int() - after[:, 8, 8, 0].int() == 1).all())


def test_borders_are_reflected_not_black():
    white = torch.full((50, 16, 16, 3), 255, dtype=torch.uint8)
    assert bool((shifted(white, draw(crop=True, flip=True, n=50)) == 255).all())


def test_neither_wanted_changes_nothing():
    assert draw(crop=False, flip=False) is None
    before = pictures(2)
    assert shifted(before, None) is before


def test_one_pixel_is_no_trouble():
    before = pictures(4, 1)
    assert torch.equal(shifted(before, draw(crop=True, flip=True, n=4, size=1)), before)


def test_images_are_planes_of_floats_in_0_to_1():
    pixels = pictures(2, 4)
    image = as_image(pixels)
    assert (image.shape, image.dtype) == ((2, 3, 4, 4), torch.float32)
    assert image[1, 2, 3, 0].item() == np.float32(int(pixels[1, 3, 0, 2])) / np.float32(255)
