import contextlib
import io
import shutil
import tempfile
import unittest
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import torch

from dataset import DataError
from machine import activation_bytes, autocast, check_room
from network import build_network
from synthetic_minute import CHANNELS, CLASSES, small_network
from watch import Watch

SETTINGS = {"batch": 8, "channels": CHANNELS, "window": 300}


class Room(unittest.TestCase):
    def setUp(self):
        self.network = build_network(small_network(), len(CHANNELS), len(CLASSES)).eval()

    def check(self, settings=SETTINGS):
        with tempfile.TemporaryDirectory() as folder:
            check_room(self.network, settings, Path(folder), torch.device("cpu"))

    def test_a_disk_too_full_for_the_checkpoints_is_refused_with_both_sizes(self):
        with mock.patch.object(shutil, "disk_usage", return_value=SimpleNamespace(free=50_000)), self.assertRaises(DataError) as caught:
            self.check()
        self.assertRegex(str(caught.exception), r"has 0 MB free, the checkpoints need \d+ MB")

    def test_a_batch_that_no_memory_holds_is_refused(self):
        with self.assertRaises(DataError) as caught:
            self.check({**SETTINGS, "batch": 10**9})
        self.assertRegex(str(caught.exception), r"GB of memory is free, a batch needs about \d+")

    def test_what_fits_is_let_through(self):
        self.check()

    def test_a_window_takes_at_least_the_outputs_of_its_convolutions_twice(self):
        # three convolutions of 12 filters over 300 frames of 64 bands in the first stage alone, float32
        self.assertGreater(activation_bytes(self.network, SETTINGS), 2 * 3 * 12 * 300 * 64 * 4)


class Precision(unittest.TestCase):
    def test_workers_share_no_cache_of_cast_weights_whose_lock_they_could_wait_for(self):
        with autocast(torch.device("cpu"), "bfloat16")():
            self.assertTrue(torch.is_autocast_enabled("cpu"))
            self.assertFalse(torch.is_autocast_cache_enabled())

    def test_float32_casts_nothing(self):
        with autocast(torch.device("cpu"), "float32")():
            self.assertFalse(torch.is_autocast_enabled("cpu"))


class Estimates(unittest.TestCase):
    def test_a_run_whose_output_goes_to_a_file_says_once_after_two_minutes_how_long_it_takes(self):
        run = SimpleNamespace(settings={"batch": 32, "window": 300}, seconds=0.0, progress=lambda share, seconds: seconds / 6000)
        watch, out = Watch(), io.StringIO()
        with contextlib.redirect_stdout(out):
            for step, seconds in enumerate((1, 60, 120, 180), 1):
                watch.show(run, step, 100, seconds)
        self.assertEqual(out.getvalue(), "5 x real time, about 1.6 h left\n")


if __name__ == "__main__":
    unittest.main()
