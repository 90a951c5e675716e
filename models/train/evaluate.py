# Scores of the validation recordings, only to choose the epoch and the thresholds: the official scorer is
# `earshot field evaluate`. Segments here are ten label frames of 100 ms or fifty of 20 ms, directions are compared per class.
import numpy as np
import torch

from dataset import FRAMES_PER_SECOND

THRESHOLDS = np.arange(1, 10) / 10
BATCH = 32


def predict_all(workers, network, settings, recordings, scaler, hop, time_pooling, precision):
    """As predict, with the recordings shared among the workers; in the order of the recordings."""
    shares = [list(range(worker, len(recordings), workers.count)) for worker in range(workers.count)]

    def work(share):
        return predict(network, settings, [recordings[i] for i in share], scaler, hop, time_pooling, precision)

    found = {i: prediction for share, part in zip(shares, workers.map(work, shares)) for i, prediction in zip(share, part)}
    return [found[i] for i in range(len(recordings))]


def predict(network, settings, recordings, scaler, hop, time_pooling, precision):
    """[(activity (labels, classes), direction (labels, classes, 3))] of each recording, from overlapping windows.

    The network is in eval mode. A label frame is the mean over its windows, weighted linearly towards their centres, as the runtime merges them.
    """
    device, window = next(network.parameters()).device, settings["window"]
    mean, deviation = (t.numpy() for t in scaler)
    likelihood = torch.sigmoid if settings["network"]["output"] == "sed+doa" else torch.nn.Identity()
    results = [_Sums(recording) for recording in recordings]
    places = [(i, start) for i, r in enumerate(recordings) for start in _starts(r.features.shape[1], window, hop, time_pooling)]
    for at in range(0, len(places), BATCH):
        group = places[at : at + BATCH]
        batch = np.zeros((len(group), *mean.shape[:1], window, mean.shape[1]), np.float32)
        for row, (i, start) in zip(batch, group):
            cut = recordings[i].features[:, start : start + window]
            row[:, : cut.shape[1]] = (cut - mean[:, None]) / deviation[:, None]
        with torch.no_grad(), precision():
            logits, doa = network(torch.from_numpy(batch).to(device))
        activity = likelihood(logits.float()).cpu().numpy()
        direction = doa.float().unflatten(-1, (3, -1)).transpose(-1, -2).cpu().numpy()
        for row, (i, start) in enumerate(group):
            results[i].add(start // time_pooling, activity[row], direction[row])
    return [result.mean() for result in results]


def _starts(frames, window, hop, time_pooling):
    last = max(0, frames - window) // time_pooling * time_pooling
    return [*range(0, last, hop), last]


class _Sums:
    def __init__(self, recording):
        self.weight = np.zeros(len(recording.activity), np.float32)
        self.activity = np.zeros_like(recording.activity)
        self.direction = np.zeros_like(recording.direction)

    def add(self, first, activity, direction):
        count = min(len(activity), len(self.weight) - first)
        ramp = np.minimum(np.arange(1, len(activity) + 1), np.arange(len(activity), 0, -1))[:count].astype(np.float32)
        here = slice(first, first + count)
        self.weight[here] += ramp
        self.activity[here] += ramp[:, None] * activity[:count]
        self.direction[here] += ramp[:, None, None] * direction[:count]

    def mean(self):
        weight = np.maximum(self.weight, 1)
        return self.activity / weight[:, None], self.direction / weight[:, None, None]


def segments(active, labels_per_second):
    """Activity (labels, classes) to one-second segments: active anywhere in them."""
    count = -(-len(active) // labels_per_second)
    padded = np.zeros((count * labels_per_second, active.shape[1]), bool)
    padded[: len(active)] = active
    return padded.reshape(count, labels_per_second, -1).any(1)


def scores(recordings, predictions, thresholds, time_pooling):
    """ER, F1 (one-second segments), DE (degrees, right class only; None without a match), FR (label frames), SELD (mean of the four)."""
    per_second = FRAMES_PER_SECOND // time_pooling
    true_positive = reference_count = estimate_count = errors = frames = right_count = 0
    angles = []
    for recording, (activity, direction) in zip(recordings, predictions):
        reference, estimate = recording.activity >= 0.5, activity > thresholds
        t, e = segments(recording.activity > 0, per_second), segments(estimate, per_second)
        true_positive += (t & e).sum()
        reference_count += t.sum()
        estimate_count += e.sum()
        missed, extra = (t & ~e).sum(1), (e & ~t).sum(1)
        errors += np.maximum(missed, extra).sum()  # substitutions, deletions and insertions of each segment
        frames += len(reference)
        right_count += (reference.sum(1) == estimate.sum(1)).sum()
        both = reference & estimate
        angles.append(angle_between(recording.direction[both], direction[both]))
    angles = np.concatenate(angles)
    er = errors / max(reference_count, 1)
    f1 = 2 * true_positive / max(reference_count + estimate_count, 1)
    de = float(angles.mean()) if len(angles) else None
    fr = right_count / frames
    seld = (er + (1 - f1) + (180 if de is None else de) / 180 + (1 - fr)) / 4
    return {"ER": float(er), "F1": float(f1), "DE": de, "FR": float(fr), "SELD": float(seld)}


def angle_between(a, b):
    """Degrees between vectors (n, 3), of any length."""
    cosine = (a * b).sum(-1) / np.maximum(np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1), 1e-9)
    return np.degrees(np.arccos(np.clip(cosine, -1, 1)))


def best_thresholds(recordings, predictions, time_pooling):
    """Per class the threshold of 0.1, 0.2 ... 0.9 with the best segment F1; the middle one of equals."""
    per_second = FRAMES_PER_SECOND // time_pooling
    reference = np.concatenate([segments(r.activity > 0, per_second) for r in recordings])
    f1 = []
    for threshold in THRESHOLDS:
        estimate = np.concatenate([segments(activity > threshold, per_second) for activity, _ in predictions])
        f1.append(2 * (reference & estimate).sum(0) / np.maximum(reference.sum(0) + estimate.sum(0), 1))
    f1 = np.array(f1)  # (thresholds, classes)
    return np.array([THRESHOLDS[(ties := np.flatnonzero(row == row.max()))[len(ties) // 2]] for row in f1.T])
