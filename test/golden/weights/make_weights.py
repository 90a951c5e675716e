# Makes the weight files of this folder with PyTorch and safetensors. From the project's root: python test/golden/weights/make_weights.py
import base64
import collections
import json
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path.insert(0, str(ROOT / "models/train"))
from make_golden import noise  # noqa: E402
from network import build_network  # noqa: E402

FRAMES = 20
TINY = {
    "stages": [{"filters": 4, "timePool": 2, "bandPool": 8}, {"filters": 6, "timePool": 1, "bandPool": 4}],
    "block": {"kind": "residual", "attention": "scSE", "ratio": 2},
    "gru": {"units": 3, "layers": 2, "merge": "concat"},
    "headUnits": 5,
    "classes": 2,
}


def mixed():
    base = torch.arange(24.0).reshape(4, 6) / 8
    tied = torch.tensor([1.5, -2.25, 1e-30])
    return {
        "plain": base.clone(),
        "transposed": base.t(),
        "cut": base[1:3, 2:5],
        "every second": base[:, ::2],
        "spread": torch.tensor([[7.0], [8.0]]).expand(2, 3),
        "tied a": tied,
        "tied b": tied,
        "parameter": torch.nn.Parameter(torch.tensor([0.5])),
        "half": torch.tensor([1.0, -0.33325195, 65504.0, 5.9604645e-08, 6.0975552e-05]).half(),
        "bfloat16": torch.tensor([1.0, -3.140625, 3e38, 1e-38]).bfloat16(),
        "double": torch.tensor([0.1, -1e300 * 1e-300], dtype=torch.float64),
        "long": torch.tensor([-3, 2**40]),
        "bool": torch.tensor([True, False]),
        "scalar": torch.tensor(3.0),
        "empty": torch.zeros(0, 5),
        "__proto__": torch.tensor([9.0]),
    }


def expected(tensors):
    """Shape and float32 values of each tensor."""
    return {name: {"shape": list(t.shape), "values": text(t.detach().float())} for name, t in tensors.items()}


def text(tensor):
    return base64.b64encode(tensor.contiguous().numpy().astype("<f4").tobytes()).decode()


def tiny():
    torch.manual_seed(5)
    description = json.loads((ROOT / "models/networks/res-scse-crnn.json").read_text()) | TINY
    network = build_network(description, 7)
    for _ in range(3):  # batch norms that have seen something
        network.train()(torch.randn(2, 7, FRAMES, 64) * 2 + 1)
    network.eval()
    features = torch.from_numpy(1.7 * noise("features", 7 * FRAMES * 64)).float().reshape(1, 7, FRAMES, 64)
    with torch.no_grad():
        logits, direction = network(features)
    golden = {"frames": FRAMES, "activity": text(logits.sigmoid()), "direction": text(direction)}
    return description, network.state_dict(), golden


def main():
    tensors = mixed()
    torch.save(tensors, HERE / "mixed.pt")
    torch.save(tensors, HERE / "legacy.pt", _use_new_zipfile_serialization=False)
    torch.jit.script(torch.nn.Linear(1, 1)).save(HERE / "program.pt")
    flat = {name: t.detach().clone(memory_format=torch.contiguous_format) for name, t in tensors.items()}
    save_file(flat, HERE / "mixed.safetensors", metadata={"format": "pt"})
    description, state, golden = tiny()
    (HERE / "tiny.json").write_text(json.dumps(description, indent=2) + "\n")
    wrapped = collections.OrderedDict((f"module.{name}", t) for name, t in state.items())
    optimizer = torch.optim.Adam([torch.nn.Parameter(torch.zeros(2))])
    torch.save({"epoch": 3, "loss": 0.25, "done": True, "note": None, "optimizer": optimizer.state_dict(), "state_dict": wrapped}, HERE / "tiny.pt")
    save_file({name: t.contiguous() for name, t in state.items()}, HERE / "tiny.safetensors")
    (HERE / "expected.json").write_text(json.dumps({"mixed": expected(tensors), "tiny": golden}, indent=1) + "\n")


if __name__ == "__main__":
    main()
