import tempfile
import unittest
from pathlib import Path

import numpy as np

from dataset import DataError, Recording, Windows, data_hash, labels, load_recordings, pool, read_events, scaler, unit_vector
from synthetic_minute import CHANNELS, CLASSES, FOLDER, minute, write_recording


class Labels(unittest.TestCase):
    def test_frames_run_from_floor_to_ceil_inclusive(self):
        # 0.58 * 50 is 28.999... as a double: the event begins at frame 28, and 1.01 * 50 = 50.5 ends at 51
        activity, _ = labels([(1, 0.58, 1.01, unit_vector(0, 0))], 100, 3)
        self.assertEqual(np.flatnonzero(activity[:, 1]).tolist(), list(range(28, 52)))
        self.assertEqual(activity[:, [0, 2]].sum(), 0)

    def test_labels_are_cut_at_the_end_of_the_recording(self):
        activity, _ = labels([(0, 1.9, 62.3, unit_vector(0, 0))], 100, 1)
        self.assertEqual(activity.sum(), 5)

    def test_directions_are_unit_vectors_front_left_up(self):
        np.testing.assert_allclose(unit_vector(0, 0), [1, 0, 0], atol=1e-7)
        np.testing.assert_allclose(unit_vector(90, 0), [0, 1, 0], atol=1e-7)
        np.testing.assert_allclose(unit_vector(17, 90), [0, 0, 1], atol=1e-7)
        np.testing.assert_allclose(unit_vector(-180, 30), [-np.sqrt(3) / 2, 0, 0.5], atol=1e-7)

    def test_a_label_frame_holds_the_share_of_active_frames_and_the_last_direction(self):
        activity, direction = np.zeros((10, 1), np.float32), np.zeros((10, 1, 3), np.float32)
        activity[3:7] = 1
        direction[3:5], direction[5:7] = unit_vector(0, 0), unit_vector(90, 0)
        share, pooled = pool(activity, direction, 5)
        np.testing.assert_allclose(share[:, 0], [0.4, 0.4])
        np.testing.assert_allclose(pooled[:, 0], [[1, 0, 0], [0, 1, 0]], atol=1e-7)


class Folder(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = Path(temporary.name)
        for split in (1, 2):
            write_recording(self.folder, f"split{split}_a", minute(split), 60, split)
        self.features = self.folder / FOLDER / "split1_a.npy"
        self.metadata = self.folder / "metadata_dev" / "split1_a.csv"

    def load(self, splits=None):
        return load_recordings([self.folder], CLASSES, len(CHANNELS), FOLDER, 5, splits)

    def refuses(self, *words):
        with self.assertRaises(DataError) as caught:
            self.load()
        for word in words:
            self.assertIn(word, str(caught.exception))

    def test_loads_shapes_and_splits(self):
        recordings = self.load()
        self.assertEqual([r.name for r in recordings], ["split1_a", "split2_a"])
        self.assertEqual(recordings[0].features.shape, (7, 3000, 64))
        self.assertEqual(recordings[0].activity.shape, (600, 3))
        self.assertEqual(recordings[0].direction.shape, (600, 3, 3))
        self.assertEqual([r.name for r in self.load([2])], ["split2_a"])

    def test_labels_without_features_are_refused_by_name(self):
        self.features.unlink()
        self.refuses("split1_a.csv", "earshot data features")

    def test_features_without_labels_are_refused_by_name(self):
        self.metadata.unlink()
        self.refuses("split1_a.npy")

    def test_an_unknown_class_is_refused_with_file_and_line(self):
        with open(self.metadata, "a") as file:
            file.write("foghorn,1,2,0,0,1\n")
        self.refuses("split1_a.csv", "line", "foghorn", "hum")

    def test_reversed_times_and_impossible_angles_are_refused(self):
        text = self.metadata.read_text()
        for row in ("hum,2,1,0,0,1", "hum,1,2,100,0,1", "hum,1,2,0,270,1", "hum,x,2,0,0,1", "hum,1,2"):
            self.metadata.write_text(f"{text}{row}\n")
            self.refuses("split1_a.csv", "line")

    def test_nan_features_are_refused_by_name(self):
        values = np.load(self.features)
        values[3, 100, 7] = np.nan
        np.save(self.features, values)
        self.refuses("split1_a.npy", "NaN")

    def test_features_of_another_shape_are_refused(self):
        np.save(self.features, np.zeros((10, 3000, 64), np.float32))
        self.refuses("split1_a.npy", "(10, 3000, 64)")

    def test_a_cut_off_feature_file_is_refused(self):
        self.features.write_bytes(self.features.read_bytes()[:1000])
        self.refuses("split1_a.npy")

    def test_a_band_in_which_nothing_happens_is_not_blown_up(self):
        features = np.zeros((7, 100, 64), np.float32)
        features[:4, ::2, 1:] = 30  # log-mel: nothing in band 0
        features[4:6, ::2] = 0.02  # intensity: nothing along the last axis
        _, deviation = scaler([Recording("a", features, None, None)])
        np.testing.assert_allclose(deviation[:4, 0], 0.15, rtol=1e-5)
        np.testing.assert_allclose(deviation[:4, 1:], 15, rtol=1e-5)
        np.testing.assert_allclose(deviation[6], 0.0001, rtol=1e-5)

    def test_the_scaler_is_that_of_numpy_over_all_frames(self):
        recordings = self.load()
        mean, deviation = scaler(recordings)
        together = np.concatenate([r.features for r in recordings], 1).astype(np.float64)
        np.testing.assert_allclose(mean, together.mean(1), rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(deviation, together.std(1), rtol=1e-4)

    def test_the_hash_tells_changed_labels(self):
        before = data_hash([self.folder], FOLDER)
        self.metadata.write_text(self.metadata.read_text() + "hum,50,51,0,0,1\n")
        self.assertNotEqual(data_hash([self.folder], FOLDER), before)

    def test_windows_join_features_and_labels_of_the_same_time(self):
        frames = np.arange(3000, dtype=np.float32)
        features = np.broadcast_to(frames[None, :, None], (7, 3000, 64))
        activity = np.arange(600, dtype=np.float32)[:, None]
        windows = Windows([Recording("a", features, activity, np.zeros((600, 1, 3), np.float32))], 300, 5, np.zeros((7, 64), np.float32))
        x, activity, direction = windows.batch(8, np.random.default_rng(1))
        self.assertEqual((x.shape, activity.shape, direction.shape), ((8, 7, 300, 64), (8, 60, 1), (8, 60, 1, 3)))
        np.testing.assert_array_equal(x[:, 0, ::5, 0], activity[:, :, 0] * 5)

    def test_a_recording_shorter_than_a_window_is_filled_up(self):
        recording = Recording("a", np.ones((7, 100, 64), np.float32), np.ones((20, 1), np.float32), np.zeros((20, 1, 3), np.float32))
        x, activity, _ = Windows([recording], 300, 5, np.full((7, 64), -3, np.float32)).batch(1, np.random.default_rng(1))
        self.assertEqual((x[0, 0, 99, 0], x[0, 0, 100, 0], activity[0].sum()), (1, -3, 20))

    def test_metadata_without_its_header_is_refused(self):
        self.metadata.write_text("hum,1,2,0,0,1\n")
        with self.assertRaises(DataError):
            read_events(self.metadata, CLASSES)


if __name__ == "__main__":
    unittest.main()
