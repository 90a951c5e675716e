# A model of earshot as torch's own exporter writes it, with its weights: python torch_export.py MODEL_FOLDER CHANNELS CLASSES FRAMES OUT.onnx
import json
import pathlib
import sys
import warnings

import torch
from safetensors.torch import load_file

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "models" / "train"))
from network import build_network  # noqa: E402

warnings.filterwarnings("ignore")
folder, channels, classes, frames, out = sys.argv[1], *map(int, sys.argv[2:5]), sys.argv[5]
folder = pathlib.Path(folder)
description = json.loads((folder / "network.json").read_text())
network = build_network(description, channels=channels, classes=classes).eval()
network.load_state_dict(load_file(folder / "weights.safetensors"), strict=False)
window = torch.randn(1, channels, frames, description["bands"])
torch.onnx.export(network, (window,), out, input_names=["features"], opset_version=17, dynamo=False)
