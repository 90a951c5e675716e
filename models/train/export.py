# Writes the best epoch of a run so far as a model folder: weights.safetensors, network.json, manifest.json.
# May be called while the run goes on. `earshot model build` then adds model.onnx.
import argparse
import hashlib
import json
import os
import shutil
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file

from checkpoint import read_checkpoint
from dataset import DataError
from evaluate import best_thresholds, predict_all, scores
from machine import autocast, choose_device
from parallel import Workers
from train import build, load

HOP = 50  # feature frames between windows: one second
LOOKAHEAD = 25  # feature frames a score waits for: half a second; two seconds gained 0.5 point of F1 on validation
OFFSET_SHARE = 0.9  # of the onset threshold: an event ends where its score falls below it; chosen on validation
SETTINGS_KEPT = ("optimizer", "schedule", "rate", "batch", "window", "augment", "seed", "epochs", "minutes", "normalization", "directionWeight")


def parse(arguments):
    p = argparse.ArgumentParser(description="Exports the best epoch of a run so far.")
    p.add_argument("--run", required=True, help="run folder with checkpoint.pt")
    p.add_argument("--out", required=True, help="model folder to write")
    p.add_argument("--name", required=True, help="of the model: lower-case letters, digits, hyphens")
    p.add_argument("--summary", default="", help="one sentence on what it is")
    p.add_argument("--licence", default="", help="what the weights may be used for, and why")
    p.add_argument("--command", default="earshot train", help="the command that made the scores")
    p.add_argument("--device", default="auto")
    return p.parse_args(arguments)


def read_best(folder):
    try:
        checkpoint = read_checkpoint(folder)
    except FileNotFoundError as error:
        raise DataError(f"{folder} holds no checkpoint.pt: the first comes at the end of the first epoch.") from error
    if not checkpoint["best"]:
        raise DataError(f"{folder} has no finished epoch yet: export after the first one.")
    return checkpoint


def recipe_of(folders, init):
    """What the training folders were rendered from (their synth.json without paths of this machine), the weights begun with; and the seed."""
    recipes = [json.loads(file.read_text()) for file in (Path(folder) / "synth.json" for folder in folders) if file.exists()]
    parts = [_without_paths(recipe) for recipe in recipes] or ["recordings without a recipe"]
    if init:
        parts.append({"initialWeights": init})
    return json.dumps(parts, separators=(",", ":")), recipes[0].get("seed", 0) if recipes else 0


def _without_paths(value):
    if isinstance(value, dict):
        return {key: _without_paths(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_paths(item) for item in value]
    return os.path.basename(value) if isinstance(value, str) and os.path.isabs(value) else value


def validate(checkpoint, device):
    """(thresholds per class, scores) on the validation recordings, with overlapping windows as in use."""
    settings = checkpoint["settings"]
    network, time_pooling = build(settings)
    network.load_state_dict(checkpoint["best"]["state"])
    network.to(device, memory_format=torch.channels_last)
    recordings = load(settings, "validation", time_pooling)
    hop, precision = settings["window"] // 2, autocast(device, "float32")
    workers = Workers(network, device, settings["batch"], threads=0)
    predictions = predict_all(workers, network, settings, recordings, checkpoint["scaler"], hop, time_pooling, precision)
    thresholds = best_thresholds(recordings, predictions, time_pooling)
    return thresholds, scores(recordings, predictions, thresholds, time_pooling), time_pooling


def manifest(args, checkpoint, thresholds, values, time_pooling, files):
    settings = checkpoint["settings"]
    recipe, seed = recipe_of(settings["training"][0], settings.get("init"))
    mean, deviation = (t.double().tolist() for t in checkpoint["scaler"])
    kept = {key: settings[key] for key in SETTINGS_KEPT if settings.get(key) is not None}
    foa = settings["format"] == "foa"
    return {
        "format": "earshot-model",
        "version": 1,
        "name": args.name,
        "summary": args.summary or f"{settings['network'].get('name', 'network')} for {settings['format']} recordings",
        "licence": args.licence or "as the recordings it was trained on: see data.recipe",
        "labels": settings["labels"],
        "features": {"preset": settings["preset"], "format": settings["format"], "channels": settings["channels"]},
        "input": {"order": "acn" if foa else "capsules", "normalization": "any" if foa else "none"},
        "scaler": {"mean": mean, "std": deviation},
        "output": settings["network"]["output"],
        "window": {"frames": settings["window"], "hopFrames": HOP, "lookaheadFrames": LOOKAHEAD},
        "timePooling": time_pooling,
        "thresholds": {
            "onset": [round(float(t), 3) for t in thresholds],
            "offset": [round(OFFSET_SHARE * float(t), 3) for t in thresholds],
        },
        "data": {"recipe": recipe, "seed": seed, "sha256": settings["dataSha256"]},
        "training": {
            **kept,
            "bestEpoch": checkpoint["best"]["epoch"],
            "epochsDone": checkpoint["epoch"],
            "trainedMinutes": round(checkpoint["seconds"] / 60, 1),
        },
        "scores": [{"on": "validation", "command": args.command, "values": values}],
        "files": files,
    }


def export(args):
    checkpoint = read_best(args.run)
    thresholds, values, time_pooling = validate(checkpoint, choose_device(args.device))
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    partial = out / ".partial"
    partial.mkdir(exist_ok=True)
    state = {key: value.contiguous() for key, value in checkpoint["best"]["state"].items() if value.is_floating_point()}
    save_file(state, partial / "weights.safetensors")
    (partial / "network.json").write_text(json.dumps(checkpoint["settings"]["network"], indent=2) + "\n")
    files = {name: hashlib.sha256((partial / name).read_bytes()).hexdigest() for name in ("network.json", "weights.safetensors")}
    text = json.dumps(manifest(args, checkpoint, thresholds, values, time_pooling, files), indent=2)
    (partial / "manifest.json").write_text(text + "\n")
    for file in partial.iterdir():
        os.replace(file, out / file.name)
    shutil.rmtree(partial)
    return values


def main(arguments):
    args = parse(arguments)
    try:
        values = export(args)
    except DataError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{args.out}: " + ", ".join(f"{key} {'-' if value is None else f'{value:.3f}'}" for key, value in values.items()) + " on validation")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
