# The same network in PyTorch (eager, one thread) with random weights: python inference_peer.py NETWORK.json CHANNELS CLASSES FRAMES RUNS
# Prints {"seconds": [processor time per window, ...]}.
import json
import pathlib
import sys
import time

import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "models" / "train"))
from network import build_network  # noqa: E402

path, channels, classes, frames, runs = sys.argv[1], *map(int, sys.argv[2:])
torch.set_num_threads(1)
with open(path) as file:
    description = json.load(file)
network = build_network(description, channels=channels, classes=classes).eval()
window = torch.randn(1, channels, frames, description["bands"])
seconds = []
with torch.inference_mode():
    network(window)
    for _ in range(runs):
        started = time.process_time()
        network(window)
        seconds.append(time.process_time() - started)
print(json.dumps({"seconds": seconds}))
