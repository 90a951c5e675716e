# Trains a network on features and labels; a run folder holds all that is needed to go on after a stop, and to export.
# Started by `earshot train`, which knows the labels and feature channels; see README.md.
import math
import sys
import time
from pathlib import Path

import numpy as np
import torch

from augment import augment, scale
from checkpoint import Run
from dataset import BANDS, FRAMES_PER_SECOND, DataError, Windows, load_recordings, scaler, seconds_of
from evaluate import predict_all, scores
from loss import LOSSES
from machine import autocast, check_room, choose_device, choose_precision
from network import build_network
from parallel import Workers
from settings import parse, read_settings
from warm_start import read_start, warm_start
from watch import Watch, left

WARM_UP = 0.1  # share of the one-cycle schedule with a rising rate
CLIP_NORM = 1.0
THRESHOLD = 0.5  # for choosing the epoch; the exported thresholds are chosen per class
STOPPED = 130  # exit code after Ctrl-C, as shells have it


def build(settings):
    """The network of the settings, and how many feature frames one label frame spans."""
    torch.manual_seed(settings["seed"])
    network = build_network(settings["network"])
    network.eval()
    with torch.no_grad():
        logits, _ = network(torch.zeros(1, len(settings["channels"]), settings["window"], BANDS))
    return network, settings["window"] // logits.shape[1]


def load(settings, part, time_pooling):
    folders, splits = settings[part]
    return load_recordings(folders, settings["labels"], len(settings["channels"]), settings["features"], time_pooling, splits)


def learning_rate(settings, progress):
    """Rate at a progress of 0..1: rises and falls along cosines (one-cycle) or stays."""
    if settings["schedule"] == "constant":
        return settings["rate"]
    if progress < WARM_UP:
        return settings["rate"] * (0.04 + 0.96 * (1 - math.cos(math.pi * progress / WARM_UP)) / 2)
    return settings["rate"] * (1e-3 + (1 - 1e-3) * (1 + math.cos(math.pi * min(1, (progress - WARM_UP) / (1 - WARM_UP)))) / 2)


def batch_losses(run, windows, workers, precision):
    """losses(worker, network): the loss of a fresh batch of this epoch, augmented; each worker draws for itself."""
    settings, device = run.settings, run.device
    seeds = [[settings["seed"], run.epoch, worker] for worker in range(workers.count)]
    draws = [np.random.default_rng(seed) for seed in seeds]
    augmenting = [torch.Generator().manual_seed(int(np.random.SeedSequence(seed).generate_state(1)[0])) for seed in seeds]
    mean, deviation = (t.to(device) for t in run.scaler)
    loss = LOSSES[settings["network"]["output"]]

    def losses(worker, network):
        features, activity, direction = (t.to(device) for t in windows.batch(workers.part, draws[worker]))
        if settings["augment"] == "all":
            features, direction = augment(
                features, direction, settings["format"], settings["normalization"], mean, deviation, augmenting[worker]
            )
        else:
            features = scale(features, mean, deviation)
        with precision():
            activity_scores, doa = network(features.contiguous(memory_format=torch.channels_last))
        return loss(activity_scores, doa, activity, direction, settings["directionWeight"])

    return losses


def train_epoch(run, windows, steps, workers, precision, watch):
    """One pass over the data, or less when the minutes are over; returns the mean loss, None when there was no step."""
    settings = run.settings
    losses = batch_losses(run, windows, workers, precision)
    total, started = 0.0, time.perf_counter()
    for step in range(steps):
        progress = run.progress(step / steps, time.perf_counter() - started)
        if progress >= 1 or watch.stopped:
            return total / step if step else None
        for group in run.optimizer.param_groups:
            group["lr"] = learning_rate(settings, progress)
        value = workers.gradients(losses)
        if not math.isfinite(value):
            raise DataError(f"The loss became {value} in epoch {run.epoch + 1}: lower --rate or use --precision float32.")
        torch.nn.utils.clip_grad_norm_(run.network.parameters(), CLIP_NORM)
        run.optimizer.step()
        workers.share_weights()
        run.update_average()
        total += value
        watch.show(run, step + 1, steps, time.perf_counter() - started)
    return total / steps


def finish_epoch(run, mean_loss, validation, workers, time_pooling, precision, started, trained_seconds, steps):
    """Validates the averaged weights, keeps them if they are the best, and returns the epoch's record."""
    begun = time.perf_counter()
    settings = run.settings
    predictions = predict_all(workers, run.average, settings, validation, run.scaler, settings["window"], time_pooling, precision)
    result = scores(validation, predictions, THRESHOLD, time_pooling)
    run.epoch += 1
    best = run.best is None or result["SELD"] < run.best["scores"]["SELD"]
    if best:
        state = {key: value.detach().cpu().clone() for key, value in run.average.state_dict().items()}
        run.best = {"epoch": run.epoch, "scores": result, "state": state}
    run.validation_seconds = time.perf_counter() - begun
    run.seconds += time.perf_counter() - started
    record = {
        "epoch": run.epoch,
        "rate": run.optimizer.param_groups[0]["lr"],
        "loss": mean_loss,
        **result,
        "best": best,
        "speed": steps * settings["batch"] * settings["window"] / FRAMES_PER_SECOND / trained_seconds,
        "seconds": run.seconds,
        "left": left(run, 0, 0),
    }
    run.history.append(record)
    return record


def begin_warm(run, path, watch):
    taken, fresh, unused = warm_start(run, read_start(path))
    said = f"Begins with {len(taken)} tensors of {path}."
    if fresh:
        said += f" Fresh: {', '.join(fresh)}."
    if unused:
        said += f" No place for: {', '.join(unused)}."
    watch.say(said)


def train(args, watch):
    """Trains to the end, or until the watch is stopped; True when the run is complete."""
    settings = read_settings(args)
    folder, device = Path(args.run), choose_device(args.device)
    folder.mkdir(parents=True, exist_ok=True)
    network, time_pooling = build(settings)
    check_room(network, settings, folder, device)
    training, validation = load(settings, "training", time_pooling), load(settings, "validation", time_pooling)
    run = Run(settings, network, device)
    if (folder / "checkpoint.pt").exists():
        run.restore(folder)
        watch.say(f"Going on after epoch {run.epoch} of {folder}.")
    else:
        run.scaler = tuple(map(torch.from_numpy, scaler(training)))
        if args.init:
            begin_warm(run, args.init, watch)
    workers = Workers(run.network, device, settings["batch"], args.threads)
    workers.share_weights()
    [chosen] = workers.map(choose_precision, [args.precision], [run.network], [settings], [device])
    precision = autocast(device, chosen)
    watch.say(
        f"{len(training)} recordings ({seconds_of(training) / 60:.0f} min) to train on, {len(validation)} "
        f"({seconds_of(validation) / 60:.0f} min) to validate; {sum(p.numel() for p in network.parameters())} parameters, {device}, {chosen}, {workers.count} workers."
    )
    windows = Windows(training, settings["window"], time_pooling, run.scaler[0].numpy())
    if args.compile:
        watch.say("Compiling ...")
        workers.compile(batch_losses(run, windows, workers, precision))
    steps = max(1, round(seconds_of(training) * FRAMES_PER_SECOND / settings["window"] / settings["batch"]))
    while run.progress(0, 0) < 1:
        started, first = time.perf_counter(), run.step
        mean_loss = train_epoch(run, windows, steps, workers, precision, watch)
        if watch.stopped:
            return False
        if mean_loss is None:
            break
        record = finish_epoch(run, mean_loss, validation, workers, time_pooling, precision, started, time.perf_counter() - started, run.step - first)
        run.save(folder)
        watch.epoch(record)
    watch.say(f"Best epoch: {run.best['epoch']}. {folder / 'checkpoint.pt'}")
    return True


def main(arguments):
    args = parse(arguments)
    watch = Watch(args.json)
    watch.listen()
    try:
        if train(args, watch):
            return 0
    except DataError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"\nStopped. The same command goes on after the last whole epoch; {args.run} keeps it.", file=sys.stderr)
    return STOPPED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
