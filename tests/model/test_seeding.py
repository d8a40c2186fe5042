import subprocess
import sys

from model.seeding import seed_of, seeded


def test_is_the_same_in_every_process():
    code = "from model.seeding import seed_of; import sys; print(seed_of(3, 7, 'order'), 'torch' in sys.modules)"
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert child.stdout.split() == [str(seed_of(3, 7, "order")), "False"]
    assert seed_of(0, 1, "order") == 308065085412173268


def test_seeds_rounds_and_purposes_are_apart():
    drawn = {
        int(seeded(*key).integers(0, 2**62))
        for key in [(0, 1, "a"), (1, 1, "a"), (0, 2, "a"), (0, 1, "b"), (0, 11, "")]
    }
    assert len(drawn) == 5


def test_fits_a_torch_generator():
    assert all(0 <= seed_of(0, number, "weights") < 2**63 for number in range(100))
