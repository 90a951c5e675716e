import json
import math
import shutil
import tempfile
import unittest
from pathlib import Path

import numpy as np
import torch

from dataset import DataError, Recording, unit_vector
from evaluate import best_thresholds, scores
from export import main as export
from loss import accdoa_loss, sed_doa_loss
from network import build_network
from settings import parse
from synthetic_minute import CHANNELS, CLASSES, minute, small_network, write_recording
from train import train
from watch import Watch


class Losses(unittest.TestCase):
    def setUp(self):
        # one window, one label frame, two classes: the first active from the left (y), the second silent
        self.activity = torch.tensor([[[1.0, 0.0]]])
        self.direction = torch.tensor([[[[0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]]])
        self.doa = torch.tensor([[[0.1, 0.9, 0.5, 0.9, 0.0, 0.9]]])  # x of both classes, y of both, z of both

    def test_bce_and_masked_mse_are_those_worked_out_by_hand(self):
        logits = torch.tensor([[[math.log(3), 0.0]]])  # likelihoods 0.75 and 0.5
        bce = -(math.log(0.75) + math.log(0.5)) / 2
        mse = (0.1**2 + 0.5**2 + 0) / 3  # the silent class counts nothing
        self.assertAlmostEqual(sed_doa_loss(logits, self.doa, self.activity, self.direction, 2.0).item(), bce + 2 * mse, places=6)

    def test_silence_has_no_direction_loss(self):
        silence = torch.zeros(1, 1, 2)
        value = sed_doa_loss(torch.zeros(1, 1, 2), self.doa, silence, torch.zeros(1, 1, 2, 3), 2.0).item()
        self.assertAlmostEqual(value, math.log(2), places=6)

    def test_accdoa_compares_vectors_of_all_classes(self):
        expected = (0.1**2 + 0.5**2 + 0 + 3 * 0.9**2) / 6
        self.assertAlmostEqual(accdoa_loss(None, self.doa, self.activity, self.direction, 2.0).item(), expected, places=6)


class Scores(unittest.TestCase):
    def test_one_missed_and_one_wrong_segment(self):
        # three seconds of label frames of 100 ms; class 0 in seconds 1 and 2, predicted: class 0 in 1, class 1 in 2 and 3
        activity, predicted = np.zeros((30, 2), np.float32), np.zeros((30, 2), np.float32)
        activity[:20, 0] = 1
        predicted[:10, 0], predicted[10:, 1] = 0.9, 0.9
        direction = np.zeros((30, 2, 3), np.float32)
        direction[:20, 0] = unit_vector(30, 0)
        estimate = np.zeros_like(direction)
        estimate[:10, 0] = 0.5 * unit_vector(50, 0)
        result = scores([Recording("a", None, activity, direction)], [(predicted, estimate)], 0.5, 5)
        self.assertAlmostEqual(result["ER"], 2 / 2)  # a substitution and an insertion, two reference segments
        self.assertAlmostEqual(result["F1"], 2 * 1 / (2 + 3))
        self.assertAlmostEqual(result["DE"], 20, places=3)
        self.assertAlmostEqual(result["FR"], 2 / 3)

    def test_thresholds_separate_each_class_where_its_scores_do(self):
        activity = np.zeros((100, 2), np.float32)
        activity[:50] = 1
        predicted = np.where(activity > 0, [[0.35, 0.95]], [[0.15, 0.65]])
        found = best_thresholds([Recording("a", None, activity, None)], [(predicted, None)], 5)
        self.assertTrue(0.15 < found[0] < 0.35 and 0.65 < found[1] < 0.95, found)


class Networks(unittest.TestCase):
    def test_every_network_gives_label_frames_for_both_formats(self):
        for file in (Path(__file__).parent.parent / "networks").glob("*.json"):
            description = json.loads(file.read_text())
            pooling = math.prod(stage["timePool"] for stage in description["stages"])
            for channels in (7, 10):
                with torch.no_grad():
                    activity, doa = build_network(description, channels, 11).eval()(torch.zeros(1, channels, 50, 64))
                self.assertEqual(activity.shape, (1, 50 // pooling, 11), file.name)
                self.assertEqual(doa.shape, (1, 50 // pooling, 33), file.name)


class StopAfter(Watch):
    """A kill right after an epoch."""

    def __init__(self, epochs):
        super().__init__(as_json=True)
        self.epochs = epochs

    def epoch(self, record):
        self.stopped = record["epoch"] == self.epochs


class Runs(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = Path(temporary.name)
        write_recording(self.folder / "data", "split1_minute", minute(), 60)
        (self.folder / "network.json").write_text(json.dumps(small_network()))

    def arguments(self, run, *more):
        data = str(self.folder / "data")
        fixed = ["--network", str(self.folder / "network.json"), "--format", "foa", "--preset", "paper-48k", "--threads", "1"]
        named = ["--labels", ",".join(CLASSES), "--channels", ",".join(CHANNELS), "--train", data, "--validation", data]
        return parse([*fixed, *named, "--run", str(self.folder / run), "--precision", "float32", "--batch", "8", *more])

    def train(self, run, *more, stop_after=None):
        complete = train(self.arguments(run, *more), StopAfter(stop_after))
        return complete, torch.load(self.folder / run / "checkpoint.pt", weights_only=True)

    def test_a_stopped_run_goes_on_to_the_same_result(self):
        complete, straight = self.train("straight", "--epochs", "4")
        self.assertTrue(complete)
        stopped, half = self.train("resumed", "--epochs", "4", stop_after=2)
        self.assertEqual((stopped, half["epoch"]), (False, 2))
        _, resumed = self.train("resumed", "--epochs", "4")
        self.assertEqual([r["loss"] for r in resumed["history"]], [r["loss"] for r in straight["history"]])
        for key, value in straight["network"].items():
            self.assertTrue(torch.equal(value, resumed["network"][key]), key)
        lines = (self.folder / "resumed" / "metrics.jsonl").read_text().splitlines()
        self.assertEqual([json.loads(line)["epoch"] for line in lines], [1, 2, 3, 4])

    @unittest.skipUnless(shutil.which("g++"), "torch.compile needs g++ (apt-get install g++)")
    def test_compiled_steps_learn_what_plain_ones_do(self):
        shallow = small_network()
        (self.folder / "network.json").write_text(json.dumps(shallow | {"stages": [{"filters": 4, "timePool": 5, "bandPool": 8}]}))
        _, plain = self.train("plain", "--epochs", "2", "--threads", "2", "--batch", "16")
        _, compiled = self.train("compiled", "--epochs", "2", "--threads", "2", "--batch", "16", "--compile")
        for a, b in zip(plain["history"], compiled["history"]):
            self.assertAlmostEqual(a["loss"], b["loss"], places=4)
        self.assertEqual(plain["network"].keys(), compiled["network"].keys())

    def test_a_run_begun_with_other_settings_is_not_continued(self):
        self.train("run", "--epochs", "1")
        with self.assertRaises(DataError) as caught:
            self.train("run", "--epochs", "1", "--rate", "0.01")
        self.assertIn("rate", str(caught.exception))

    def test_one_minute_is_learnt_by_heart_and_exported(self):
        self.train("run", "--epochs", "80", "--augment", "none", "--rate", "0.01")
        records = [json.loads(line) for line in (self.folder / "run" / "metrics.jsonl").read_text().splitlines()]
        best = min(records, key=lambda record: record["SELD"])
        self.assertEqual(best["F1"], 1.0, best)
        self.assertEqual(best["ER"], 0.0)
        self.assertLess(best["DE"], 10)
        self.assertEqual(export(["--run", str(self.folder / "run"), "--out", str(self.folder / "model"), "--name", "minute"]), 0)
        manifest = json.loads((self.folder / "model" / "manifest.json").read_text())
        self.assertEqual(manifest["scores"][0]["values"]["F1"], 1.0)
        self.assertEqual((len(manifest["scaler"]["mean"]), len(manifest["scaler"]["mean"][0])), (7, 64))
        self.assertEqual(set(manifest["files"]), {"network.json", "weights.safetensors"})
        self.assertNotIn(str(self.folder), json.dumps(manifest))


if __name__ == "__main__":
    unittest.main()
