# Exports small networks with torch's ONNX exporter, as others' models look. From the project's root: python test/golden/graphs/make_graphs.py
# For each: NAME.onnx, and in expected.json torch's outputs for noise("features") of models/train/make_golden.py.
import base64
import json
import sys
import warnings
from pathlib import Path

import torch
from torch import nn

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path.insert(0, str(ROOT / "models/train"))
from make_golden import noise  # noqa: E402
from network import build_network  # noqa: E402

warnings.filterwarnings("ignore")
FRAMES = 60
SMALL = {
    "bands": 32,
    "stages": [{"filters": 8, "timePool": 5, "bandPool": 4}, {"filters": 8, "timePool": 1, "bandPool": 4}],
    "gru": {"units": 8, "layers": 2, "merge": "mul"},
    "headUnits": 8,
    "classes": 3,
}


class Attention(nn.Module):
    """scSE as it is usually written (Roy et al. 2018): two products."""

    def __init__(self, width):
        super().__init__()
        self.squeeze, self.excite, self.spatial = nn.Conv2d(width, width // 4, 1), nn.Conv2d(width // 4, width, 1), nn.Conv2d(width, 1, 1)

    def forward(self, x):
        c = torch.sigmoid(self.excite(torch.relu(self.squeeze(x.mean((2, 3), keepdim=True)))))
        return x * c + x * torch.sigmoid(self.spatial(x))


class Block(nn.Module):
    """Attention before the sum, ELU after it, pooling after ELU (Naranjo-Alcazar et al. 2020, Conv-Residual with ELU)."""

    def __init__(self, inputs, width, pool):
        super().__init__()
        self.first, self.first_norm = nn.Conv2d(inputs, width, 3, padding=1, bias=False), nn.BatchNorm2d(width)
        self.second, self.second_norm = nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width)
        self.shortcut = nn.Sequential(nn.Conv2d(inputs, width, 1, bias=False), nn.BatchNorm2d(width)) if inputs != width else nn.Identity()
        self.attention, self.pool = Attention(width), nn.MaxPool2d((1, pool))

    def forward(self, x):
        h = nn.functional.elu(self.first_norm(self.first(x)))
        h = self.attention(self.second_norm(self.second(h)))
        return self.pool(nn.functional.elu(h + self.shortcut(x)))


class Literature(nn.Module):
    def __init__(self):
        super().__init__()
        self.stages = nn.Sequential(Block(7, 8, 4), Block(8, 8, 4))
        self.gru = nn.GRU(16, 8, num_layers=2, bidirectional=True, batch_first=True)
        self.activity, self.direction = nn.Linear(16, 3), nn.Linear(16, 9)

    def forward(self, x):
        x, _ = self.gru(self.stages(x).permute(0, 2, 1, 3).flatten(2))
        return torch.sigmoid(self.activity(x)), torch.tanh(self.direction(x))


def scatter(network):
    """Norms that do something: their weights and statistics drawn, not 0 and 1."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.3, 0.3)
            nn.init.uniform_(module.running_mean, -0.3, 0.3)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    return network.eval()


def export(name, network, free, training):
    """training PRESERVE keeps the batch norms as nodes; EVAL folds them, as most exported models come."""
    x = torch.from_numpy(1.7 * noise("features", 7 * FRAMES * 32)).float().reshape(1, 7, FRAMES, 32)
    torch.onnx.export(
        network,
        (x,),
        HERE / f"{name}.onnx",
        dynamo=False,
        opset_version=17,
        input_names=["features"],
        output_names=["activity", "direction"],
        dynamic_axes={"features": {2: "frames"}} if free else None,
        training=training,
    )
    with torch.inference_mode():
        outputs = network(x)
    return {key: base64.b64encode(value.contiguous().numpy().astype("<f4").tobytes()).decode() for key, value in zip(("activity", "direction"), outputs)}


if __name__ == "__main__":
    torch.manual_seed(7)
    description = json.loads((ROOT / "models/networks/res-scse-crnn.json").read_text())
    ours, others = scatter(build_network({**description, **SMALL}, channels=7)), scatter(Literature())
    keep, fold = torch.onnx.TrainingMode.PRESERVE, torch.onnx.TrainingMode.EVAL
    cases = {
        "ours-free": export("ours-free", ours, True, keep),
        "ours-folded": export("ours-folded", ours, False, fold),
        "literature": export("literature", others, False, keep),
        "literature-free": export("literature-free", others, True, keep),
    }
    (HERE / "expected.json").write_text(json.dumps({"frames": FRAMES, "bands": 32, "cases": cases}, indent=1) + "\n")
