# The losses, one per output form of a network.
import torch.nn.functional as F


def sed_doa_loss(sed_logits, doa, activity, direction, direction_weight):
    """Scalar BCE + direction_weight * masked MSE.

    sed_logits: (batch, labels, classes); doa: (batch, labels, 3 * classes), blocks x, y, z;
    activity: as sed_logits, 0..1, also the weight of its direction; direction: (batch, labels, classes, 3).
    """
    bce = F.binary_cross_entropy_with_logits(sed_logits.float(), activity)
    estimate = doa.float().unflatten(-1, (3, -1)).transpose(-1, -2)  # (batch, labels, classes, 3)
    squared = (estimate - direction).square().mean(-1)
    mse = (squared * activity).sum() / activity.sum().clamp(min=1)
    return bce + direction_weight * mse


def accdoa_loss(_length, doa, activity, direction, _direction_weight):
    """Scalar MSE between each class's vector and activity * direction (ACCDOA, Shimada et al. 2021); shapes as above."""
    estimate = doa.float().unflatten(-1, (3, -1)).transpose(-1, -2)
    return (estimate - activity[..., None] * direction).square().mean()


LOSSES = {"sed+doa": sed_doa_loss, "accdoa": accdoa_loss}
