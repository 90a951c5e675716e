# A synthetic data folder for the tests: plane waves, one class per band group, features written down from the FOA gains.
import csv
import json
from pathlib import Path

import numpy as np

from dataset import BANDS, FRAMES_PER_SECOND, HEADER, unit_vector

CLASSES = ["hum", "hiss", "beep"]
CHANNELS = ["logmel W", "logmel Y", "logmel Z", "logmel X", "IV X", "IV Y", "IV Z"]
FOLDER = "features-foa-paper-48k"
SPREAD = BANDS // len(CLASSES)


def plane_wave(vector, power):
    """FOA features (7, bands) of a plane wave from a unit vector; power (bands,): gains SN3D, intensity along the vector."""
    gains = np.array([1, vector[1], vector[2], vector[0]])  # W, Y, Z, X
    logmel = 10 * np.log10(np.maximum(gains[:, None] ** 2 * power, 1e-10))
    return np.concatenate([logmel, 0.04 * np.asarray(vector)[:, None] * (power > 1e-6)]).astype(np.float32)


def write_recording(folder, name, events, seconds, seed=0):
    """Writes features and metadata; events: [(class, start, end, elevation, azimuth)]."""
    noise = np.random.default_rng(seed)
    frames = seconds * FRAMES_PER_SECOND
    features = noise.normal(0, 1, (len(CHANNELS), frames, BANDS)).astype(np.float32)
    features[:4] -= 70
    features[4:] *= 1e-3
    for label, start, end, elevation, azimuth in events:
        band = CLASSES.index(label) * SPREAD
        power = np.zeros(BANDS)
        power[band : band + SPREAD] = 1e-3
        span = slice(int(start * FRAMES_PER_SECOND), int(end * FRAMES_PER_SECOND))
        wave = plane_wave(unit_vector(azimuth, elevation), power)
        here = slice(band, band + SPREAD)
        features[:, span, here] = wave[:, None, here]
    for part in (FOLDER, "metadata_dev"):
        (Path(folder) / part).mkdir(parents=True, exist_ok=True)
    np.save(Path(folder) / FOLDER / f"{name}.npy", features)
    with open(Path(folder) / "metadata_dev" / f"{name}.csv", "w", newline="") as file:
        csv.writer(file).writerows([HEADER, *([label, s, e, ele, azi, 1] for label, s, e, ele, azi in events)])


def minute(seed=0):
    """Events that fill a minute, one after the other, with gaps; they begin and end with a label frame of 100 ms."""
    draw, at, events = np.random.default_rng(seed), 0.5, []
    while at < 57:
        duration = int(draw.integers(5, 21)) / 10
        label = CLASSES[int(draw.integers(len(CLASSES)))]
        events.append((label, round(at, 1), round(at + duration - 0.03, 2), int(draw.integers(-4, 5)) * 10, int(draw.integers(-18, 18)) * 10))
        at += duration + int(draw.integers(5, 16)) / 10
    return events


def small_network():
    """A description of models/networks with narrow layers."""
    description = json.loads((Path(__file__).parent.parent / "networks" / "res-scse-crnn.json").read_text())
    stages = [{**stage, "filters": 12} for stage in description["stages"]]
    return {**description, "stages": stages, "gru": {**description["gru"], "units": 24}, "headUnits": 24, "norm": {"epsilon": 1e-3, "momentum": 0.1}}
