# What the machine offers: device, the faster precision, and room in memory and on disk.
import copy
import shutil
import time
from contextlib import nullcontext
from pathlib import Path

import torch

from dataset import BANDS, DataError


def choose_device(name):
    return torch.device("cuda" if name == "auto" and torch.cuda.is_available() else "cpu" if name == "auto" else name)


def choose_precision(name, network, settings, device):
    """'float32' or 'bfloat16': on a CPU what takes less processor time here, so that other work on it does not decide."""
    if name != "auto" or device.type != "cpu":
        return "bfloat16" if name == "auto" else name
    trial = copy.deepcopy(network).train()
    batch = torch.zeros(8, len(settings["channels"]), settings["window"], BANDS).to(memory_format=torch.channels_last)
    seconds = {}
    for precision in ("float32", "bfloat16"):
        for _ in range(2):  # the second counts: the first also chooses kernels
            started = time.thread_time()
            with autocast(device, precision)():
                logits, doa = trial(batch)
            (logits.float().sum() + doa.float().sum()).backward()
            seconds[precision] = time.thread_time() - started
    return min(seconds, key=seconds.get)


def autocast(device, precision):
    """A function that opens the context in which the network computes.

    Without the cache of cast weights: all threads share it under one lock, and a worker that leaves the context while another one
    compiles waits for Python's lock with the cache's in hand, the other the other way round. A run stood still so for good.
    Nothing is lost: each weight is cast once per pass.
    """
    if precision == "float32":
        return nullcontext
    return lambda: torch.autocast(device.type, torch.bfloat16, cache_enabled=False)


def check_room(network, settings, folder, device):
    """Refuses to start without the memory and disk the run will take."""
    weights = sum(p.numel() for p in network.parameters()) * 4
    disk = 2 * 5 * weights  # weights, their average, the best, two moments; the old file stays until the new one is whole
    free = shutil.disk_usage(folder).free
    if free < disk:
        raise DataError(f"{folder} has {free / 1e6:.0f} MB free, the checkpoints need {disk / 1e6:.0f} MB: make room or give another --run.")
    meminfo = Path("/proc/meminfo")
    if device.type != "cpu" or not meminfo.exists():
        return
    need = settings["batch"] * activation_bytes(network, settings)
    available = next(int(line.split()[1]) for line in meminfo.read_text().splitlines() if line.startswith("MemAvailable")) * 1024
    if available < need:
        raise DataError(f"{available / 1e9:.1f} GB of memory is free, a batch needs about {need / 1e9:.1f} GB: close other programs.")


def activation_bytes(network, settings):
    """What one window takes in training: the outputs of all layers, and as much again for gradients and what lies between."""
    total = 0

    def count(_module, _inputs, output):
        nonlocal total
        total += sum(t.numel() * 4 for t in (output if isinstance(output, tuple) else (output,)) if torch.is_tensor(t))

    hooks = [module.register_forward_hook(count) for module in network.modules() if not list(module.children())]
    with torch.no_grad():
        network(torch.zeros(1, len(settings["channels"]), settings["window"], BANDS))
    for hook in hooks:
        hook.remove()
    return 2 * total
