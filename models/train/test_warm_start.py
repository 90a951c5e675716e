import hashlib
import json
import tempfile
import unittest
from pathlib import Path

import torch
from safetensors.torch import load_file

from checkpoint import Run
from dataset import DataError
from export import main as export
from network import build_network
from settings import parse
from synthetic_minute import CHANNELS, CLASSES, minute, small_network, write_recording
from train import train
from warm_start import read_start, warm_start
from watch import Watch

MIC_FRESH = {"stages.0.block.shortcut.conv.weight", "stages.0.block.first.conv.weight"}


class WarmStarts(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        temporary = tempfile.TemporaryDirectory()
        cls.addClassCleanup(temporary.cleanup)
        cls.folder = Path(temporary.name)
        write_recording(cls.folder / "data", "split1_minute", minute(), 10)
        (cls.folder / "network.json").write_text(json.dumps(small_network()))
        cls.train("first")
        assert export(["--run", str(cls.folder / "first"), "--out", str(cls.folder / "model"), "--name", "first"]) == 0
        cls.best = torch.load(cls.folder / "first" / "checkpoint.pt", weights_only=True)["best"]["state"]

    @classmethod
    def train(cls, run, *more):
        data = str(cls.folder / "data")
        fixed = ["--network", str(cls.folder / "network.json"), "--format", "foa", "--preset", "paper-48k", "--threads", "1"]
        named = ["--labels", ",".join(CLASSES), "--channels", ",".join(CHANNELS), "--train", data, "--validation", data]
        args = parse([*fixed, *named, "--run", str(cls.folder / run), "--precision", "float32", "--batch", "8", "--epochs", "1", *more])
        train(args, Watch(as_json=True))
        return torch.load(cls.folder / run / "checkpoint.pt", weights_only=True)

    def fresh_run(self, channels, fmt):
        network = build_network(small_network(), channels, len(CLASSES))
        settings = {"optimizer": "adam", "rate": 1e-3, "format": fmt, "preset": "paper-48k", "network": small_network(), "init": {"file": "it"}}
        run = Run(settings, network, torch.device("cpu"))
        run.scaler = (torch.full((channels, 64), 5.0), torch.ones(channels, 64))
        return run

    def test_every_tensor_and_the_scaler_of_a_run_are_taken_for_the_same_features(self):
        run = self.fresh_run(7, "foa")
        taken, fresh, unused = warm_start(run, read_start(self.folder / "first"))
        self.assertEqual((fresh, unused), ([], []))
        for name in taken:
            self.assertTrue(torch.equal(run.network.state_dict()[name], self.best[name]), name)
            self.assertTrue(torch.equal(run.average.state_dict()[name], self.best[name]), name)
        self.assertTrue((run.scaler[0] != 5).all())

    def test_foa_gives_mic_all_but_the_first_convolutions_and_the_scaler(self):
        run = self.fresh_run(10, "mic")
        _, fresh, unused = warm_start(run, read_start(self.folder / "model"))
        self.assertEqual(set(fresh), MIC_FRESH)
        self.assertEqual(set(unused), MIC_FRESH)
        self.assertTrue((run.scaler[0] == 5).all())

    def test_the_run_and_its_model_say_what_they_began_with(self):
        weights = self.folder / "model" / "weights.safetensors"
        second = self.train("second", "--init", str(weights), "--rate", "1e-30")
        origin = second["settings"]["init"]
        self.assertEqual(origin["file"], "model/weights.safetensors")
        self.assertEqual(origin["sha256"], hashlib.sha256(weights.read_bytes()).hexdigest())
        name = "direction.out.weight"
        torch.testing.assert_close(second["network"][name], load_file(weights)[name], atol=1e-6, rtol=0)
        export(["--run", str(self.folder / "second"), "--out", str(self.folder / "out"), "--name", "second"])
        manifest = json.loads((self.folder / "out" / "manifest.json").read_text())
        self.assertIn(origin["sha256"], manifest["data"]["recipe"])

    def test_what_is_no_weights_is_refused_by_name(self):
        (self.folder / "bad.safetensors").write_bytes(b"no weights at all")
        (self.folder / "bad.pt").write_bytes(b"no checkpoint")
        (self.folder / "empty").mkdir()
        for name in ("bad.safetensors", "bad.pt", "empty", "nowhere.pt"):
            with self.assertRaises(DataError) as caught:
                read_start(self.folder / name)
            self.assertIn(name, str(caught.exception))


if __name__ == "__main__":
    unittest.main()
