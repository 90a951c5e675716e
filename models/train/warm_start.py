# Begins a run with the weights of another one: of our checkpoints, of a model folder, or of a safetensors file.
import hashlib
import json
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from checkpoint import read_checkpoint
from dataset import DataError


class Start(NamedTuple):
    weights: dict  # name -> tensor
    scaler: tuple | None  # mean and deviation (channels, bands), where they are known
    features: tuple | None  # (format, preset) that the scaler belongs to
    origin: dict  # what a model trained from it must say: file, its sha256, and the data behind it where it is known


def read_start(path):
    """Start of a checkpoint.pt or its folder, a safetensors file, or a model folder. Raises DataError saying what is wrong with it."""
    path = Path(path)
    if path.is_dir():
        held = [path / name for name in ("checkpoint.pt", "weights.safetensors") if (path / name).exists()]
        if not held:
            raise DataError(f"--init {path} holds neither checkpoint.pt nor weights.safetensors: name a run folder, a model folder or a file.")
        path = held[0]
    if not path.exists():
        raise DataError(f"--init {path} does not exist: name a run folder, a model folder, a checkpoint.pt or a .safetensors file.")
    return _of_checkpoint(path) if path.suffix == ".pt" else _of_safetensors(path)


def _origin(path, data):
    return {"file": f"{path.resolve().parent.name}/{path.name}", "sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "data": data}


def _of_checkpoint(path):
    try:
        checkpoint = read_checkpoint(path.parent, path.name)
        settings, best = checkpoint["settings"], checkpoint["best"]
    except Exception as error:  # torch.load raises whatever its unpickler meets in a file that is none
        raise DataError(f"--init {path} is no checkpoint of this trainer ({type(error).__name__}: {error}).") from error
    if not best:
        raise DataError(f"--init {path} has no finished epoch yet.")
    data = {"sha256": settings["dataSha256"], "before": settings.get("init")}
    return Start(best["state"], checkpoint["scaler"], (settings["format"], settings["preset"]), _origin(path, data))


def _of_safetensors(path):
    try:
        weights = load_file(path)
    except (SafetensorError, OSError) as error:
        raise DataError(f"--init {path} is no safetensors file ({error}).") from error
    manifest = path.parent / "manifest.json"
    if not manifest.exists():
        return Start(weights, None, None, _origin(path, None))
    known = json.loads(manifest.read_text())
    scaler = tuple(torch.tensor(known["scaler"][key]) for key in ("mean", "std"))
    features = known["features"]
    return Start(weights, scaler, (features["format"], features["preset"]), _origin(path, known["data"]))


def warm_start(run, start):
    """Gives a new run the tensors of equal name and shape, and the scaler where the features are the same ones.

    Returns (names taken, names that start fresh, names of the start that found no place).
    """
    own = run.network.state_dict()
    taken = {name: value for name, value in start.weights.items() if name in own and own[name].shape == value.shape}
    if not taken:
        raise DataError(f"--init {run.settings['init']['file']} has no tensor in common with the network {run.settings['network'].get('name')}.")
    for network in (run.network, run.average):
        network.load_state_dict(taken, strict=False)
    if start.features == (run.settings["format"], run.settings["preset"]):
        run.scaler = tuple(value.float() for value in start.scaler)
    fresh = [name for name in own if name not in taken and own[name].is_floating_point()]
    return list(taken), fresh, [name for name in start.weights if name not in taken]
