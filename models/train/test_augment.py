import unittest

import numpy as np
import torch

import augment
from synthetic_minute import plane_wave

ALL = torch.tensor([[swap, x, y, z] for swap in (0, 1) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)])


def random_waves(count):
    draw = np.random.default_rng(3)
    vectors = draw.normal(size=(count, 3))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    power = draw.uniform(0.01, 1, 64)
    features = np.stack([plane_wave(vector, power) for vector in vectors])[:, :, None].repeat(4, 2)
    return torch.from_numpy(features), torch.from_numpy(vectors.astype(np.float32)), power


class Symmetries(unittest.TestCase):
    def test_each_of_the_16_turns_features_as_it_turns_the_source(self):
        features, vectors, power = random_waves(16)
        turned = augment.turn_features(features, ALL)
        directions = augment.turn_directions(vectors, ALL)
        for i, vector in enumerate(directions.numpy()):
            expected = plane_wave(vector, power)
            np.testing.assert_allclose(turned[i, :, 0].numpy(), expected, atol=1e-4)

    def test_they_are_the_quarter_turns_with_both_mirrors(self):
        def turn(degrees):
            c, s = round(np.cos(np.radians(degrees))), round(np.sin(np.radians(degrees)))
            return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])

        expected = {
            (turn(degrees) @ np.diag([1, left_right, up_down])).astype(int).tobytes()
            for degrees in (0, 90, 180, 270)
            for left_right in (-1, 1)
            for up_down in (-1, 1)
        }
        axes = torch.eye(3).expand(16, 3, 3)
        found = {matrix.numpy().T.round().astype(int).tobytes() for matrix in augment.turn_directions(axes, ALL)}
        self.assertEqual(len(expected), 16)
        self.assertEqual(found, expected)

    def test_labels_of_a_batch_turn_window_by_window(self):
        directions = torch.zeros(2, 3, 1, 3)
        directions[..., 0] = 1
        turned = augment.turn_directions(directions, torch.tensor([[1, 1, -1, 1], [0, -1, 1, 1]]))
        self.assertEqual(turned[0, 0, 0].tolist(), [0, -1, 0])
        self.assertEqual(turned[1, 2, 0].tolist(), [-1, 0, 0])


class Changes(unittest.TestCase):
    def setUp(self):
        self.random = torch.Generator().manual_seed(5)

    def test_n3d_becomes_sn3d_in_some_windows_and_w_stays(self):
        features = torch.zeros(64, 7, 2, 64)
        changed = augment.change_normalization(features.clone(), "n3d", self.random)
        steps = set(changed[:, 1:4].flatten().unique().tolist())
        self.assertEqual({round(step, 3) for step in steps}, {0.0, round(-20 * np.log10(np.sqrt(3)), 3)})
        self.assertTrue((changed[:, [0, 4, 5, 6]] == 0).all())

    def test_level_and_colour_are_the_same_in_all_channels_and_leave_intensity(self):
        changed = augment.change_level(torch.zeros(8, 7, 3, 64), self.random)
        self.assertTrue(torch.equal(changed[:, 0], changed[:, 3]))
        self.assertTrue((changed[:, 4:] == 0).all())
        self.assertGreater(changed[:, 0].std(), 1)

    def test_a_band_shift_moves_all_channels_alike(self):
        features = torch.arange(64.0).expand(50, 7, 2, 64)
        shift = (augment.shift_bands(features, self.random) - features)[:, :, :, 10:50]
        self.assertEqual(set(shift.unique().tolist()), set(range(-augment.SHIFT_BANDS, augment.SHIFT_BANDS + 1)))
        self.assertTrue((shift == shift[:, :1, :1, :1]).all())

    def test_masks_hide_stretches_of_time_and_bands_in_all_channels(self):
        masked = augment.mask(torch.ones(32, 7, 300, 64), self.random)
        self.assertTrue((masked == masked[:, :1]).all())
        hidden = 1 - masked[:, 0].mean().item()
        self.assertGreater(hidden, 0.03)
        self.assertLess(hidden, 0.5)


if __name__ == "__main__":
    unittest.main()
