# Augmentation of feature windows: what may change of a scene's features without its labels being wrong, and the 16
# symmetries of first-order ambisonics, under which the labels turn exactly.
import torch

LOGMEL = slice(0, 4)  # W, Y, Z, X in FOA
N3D_OVER_SN3D_DB = 4.771213  # Y, Z, X are sqrt(3) stronger in N3D

GAIN_DB = 8.0  # overall level, uniform within plus and minus
EQUALISER_POINTS, EQUALISER_DB = 5, 2.5  # colour of room and microphone: points over the bands, their deviation
SHIFT_BANDS = 2  # pitch: whole bands up or down at most
TIME_MASKS, TIME_MASK_FRAMES = 1, 20
BAND_MASKS, BAND_MASK_BANDS = 2, 8


def symmetries(size, random):
    """Random members of the group, (size, 4): swap x and y (0|1), then the signs of x, y and z (-1|1).

    Quarter turns about z, the left-right and the up-down mirror generate exactly these 16.
    """
    draw = torch.randint(0, 2, (size, 4), generator=random)
    draw[:, 1:] = draw[:, 1:] * 2 - 1
    return draw


def turn_directions(direction, symmetry):
    """direction (batch, ..., 3) under symmetry (batch, 4)."""
    swap = symmetry[:, 0].bool().view(-1, *[1] * (direction.dim() - 1))
    signs = symmetry[:, 1:].view(-1, *[1] * (direction.dim() - 2), 3).to(direction.dtype)
    return torch.where(swap, direction[..., [1, 0, 2]], direction) * signs


def turn_features(features, symmetry):
    """FOA features (batch, 7, frames, bands), log-mel W, Y, Z, X and intensity X, Y, Z, under symmetry (batch, 4)."""
    order = torch.tensor([[0, 1, 2, 3, 4, 5, 6], [0, 3, 2, 1, 5, 4, 6]], device=features.device)[symmetry[:, 0]]
    turned = features[torch.arange(len(features), device=features.device)[:, None], order]
    turned[:, 4:] *= symmetry[:, 1:, None, None].to(features.dtype)
    return turned


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


def shift_bands(features, random):
    """Moves all channels by the same few bands; the edge band fills what comes free."""
    size, channels, frames, bands = features.shape
    shift = torch.randint(-SHIFT_BANDS, SHIFT_BANDS + 1, (size, 1), generator=random)
    source = (torch.arange(bands) - shift).clamp(0, bands - 1).to(features.device)
    return features.gather(3, source[:, None, None].expand(size, channels, frames, bands))


def mask(features, random):
    """SpecAugment on scaled features: stretches of time and of bands become 0, their mean, in all channels."""
    size, _, frames, bands = features.shape
    hidden = torch.zeros(size, frames, bands, dtype=torch.bool)
    for _ in range(TIME_MASKS):
        hidden |= _stretch(size, frames, TIME_MASK_FRAMES, random)[:, :, None]
    for _ in range(BAND_MASKS):
        hidden |= _stretch(size, bands, BAND_MASK_BANDS, random)[:, None]
    return features.masked_fill_(hidden.to(features.device)[:, None], 0)


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
    Directions of the MIC format stay: an array has fewer symmetries, and they are its own.
    """
    if fmt == "foa":
        symmetry = symmetries(len(features), random).to(features.device)
        features, direction = turn_features(features, symmetry), turn_directions(direction, symmetry)
        features = change_normalization(features, normalization, random)
    features = change_level(shift_bands(features, random), random)
    return mask(scale(features, mean, deviation), random), direction
