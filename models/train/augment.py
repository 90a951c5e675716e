# Augmentation of feature windows: what may change of a scene's features without its labels being wrong. Labels turn
# with the features under the symmetries of symmetries.py.
import torch

from symmetries import draw, turn_directions, turn_foa, turn_mic

LOGMEL = slice(0, 4)
BANDED = {"foa": slice(0, 7), "mic": LOGMEL}  # channels over mel bands; GCC-PHAT is over lags, where a shift would be another direction
N3D_OVER_SN3D_DB = 4.771213  # Y, Z, X are sqrt(3) stronger in N3D

GAIN_DB = 8.0  # overall level, uniform within plus and minus
EQUALISER_POINTS, EQUALISER_DB = 5, 2.5  # colour of room and microphone: points over the bands, their deviation
SHIFT_BANDS = 2  # pitch: whole bands up or down at most
TIME_MASKS, TIME_MASK_FRAMES = 1, 20
BAND_MASKS, BAND_MASK_BANDS = 2, 8


def change_normalization(features, normalization, random):
    """Half of the FOA windows become as the other ambisonic normalisation would have them (sn3d <-> n3d)."""
    step = {"sn3d": N3D_OVER_SN3D_DB, "n3d": -N3D_OVER_SN3D_DB}[normalization]
    features[:, 1:4] += _uniform(len(features), random).round().to(features.device)[:, None, None, None] * step
    return features


def change_level(features, random):
    """Another microphone gain and colour: the same for all channels, so that directions stay."""
    size, bands = len(features), features.shape[-1]
    gain = (_uniform(size, random) * 2 - 1)[:, None] * GAIN_DB
    points = torch.randn(size, 1, EQUALISER_POINTS, generator=random) * EQUALISER_DB
    curve = torch.nn.functional.interpolate(points, bands, mode="linear", align_corners=True)[:, 0]
    features[:, LOGMEL] += (gain + curve).to(features.device)[:, None, None]
    return features


def shift_bands(features, fmt, random):
    """Moves all channels over bands by the same few bands; the edge band fills what comes free."""
    size, _, frames, bands = features.shape
    shift = torch.randint(-SHIFT_BANDS, SHIFT_BANDS + 1, (size, 1), generator=random)
    source = (torch.arange(bands) - shift).clamp(0, bands - 1).to(features.device)
    banded = features[:, BANDED[fmt]]
    features[:, BANDED[fmt]] = banded.gather(3, source[:, None, None].expand(banded.shape))
    return features


def mask(features, fmt, random):
    """SpecAugment on scaled features: stretches of time in all channels, and of bands in those over bands, become 0, their mean."""
    size, _, frames, bands = features.shape
    silent = torch.zeros(size, frames, dtype=torch.bool)
    for _ in range(TIME_MASKS):
        silent |= _stretch(size, frames, TIME_MASK_FRAMES, random)
    hidden = torch.zeros(size, bands, dtype=torch.bool)
    for _ in range(BAND_MASKS):
        hidden |= _stretch(size, bands, BAND_MASK_BANDS, random)
    features.masked_fill_(silent.to(features.device)[:, None, :, None], 0)
    features[:, BANDED[fmt]] = features[:, BANDED[fmt]].masked_fill(hidden.to(features.device)[:, None, None], 0)
    return features


def _stretch(size, length, longest, random):
    width = torch.randint(0, min(longest, length) + 1, (size, 1), generator=random)
    start = (_uniform(size, random)[:, None] * (length - width + 1)).long()
    at = torch.arange(length)
    return (at >= start) & (at < start + width)


def _uniform(size, random):
    return torch.rand(size, generator=random)


def scale(features, mean, deviation):
    """What the network reads: mean 0 and deviation 1 per (channel, band) over the training data."""
    return (features - mean[:, None]).div_(deviation[:, None])


def augment(features, direction, fmt, normalization, mean, deviation, random):
    """Augments and scales one batch; returns (features, direction).

    features: (batch, channels, frames, bands), unscaled; direction: (batch, labels, classes, 3); random: CPU generator.
    """
    members = draw(len(features), fmt, random).to(features.device)
    direction = turn_directions(direction, members)
    if fmt == "foa":
        features = change_normalization(turn_foa(features, members), normalization, random)
    else:
        features = turn_mic(features, members, mean)
    features = change_level(shift_bands(features, fmt, random), random)
    return mask(scale(features, mean, deviation), fmt, random), direction
