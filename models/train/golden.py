# Runs windows through a model's weights in PyTorch and keeps both: what every engine of that model must give.
# `earshot model golden` chooses the windows, calls this and proves the ONNX model with the result.
import argparse
import hashlib
import json
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from network import build_network


def parse(arguments):
    p = argparse.ArgumentParser(description="Writes golden windows of a model.")
    p.add_argument("--model", required=True, help="folder with network.json and weights.safetensors")
    p.add_argument("--windows", required=True, help="safetensors with features (windows, channels, frames, bands), scaled")
    p.add_argument("--classes", required=True, type=int)
    p.add_argument("--out", required=True, help="file to write")
    p.add_argument("--source", default="", help="what the windows are of")
    return p.parse_args(arguments)


def golden(model, features, classes):
    """Outputs by name for float16 features, on one thread in float32."""
    description = json.loads((model / "network.json").read_text())
    network = build_network(description, features.shape[1], classes).eval()
    missing, unexpected = network.load_state_dict(load_file(model / "weights.safetensors"), strict=False)
    missing = [name for name in missing if not name.endswith("num_batches_tracked")]
    if missing or unexpected:
        raise ValueError(f"weights and network do not fit: missing {missing}, unexpected {unexpected}")
    with torch.inference_mode():
        activity, direction = network(features.float())
    activity = activity.clamp(max=1) if description["output"] == "accdoa" else activity.sigmoid()
    return {"activity": activity.contiguous(), "direction": direction.contiguous()}


def main(arguments):
    args = parse(arguments)
    torch.set_num_threads(1)
    model = Path(args.model)
    features = load_file(args.windows)["features"].half()
    if not torch.isfinite(features).all():
        print("error: the windows hold features that are no float16 numbers", file=sys.stderr)
        return 1
    outputs = golden(model, features, args.classes)
    metadata = {
        "made by": f"PyTorch {torch.__version__}",
        "weights": hashlib.sha256((model / "weights.safetensors").read_bytes()).hexdigest(),
        "windows of": args.source,
    }
    save_file({**outputs, "features": features.contiguous()}, args.out, metadata=metadata)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
