import unittest

import numpy as np
import torch

import augment
import symmetries
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
        turned = symmetries.turn_foa(features, ALL)
        directions = symmetries.turn_directions(vectors, ALL)
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
        found = {matrix.numpy().T.round().astype(int).tobytes() for matrix in symmetries.turn_directions(axes, ALL)}
        self.assertEqual(len(expected), 16)
        self.assertEqual(found, expected)

    def test_labels_of_a_batch_turn_window_by_window(self):
        directions = torch.zeros(2, 3, 1, 3)
        directions[..., 0] = 1
        turned = symmetries.turn_directions(directions, torch.tensor([[1, 1, -1, 1], [0, -1, 1, 1]]))
        self.assertEqual(turned[0, 0, 0].tolist(), [0, -1, 0])
        self.assertEqual(turned[1, 2, 0].tolist(), [-1, 0, 0])


class MicSymmetries(unittest.TestCase):
    """That they are those of the array in a scene: test/models/mic-symmetries.test.ts."""

    ALL = torch.tensor([[swap, x, y, x * y] for swap in (0, 1) for x in (-1, 1) for y in (-1, 1)])

    def test_there_are_8_and_each_sends_every_capsule_to_a_capsule(self):
        directions = torch.tensor(symmetries.CAPSULES, dtype=torch.float32).expand(8, 4, 3)
        for turned in symmetries.turn_directions(directions, self.ALL).int().tolist():
            self.assertEqual(sorted(map(tuple, turned)), sorted(symmetries.CAPSULES))
        self.assertEqual(sum(all(map(bool, row)) for row in (symmetries.MIC_ORDER == symmetries.MIC_ORDER[3]).tolist()), 1)

    def test_only_these_8_are_drawn(self):
        drawn = symmetries.draw(500, "mic", torch.Generator().manual_seed(1))
        self.assertEqual({tuple(row) for row in drawn.tolist()}, {tuple(row) for row in self.ALL.tolist()})

    def test_turning_back_gives_the_same_features_but_for_the_open_lag(self):
        features = torch.randn(8, 10, 4, 64, generator=torch.Generator().manual_seed(2))
        unknown = torch.full((10, 64), 7.0)
        swap, x, y, z = self.ALL.unbind(1)
        back = torch.stack([swap, torch.where(swap == 1, y, x), torch.where(swap == 1, x, y), z], 1)
        again = symmetries.turn_mic(symmetries.turn_mic(features, self.ALL, unknown), back, unknown)
        self.assertTrue(torch.equal(again[..., 1:], features[..., 1:]))
        self.assertTrue(torch.equal(again[:, :4], features[:, :4]))
        open_lag = again[:, 4:, :, 0]
        self.assertTrue(((open_lag == features[:, 4:, :, 0]) | (open_lag == 7)).all())


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
        shift = (augment.shift_bands(features.clone(), "foa", self.random) - features)[:, :, :, 10:50]
        self.assertEqual(set(shift.unique().tolist()), set(range(-augment.SHIFT_BANDS, augment.SHIFT_BANDS + 1)))
        self.assertTrue((shift == shift[:, :1, :1, :1]).all())

    def test_lags_are_neither_shifted_nor_masked_alone(self):
        features = torch.arange(64.0).expand(50, 10, 2, 64).clone()
        shifted = augment.shift_bands(features.clone(), "mic", self.random)
        self.assertTrue(torch.equal(shifted[:, 4:], features[:, 4:]))
        self.assertFalse(torch.equal(shifted[:, :4], features[:, :4]))
        masked = augment.mask(torch.ones(32, 10, 300, 64), "mic", self.random)
        hidden = 1 - masked[:, 4:]
        self.assertTrue((hidden == hidden.amax((1, 3), keepdim=True)).all())
        self.assertGreater(1 - masked[:, :4].mean(), hidden.mean())

    def test_masks_hide_stretches_of_time_and_bands_in_all_channels(self):
        masked = augment.mask(torch.ones(32, 7, 300, 64), "foa", self.random)
        self.assertTrue((masked == masked[:, :1]).all())
        hidden = 1 - masked[:, 0].mean().item()
        self.assertGreater(hidden, 0.03)
        self.assertLess(hidden, 0.5)


if __name__ == "__main__":
    unittest.main()
