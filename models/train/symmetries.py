# Turns and mirrors under which a recording of a scene is a recording of the turned scene, channel for channel: 16 of first-order
# ambisonics, 8 of the four capsules. A member is (swap x and y: 0|1, signs of x, y and z: -1|1), the swap first.
import itertools

import torch

FOA_ORDER = torch.tensor([[0, 1, 2, 3, 4, 5, 6], [0, 3, 2, 1, 5, 4, 6]])  # without, with swap

CAPSULES = [(1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1)]  # octants of (45, 35), (-45, -35), (135, -35), (-135, 35) degrees
PAIRS = [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]  # of GCC-PHAT, in channel order


def draw(size, fmt, random):
    """Random members of the format's group, (size, 4).

    foa: quarter turns about z with the left-right and the up-down mirror, all 16. mic: those of them that send capsules to
    capsules; as the product of a capsule's signs is 1, they are the ones whose signs multiply to 1.
    """
    members = torch.randint(0, 2, (size, 4), generator=random)
    members[:, 1:] = members[:, 1:] * 2 - 1
    if fmt == "mic":
        members[:, 3] = members[:, 1] * members[:, 2]
    return members


def turn_directions(direction, members):
    """direction (batch, ..., 3) under members (batch, 4)."""
    swap = members[:, 0].bool().view(-1, *[1] * (direction.dim() - 1))
    signs = members[:, 1:].view(-1, *[1] * (direction.dim() - 2), 3).to(direction.dtype)
    return torch.where(swap, direction[..., [1, 0, 2]], direction) * signs


def turn_foa(features, members):
    """FOA features (batch, 7, frames, bands), log-mel W, Y, Z, X and intensity X, Y, Z, under members (batch, 4)."""
    turned = _reordered(features, FOA_ORDER.to(features.device)[members[:, 0]])
    turned[:, 4:] *= members[:, 1:, None, None].to(features.dtype)
    return turned


def turn_mic(features, members, unknown):
    """MIC features (batch, 10, frames, lags), log-mel 1..4 and GCC-PHAT of PAIRS, under members (batch, 4).

    The capsule at m hears what the one at T^-1 m heard. Where the two of a pair come in the other order the lags are
    reversed; of -32..31 that leaves lag -32 open, which becomes unknown[channel, 0]. No direct sound lies there: it comes
    within 12 samples at 48 kHz. unknown: (10, lags), the training data's mean, so that the network sees 0.
    """
    number = 4 * members[:, 0] + 2 * (members[:, 1] > 0) + (members[:, 2] > 0)
    turned = _reordered(features, MIC_ORDER.to(features.device)[number])
    reversed_pairs = MIC_REVERSED.to(features.device)[number]
    backwards = turned[:, 4:].flip(-1).roll(1, -1)
    backwards[..., 0] = unknown[4:, 0].to(features)[:, None]
    turned[:, 4:] = torch.where(reversed_pairs[:, :, None, None], backwards, turned[:, 4:])
    return turned


def _reordered(features, order):
    return features[torch.arange(len(features), device=features.device)[:, None], order]


def _came_from(capsule, swap, signs):
    """The capsule that T sends to this one: T^-1 undoes the signs, then the swap."""
    x, y, z = (a * b for a, b in zip(capsule, signs))
    return CAPSULES.index((y, x, z) if swap else (x, y, z))


def _mic_tables():
    """Per member, numbered 4 swap + 2 (x > 0) + (y > 0): the old channel of each new one (8, 10), the pairs to reverse (8, 6)."""
    orders, reversals = [], []
    for swap, x, y in itertools.product((0, 1), (-1, 1), (-1, 1)):
        came_from = [_came_from(capsule, swap, (x, y, x * y)) for capsule in CAPSULES]
        pairs = [(came_from[m], came_from[n]) for m, n in PAIRS]
        orders.append(came_from + [4 + PAIRS.index((min(pair), max(pair))) for pair in pairs])
        reversals.append([m > n for m, n in pairs])
    return torch.tensor(orders), torch.tensor(reversals)


MIC_ORDER, MIC_REVERSED = _mic_tables()
