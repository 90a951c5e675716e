# The state of a training run and its checkpoint: enough to go on after a stop with the same result, and to export.
import copy
import json
import os
from pathlib import Path

import torch

from dataset import DataError

AVERAGE_DECAY = 0.995  # of the moving average of the weights, per step
PLAIN = ("settings", "epoch", "step", "seconds", "validation_seconds", "history", "best", "scaler")
NEW_SETTINGS = {"directionWeight": 2.0}  # what checkpoints without them were trained with
STATEFUL = ("network", "average", "optimizer")


class Run:
    """The state of a run: everything that a checkpoint keeps."""

    def __init__(self, settings, network, device):
        self.settings, self.device = settings, device
        self.network = network.to(device, memory_format=torch.channels_last).train()
        self.average = copy.deepcopy(self.network).eval().requires_grad_(False)
        optimizer = torch.optim.AdamW if settings["optimizer"] == "adamw" else torch.optim.Adam
        self.optimizer = optimizer(self.network.parameters(), lr=settings["rate"])
        self.epoch = self.step = 0
        self.seconds = self.validation_seconds = 0.0
        self.history, self.best, self.scaler = [], None, None

    def progress(self, share_of_epoch, seconds_in_epoch):
        """How far the run is, 0..1: the farther of epochs and minutes, which leave time for one more validation."""
        by_epochs = (self.epoch + share_of_epoch) / self.settings["epochs"]
        if self.settings["minutes"] is None:
            return by_epochs
        budget = 60 * self.settings["minutes"] - self.validation_seconds
        return max(by_epochs, (self.seconds + seconds_in_epoch) / max(budget, 1))

    def update_average(self):
        """Moving average of weights and batch statistics; young averages forget faster."""
        self.step += 1
        decay = min(AVERAGE_DECAY, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for mean, value in zip(self.average.state_dict().values(), self.network.state_dict().values()):
                if mean.is_floating_point():
                    mean.lerp_(value, 1 - decay)
                else:
                    mean.copy_(value)

    def save(self, folder):
        state = {key: getattr(self, key) for key in PLAIN}
        state |= {key: getattr(self, key).state_dict() for key in STATEFUL}
        torch.save(state, folder / "checkpoint.pt.partial")
        os.replace(folder / "checkpoint.pt.partial", folder / "checkpoint.pt")
        (folder / "metrics.jsonl.partial").write_text("".join(json.dumps(record) + "\n" for record in self.history))
        os.replace(folder / "metrics.jsonl.partial", folder / "metrics.jsonl")

    def restore(self, folder):
        state = read_checkpoint(folder)
        differing = [key for key in self.settings if state["settings"].get(key, NEW_SETTINGS.get(key)) != self.settings[key]]
        if differing:
            key = differing[0]
            raise DataError(
                f"{folder} was begun with other settings ({', '.join(differing)}; {key}: {str(state['settings'].get(key))[:80]}, "
                f"now {str(self.settings[key])[:80]}): give the same ones to go on, or another --run."
            )
        for key in PLAIN:
            setattr(self, key, state[key])
        for key in STATEFUL:
            getattr(self, key).load_state_dict(state[key])


def read_checkpoint(folder, name="checkpoint.pt"):
    return torch.load(Path(folder) / name, map_location="cpu", weights_only=True)
