# Recordings to train on: feature files of our own extractor joined with their metadata, checked, and cut into windows.
import csv
import hashlib
import math
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

FRAMES_PER_SECOND = 50  # of features, in both presets
BANDS = 64  # likewise
LOGMEL_CHANNELS = 4  # the first ones, in both formats
FOLDS = {1: ((3, 4), 2), 2: ((4, 1), 3), 3: ((1, 2), 4), 4: ((2, 3), 1)}  # fold: (training splits, validation split)
HEADER = ["sound_event_recording", "start_time", "end_time", "ele", "azi", "dist"]


class DataError(Exception):
    """Data the user can mend: one sentence with the file, what is wrong and the rule."""


class Recording(NamedTuple):
    name: str
    features: np.ndarray  # (channels, frames, bands), float32, unscaled, memory-mapped
    activity: np.ndarray  # (labels, classes), float32: share of the label frame's feature frames with the class, 0..1
    direction: np.ndarray  # (labels, classes, 3), float32: unit vector x, y, z where active, else 0


def load_recordings(folders, classes, channels, features_folder, time_pooling, splits=None):
    """All recordings of the folders, checked, in the order of their names.

    Each folder holds features-FORMAT-PRESET/NAME.npy (features_folder) and metadata_dev/NAME.csv; with splits, only names
    that begin with one of them (split3_...) count. channels: how many there must be. Raises DataError naming the bad file.
    """
    recordings = []
    for folder in map(Path, folders):
        features = _files(folder / features_folder, ".npy", splits)
        metadata = _files(folder / "metadata_dev", ".csv", splits)
        for name in sorted(metadata.keys() - features.keys()):
            raise DataError(f"{metadata[name]} has no features {name}.npy in {folder / features_folder}: compute them with 'earshot data features'.")
        for name in sorted(features.keys() - metadata.keys()):
            raise DataError(f"{features[name]} has no labels {name}.csv in {folder / 'metadata_dev'}: add them or remove it.")
        for name in sorted(features):
            values = load_features(features[name], channels)
            activity, direction = labels(read_events(metadata[name], classes), values.shape[1], len(classes))
            recordings.append(Recording(name, values, *pool(activity, direction, time_pooling)))
    if not recordings:
        wanted = f" of split {', '.join(map(str, splits))}" if splits else ""
        raise DataError(f"No recordings{wanted} in {', '.join(map(str, folders))}: {features_folder} and metadata_dev must hold some.")
    return recordings


def _files(folder, suffix, splits):
    if not folder.is_dir():
        raise DataError(f"{folder} is missing: a data folder holds features-FORMAT-PRESET and metadata_dev.")
    found = {path.stem: path for path in folder.iterdir() if path.suffix == suffix}
    if splits is None:
        return found
    return {name: path for name, path in found.items() if (m := re.match(r"split(\d+)_", name)) and int(m[1]) in splits}


def load_features(path, channels):
    """(channels, frames, bands), memory-mapped; every value is read once to find NaN."""
    try:
        values = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise DataError(f"{path} is no whole .npy file ({error}): compute the features again.") from error
    if values.ndim != 3 or values.shape[0] != channels or values.shape[2] != BANDS or values.dtype != np.float32:
        raise DataError(f"{path} holds {values.dtype} {values.shape}, there must be float32 ({channels}, frames, {BANDS}).")
    if not np.isfinite(values).all():
        raise DataError(f"{path} holds NaN or infinite features: check its recording and compute them again.")
    return values


def read_events(path, classes):
    """[(class index, start seconds, end seconds, unit vector)] of a metadata file, in its order."""
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    if not rows or rows[0] != HEADER:
        raise DataError(f"{path} must begin with the line {','.join(HEADER)}.")
    return [_event(f"{path}, line {number}", row, classes) for number, row in enumerate(rows[1:], 2) if row]


def _event(where, row, classes):
    if len(row) != len(HEADER):
        raise DataError(f"{where} has {len(row)} columns, there must be {len(HEADER)}: {','.join(HEADER)}.")
    if row[0] not in classes:
        raise DataError(f"{where}: class {row[0]} is not in the label set ({', '.join(classes)}).")
    try:
        start, end, elevation, azimuth = map(float, row[1:5])
    except ValueError as error:
        raise DataError(f"{where}: {error}; times and angles are numbers.") from error
    if not 0 <= start < end < math.inf:
        raise DataError(f"{where}: start {start} and end {end} must be seconds with 0 <= start < end.")
    if not (abs(elevation) <= 90 and abs(azimuth) <= 180):
        raise DataError(f"{where}: elevation {elevation} and azimuth {azimuth} must lie within ±90 and ±180 degrees.")
    return classes.index(row[0]), start, end, unit_vector(azimuth, elevation)


def unit_vector(azimuth, elevation):
    """x to the front, y to the left, z up; degrees."""
    a, e = math.radians(azimuth), math.radians(elevation)
    return np.array([math.cos(e) * math.cos(a), math.cos(e) * math.sin(a), math.sin(e)], np.float32)


def labels(events, frames, classes):
    """Activity (frames, classes) and direction (frames, classes, 3) at the feature frames.

    The official framing of 2019: floor(start * 50) to ceil(end * 50) inclusive; one direction per class, later rows win.
    """
    activity = np.zeros((frames, classes), np.float32)
    direction = np.zeros((frames, classes, 3), np.float32)
    for index, start, end, vector in events:
        span = slice(math.floor(start * FRAMES_PER_SECOND), math.ceil(end * FRAMES_PER_SECOND) + 1)
        activity[span, index] = 1
        direction[span, index] = vector
    return activity, direction


def pool(activity, direction, time_pooling):
    """To label frames: activity becomes its share of the frames, the direction is that of the last active frame."""
    count = len(activity) // time_pooling
    active = activity[: count * time_pooling].reshape(count, time_pooling, -1)
    vectors = direction[: count * time_pooling].reshape(count, time_pooling, *direction.shape[1:])
    pooled = np.zeros_like(vectors[:, 0])
    for k in range(time_pooling):
        pooled = np.where(active[:, k, :, None] > 0, vectors[:, k], pooled)
    return active.mean(1), pooled


def scaler(recordings):
    """Mean and standard deviation per (channel, band) over all frames.

    A band in which next to nothing happens in training counts as 1/100 of the liveliest one of its kind (log-mel, or what
    tells directions), so that whatever happens there in use stays in bounds.
    """
    frames, total, squares = 0, 0.0, 0.0
    for recording in recordings:
        values = recording.features.astype(np.float64)
        frames += values.shape[1]
        total = total + values.sum(1)
        squares = squares + np.square(values).sum(1)
    mean = total / frames
    deviation = np.sqrt(np.maximum(squares / frames - mean**2, 0))
    liveliest = np.repeat([deviation[:LOGMEL_CHANNELS].max(), deviation[LOGMEL_CHANNELS:].max()], [LOGMEL_CHANNELS, len(deviation) - LOGMEL_CHANNELS])
    floor = np.maximum(liveliest[:, None] / 100, 1e-6)
    return mean.astype(np.float32), np.maximum(deviation, floor).astype(np.float32)


def seconds_of(recordings):
    return sum(recording.features.shape[1] for recording in recordings) / FRAMES_PER_SECOND


class Windows:
    """Windows cut at random places of the recordings, each recording in proportion to its length."""

    def __init__(self, recordings, window, time_pooling, fill):
        self.recordings, self.window, self.time_pooling, self.fill = recordings, window, time_pooling, fill
        lengths = np.array([recording.features.shape[1] for recording in recordings], np.float64)
        self.share = lengths / lengths.sum()

    def batch(self, size, random):
        """Features (size, channels, window, bands), activity (size, labels, classes), direction (size, labels, classes, 3).

        What a recording is too short to fill holds `fill` (channels, bands) and no activity.
        """
        channels, bands = self.fill.shape
        classes = self.recordings[0].activity.shape[1]
        count = self.window // self.time_pooling
        features = np.empty((size, channels, self.window, bands), np.float32)
        features[:] = self.fill[:, None]
        activity = np.zeros((size, count, classes), np.float32)
        direction = np.zeros((size, count, classes, 3), np.float32)
        for i, index in enumerate(random.choice(len(self.recordings), size, p=self.share)):
            recording = self.recordings[index]
            label = int(random.integers(0, max(0, len(recording.activity) - count) + 1))
            frame = label * self.time_pooling
            cut = recording.features[:, frame : frame + self.window]
            features[i, :, : cut.shape[1]] = cut
            known = recording.activity[label : label + count]
            activity[i, : len(known)] = known
            direction[i, : len(known)] = recording.direction[label : label + count]
        return torch.from_numpy(features), torch.from_numpy(activity), torch.from_numpy(direction)


def data_hash(folders, features_folder):
    """sha256 over the sorted (name, sha256) of all feature and metadata files of the folders."""
    lines = []
    for folder in map(Path, folders):
        for part, suffix in ((features_folder, "npy"), ("metadata_dev", "csv")):
            for path in (folder / part).glob(f"*.{suffix}"):
                with open(path, "rb") as file:
                    lines.append(f"{part}/{path.name} {hashlib.file_digest(file, 'sha256').hexdigest()}\n")
    return hashlib.sha256("".join(sorted(lines)).encode()).hexdigest()
