# Writes test/golden/networks/golden_networks.json: what the networks give on weights and features of a formula, so that no
# weights need to be kept. Run from the project's root: python models/train/make_golden.py
import base64
import json
import sys
from pathlib import Path

import numpy as np
import torch

from network import build_network

CLASSES, CHANNELS = 11, {"foa": 7, "mic": 10}
LABELS = 6  # label frames of each golden window
ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "test/golden/networks/golden_networks.json"


def noise(name, size):
    """Values in -1..1 that only the name and the position decide: murmur3's finaliser over a counter, seeded by FNV-1a of the name."""
    seed = 2166136261
    for byte in name.encode():
        seed = ((seed ^ byte) * 16777619) % 2**32
    x = (np.arange(size, dtype=np.uint64) * 0x9E3779B9 + seed).astype(np.uint32)
    x = (x ^ (x >> 16)) * np.uint32(0x85EBCA6B)
    x = (x ^ (x >> 13)) * np.uint32(0xC2B2AE35)
    x = x ^ (x >> 16)
    return x.astype(np.float64) / 2**31 - 1


def weights(name, shape):
    """Weights that keep a signal alive through all layers: statistics and scales around 1, dense and GRU weights strong enough to bend."""
    values = noise(name, int(np.prod(shape)))
    if len(shape) > 1:
        values *= np.sqrt((3 if len(shape) == 4 else 6) / np.prod(shape[1:]))
    elif name.endswith("running_var") or name.endswith("norm.weight"):
        values = 1 + 0.5 * values
    else:
        values *= 0.3
    return torch.from_numpy(values.astype(np.float32)).reshape(shape)


def cases():
    """(file, settings that differ from the file) of all networks."""
    yield from ((name, {}) for name in ("cnn", "crnn", "m-crnn", "res-crnn", "res-scse-crnn", "res-scse-crnn-accdoa"))
    for attention in ("cSE", "scSE"):
        for ratio in (1, 2, 4, 8, 16):
            if (attention, ratio) != ("scSE", 4):
                yield "res-scse-crnn", {"block": {"kind": "residual", "attention": attention, "ratio": ratio}}
    yield "res-scse-crnn", {"block": {"kind": "residual", "attention": "sSE"}}
    yield "res-scse-crnn", {"gru": {"units": 128, "layers": 2, "merge": "concat"}}
    yield "res-scse-crnn", {"gru": {"units": 24, "layers": 1, "merge": "mul"}, "headUnits": 40, "norm": {"epsilon": 1e-5, "momentum": 0.1}}
    yield "res-scse-crnn", {"stages": [{"filters": f, "timePool": t, "bandPool": b} for f, t, b in ((16, 1, 4), (32, 2, 2), (48, 1, 2), (64, 2, 2))]}
    yield "crnn", {"stages": [{"filters": 64, "timePool": t, "bandPool": b} for t, b in ((5, 4), (1, 4), (1, 2))]}
    yield "m-crnn", {"block": {"kind": "multi-kernel", "kernels": [3]}, "output": "accdoa"}


def golden(file, settings, form):
    description = json.loads((ROOT / f"models/networks/{file}.json").read_text()) | settings
    network = build_network(description, CHANNELS[form], CLASSES).eval()
    state = {name: weights(name, t.shape) for name, t in network.state_dict().items() if t.is_floating_point()}
    network.load_state_dict(state, strict=False)
    frames = LABELS * int(np.prod([stage["timePool"] for stage in description["stages"]]))
    shape = (1, CHANNELS[form], frames, description["bands"])
    features = torch.from_numpy(1.7 * noise("features", int(np.prod(shape)))).float().reshape(shape)
    with torch.no_grad():
        activity, direction = network(features)
    if description["output"] == "sed+doa":
        activity = activity.sigmoid()
    else:
        activity = activity.clamp(max=1)
    return {
        "network": file,
        "settings": settings,
        "format": form,
        "frames": frames,
        "parameters": sum(p.numel() for p in network.parameters()),
        "spread": [round(float(t.std()), 3) for t in (activity, direction)],
        "activity": text(activity),
        "direction": text(direction),
    }


def text(tensor):
    return base64.b64encode(tensor.numpy().astype("<f4").tobytes()).decode()


def main():
    results = [golden(file, settings, form) for file, settings in cases() for form in CHANNELS]
    lines = ",\n".join("  " + json.dumps(result) for result in results)
    about = f"PyTorch {torch.__version__}; weights and features by formula, outputs base64 of float32 little-endian, (labels, classes) and (labels, 3 * classes)"
    OUT.write_text(f'{{\n"about": {json.dumps(about)},\n"cases": [\n{lines}\n]\n}}\n')
    for result in results:
        print(result["network"], result["format"], result["parameters"], result["spread"])


if __name__ == "__main__":
    sys.exit(main())
