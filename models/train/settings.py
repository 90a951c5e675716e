# What a run may be told, and what of it decides its result.
import argparse
import json
import os
from pathlib import Path

from dataset import FOLDS, DataError, data_hash
from warm_start import read_start

WINDOW = 300  # feature frames, 6 s


def parse(arguments):
    p = argparse.ArgumentParser(description="Trains a network; normally started by `earshot train`.")
    p.add_argument("--network", required=True, help="network description, a JSON file")
    p.add_argument("--format", required=True, choices=["foa", "mic"])
    p.add_argument("--preset", required=True, help="feature preset, e.g. paper-48k")
    p.add_argument("--labels", required=True, help="classes in output order, with commas")
    p.add_argument("--channels", required=True, help="feature channels in tensor order, with commas")
    p.add_argument("--data", help="folders with all splits, with commas; needs --fold")
    p.add_argument("--fold", type=int, choices=list(FOLDS))
    p.add_argument("--train", help="folders to train on, with commas")
    p.add_argument("--validation", help="folders that choose epoch and thresholds, with commas")
    p.add_argument("--run", required=True, help="run folder: checkpoint.pt, metrics.jsonl")
    p.add_argument("--init", help="begin with the weights of this run, model folder, checkpoint.pt or .safetensors file; what does not fit starts fresh")
    p.add_argument("--epochs", type=int, default=50, help="passes over the training data at most")
    p.add_argument("--minutes", type=float, help="wall time after which the run ends, its schedule complete")
    p.add_argument("--optimizer", choices=["adamw", "adam"], default="adamw")
    p.add_argument("--schedule", choices=["one-cycle", "constant"], default="one-cycle")
    p.add_argument("--rate", type=float, default=2e-3, help="highest learning rate")
    p.add_argument("--direction-weight", type=float, default=2.0, help="of the directions' loss beside that of the activity")
    p.add_argument("--batch", type=int, default=32, help="windows per step")
    p.add_argument("--augment", choices=["all", "none"], default="all")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--normalization", choices=["sn3d", "n3d"], help="of the training data; default: its synth.json, else n3d")
    p.add_argument("--device", default="auto", help="auto, cpu, cuda")
    p.add_argument("--precision", choices=["auto", "float32", "bfloat16"], default="auto", help="auto: the faster one, measured")
    p.add_argument("--compile", action="store_true", help="compile the convolutions first: minutes of waiting, then steps take about 3/4 of the time")
    p.add_argument("--threads", type=int, default=0, help="CPU threads; 0: all cores")
    p.add_argument("--json", action="store_true", help="one JSON object per epoch on standard output")
    return p.parse_args(arguments)


def read_sources(args):
    """(training folders, splits), (validation folders, splits): splits are None without --fold."""
    if args.fold and args.data:
        folders = [os.path.abspath(folder) for folder in args.data.split(",")]
        training, validation = FOLDS[args.fold]
        return (folders, list(training)), (folders, [validation])
    if not (args.train and args.validation):
        raise DataError("Nothing to train on: give --data DIR --fold K, or --train DIR --validation DIR.")
    return ([os.path.abspath(f) for f in args.train.split(",")], None), ([os.path.abspath(f) for f in args.validation.split(",")], None)


def read_normalization(args, folder):
    recipe = Path(folder) / "synth.json"
    if args.normalization or not recipe.exists():
        return args.normalization or "n3d"
    return json.loads(recipe.read_text()).get("normalization", "n3d")


def read_settings(args):
    """All that decides the result of a run, as plain values: kept in its checkpoint."""
    training, validation = read_sources(args)
    labels, channels = args.labels.split(","), args.channels.split(",")
    features = f"features-{args.format}-{args.preset}"
    return {
        "network": json.loads(Path(args.network).read_text()) | {"channels": len(channels), "classes": len(labels)},
        "format": args.format,
        "preset": args.preset,
        "labels": labels,
        "channels": channels,
        "features": features,
        "training": training,
        "validation": validation,
        "dataSha256": data_hash(sorted({*training[0], *validation[0]}), features),
        "normalization": read_normalization(args, training[0][0]),
        "epochs": args.epochs,
        "minutes": args.minutes,
        "optimizer": args.optimizer,
        "schedule": args.schedule,
        "rate": args.rate,
        "batch": args.batch,
        "window": WINDOW,
        "augment": args.augment,
        "directionWeight": args.direction_weight,
        "init": read_start(args.init).origin if args.init else None,
        "seed": args.seed,
    }
