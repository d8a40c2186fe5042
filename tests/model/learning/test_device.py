import pytest
import torch

from model.learning.device import device_faults, precision, resolve_device
from model.learning.errors import DeviceError

CPU = torch.device("cpu")


@pytest.fixture
def two_gpus(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)


@pytest.fixture
def no_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


@pytest.mark.usefixtures("two_gpus")
def test_takes_the_gpu_that_is_there():
    found = [str(resolve_device(name)) for name in ("auto", "cpu", "cuda", "cuda:1")]
    assert found == ["cuda:0", "cpu", "cuda:0", "cuda:1"]
    with pytest.raises(DeviceError, match=r"learn\.device: 'cuda:2' is not there \(2 CUDA devices"):
        resolve_device("cuda:2")


@pytest.mark.usefixtures("no_gpu")
def test_without_one_auto_is_the_cpu_and_asking_for_it_is_refused():
    assert resolve_device("auto") == CPU
    with pytest.raises(DeviceError, match="take cpu or auto"):
        resolve_device("cuda")


@pytest.mark.parametrize("name", ["gpu", "cuda:x", "cuda:-1", "mps"])
def test_other_names_are_refused(name):
    with pytest.raises(DeviceError, match="none of auto, cpu, cuda"):
        resolve_device(name)


def test_the_device_s_faults_are_not_the_window_s():
    with pytest.raises(DeviceError, match=r"out of memory; lower round\.batch"), device_faults(CPU):
        raise torch.OutOfMemoryError("CUDA out of memory")
    with pytest.raises(DeviceError, match="failed: unspecified launch failure"), device_faults(CPU):
        raise torch.AcceleratorError("unspecified launch failure")
    with pytest.raises(RuntimeError, match="shapes"), device_faults(CPU):
        raise RuntimeError("shapes")


def test_float32_on_the_cpu():
    with precision(CPU):
        assert torch.nn.Linear(2, 2)(torch.ones(1, 2)).dtype == torch.float32
