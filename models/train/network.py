# The networks of models/networks/*.json in PyTorch. The ONNX builder (tools/model/onnx) reads the same descriptions, and
# test/golden/networks holds both to the same numbers. Tensor names are those of models/network.ts.
import math

import torch
from torch import nn


def build_network(description, channels=None, classes=None):
    """nn.Module of a network description (models/network.ts); `channels` and `classes` fill in what it leaves open.

    forward(features (batch, channels, frames, bands), scaled) returns two tensors over label frames = frames // time pooling:
    output "sed+doa": logits (batch, labels, classes) and direction (batch, labels, 3 * classes), -1..1, blocks x, y, z;
    output "accdoa": the length of each class's vector instead of logits, and the vectors.
    """
    filled = {**description, **{k: v for k, v in (("channels", channels), ("classes", classes)) if v is not None}}
    for key in ("channels", "classes"):
        if key not in filled:
            raise ValueError(f"the network description leaves {key} open: give build_network(description, {key}=...)")
    return Network(filled)


class Network(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.accdoa = d["output"] == "accdoa"
        width, bands, stages = d["channels"], d["bands"], []
        for stage in d["stages"]:
            stages.append(Stage(d["block"], width, stage, d["norm"], d["dropout"]))
            width, bands = stage["filters"], bands // stage["bandPool"]
        self.stages = nn.Sequential(*stages)
        width, layers, gru = width * bands, [], d["gru"]
        for _ in range(gru["layers"] if gru else 0):
            layers.append(BiGru(width, gru["units"], gru["merge"], d["dropout"]))
            width = layers[-1].width
        self.gru = nn.Sequential(*layers)
        if not self.accdoa:
            self.activity = Head(width, d["headUnits"], d["classes"], d["dropout"])
        self.direction = Head(width, d["headUnits"], 3 * d["classes"], d["dropout"])
        self.apply(initialise)

    def forward(self, features):
        x = self.stages(features)  # (batch, filters, labels, bands left)
        x = self.gru(x.permute(0, 2, 1, 3).flatten(2))  # (batch, labels, filters * bands left), filter-major
        direction = torch.tanh(self.direction(x))
        if self.accdoa:
            return torch.linalg.vector_norm(direction.unflatten(-1, (3, -1)), dim=-2), direction
        return self.activity(x), direction


class Stage(nn.Sequential):
    """A block, then pooling (time, bands) and dropout."""

    def __init__(self, block, inputs, stage, norm, dropout):
        kind, options = BLOCKS[block["kind"]], {key: value for key, value in block.items() if key != "kind"}
        super().__init__()
        self.block = kind(inputs, stage["filters"], norm, **options)
        self.pool = nn.MaxPool2d((stage["timePool"], stage["bandPool"]))
        self.dropout = nn.Dropout(dropout) if dropout else nn.Identity()


class ConvNorm(nn.Module):
    """'same' convolution with bias and batch norm; what both shortcuts and branches are made of."""

    def __init__(self, inputs, outputs, kernel, norm):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, padding="same" if max(kernel) > 1 else 0)
        self.norm = nn.BatchNorm2d(outputs, eps=norm["epsilon"], momentum=norm["momentum"])

    def forward(self, x):
        return self.norm(self.conv(x))


class ConvBlock(nn.Module):
    """One layer of the DCASE 2019 baseline: conv 3x3, batch norm, ReLU."""

    def __init__(self, inputs, filters, norm):
        super().__init__()
        self.layer = ConvNorm(inputs, filters, (3, 3), norm)

    def forward(self, x):
        return torch.relu_(self.layer(x))


class ResidualBlock(nn.Module):
    """Conv-StandardPOST of Naranjo-Alcazar et al. 2020 (arXiv 2006.14436): two shortcuts, squeeze and excitation between them."""

    def __init__(self, inputs, filters, norm, attention, ratio=None):
        super().__init__()
        self.shortcut = ConvNorm(inputs, filters, (1, 1), norm)
        self.first = ConvNorm(inputs, filters, (3, 3), norm)
        self.second = ConvNorm(filters, filters, (3, 3), norm)
        self.attention = None if attention == "none" else Attention(filters, attention, ratio)

    def forward(self, x):
        shortcut = self.shortcut(x)
        h = self.second(nn.functional.elu(self.first(x), inplace=True))
        y = nn.functional.elu(h.add_(shortcut), inplace=True)
        return y if self.attention is None else self.attention(y) + shortcut


class Attention(nn.Module):
    """Squeeze and excitation (Roy et al. 2018): cSE over channels, sSE over places, scSE their sum."""

    def __init__(self, filters, kind, ratio):
        super().__init__()
        if kind != "sSE":
            self.squeeze = nn.Linear(filters, filters // ratio, bias=False)
            self.excite = nn.Linear(filters // ratio, filters, bias=False)
        if kind != "cSE":
            self.spatial = nn.Conv2d(filters, 1, 1, bias=False)
        self.kind = kind

    def forward(self, x):
        gate = 0
        if self.kind != "sSE":
            gate = torch.sigmoid(self.excite(torch.relu(self.squeeze(x.mean((2, 3))))))[:, :, None, None]
        if self.kind != "cSE":
            gate = gate + torch.sigmoid(self.spatial(x))
        return x * gate


class MultiKernelBlock(nn.Module):
    """M-CRNN module (Lan et al. 2022, Fig. 3): a 1x1 branch, and per kernel n 1x1, 1xn, nx1; time x bands; concatenated."""

    def __init__(self, inputs, filters, norm, kernels):
        super().__init__()
        width = filters // (len(kernels) + 1)
        self.point = ConvNorm(inputs, width, (1, 1), norm)
        self.branches = nn.ModuleList(
            nn.ModuleList(
                [ConvNorm(inputs, width, (1, 1), norm), ConvNorm(width, 2 * width, (1, n), norm), ConvNorm(2 * width, width, (n, 1), norm)]
            )
            for n in kernels
        )

    def forward(self, x):
        outputs = [torch.relu_(self.point(x))]
        for branch in self.branches:
            y = x
            for layer in branch:
                y = torch.relu_(layer(y))
            outputs.append(y)
        return torch.cat(outputs, 1)


BLOCKS = {"conv": ConvBlock, "residual": ResidualBlock, "multi-kernel": MultiKernelBlock}


class BiGru(nn.Module):
    """One bidirectional GRU layer of torch's kind. "mul": product of tanh of both directions, as the PyTorch SELDnets; "concat": side by side."""

    def __init__(self, inputs, units, merge, dropout):
        super().__init__()
        self.layer = nn.GRU(inputs, units, batch_first=True, bidirectional=True)
        self.dropout = nn.Dropout(dropout) if dropout else nn.Identity()
        self.merge, self.width = merge, units if merge == "mul" else 2 * units

    def forward(self, x):
        x, _ = self.layer(x)
        if self.merge == "mul":
            forward, backward = torch.tanh(x).chunk(2, -1)
            x = forward * backward
        return self.dropout(x)


class Head(nn.Module):
    """Two dense layers without a bend between, as in the DCASE baselines."""

    def __init__(self, inputs, units, outputs, dropout):
        super().__init__()
        self.hidden = nn.Linear(inputs, units)
        self.dropout = nn.Dropout(dropout) if dropout else nn.Identity()
        self.out = nn.Linear(units, outputs)

    def forward(self, x):
        return self.out(self.dropout(self.hidden(x)))


def initialise(module):
    """Keras' start values, with which the published results were made: Glorot, orthogonal recurrent weights, zero biases; He in the attention."""
    if isinstance(module, (nn.Conv2d, nn.Linear)):
        nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.GRU):
        for name, weights in module.named_parameters():
            for gate in weights.chunk(3):
                if name.startswith("bias"):
                    nn.init.zeros_(gate)
                elif name.startswith("weight_hh"):
                    nn.init.orthogonal_(gate)
                else:
                    nn.init.xavier_uniform_(gate)
    elif isinstance(module, Attention):
        for weights in (getattr(module, name).weight for name in ("squeeze", "spatial") if hasattr(module, name)):
            he_normal(weights)


def he_normal(weights):
    """Normal of variance 2 / fan-in, cut at two deviations, as in Keras."""
    fan_in = weights[0].numel()
    deviation = math.sqrt(2 / fan_in) / 0.87962566103423978  # so that the cut normal has that variance
    nn.init.trunc_normal_(weights, std=deviation, a=-2 * deviation, b=2 * deviation)
