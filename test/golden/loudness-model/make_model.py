# Makes the loudness model: a network whose every answer follows from its features by hand, for tests of what surrounds it.
# Class "low" sounds where a band of the lower half of the log-mel of W is above -50 dB, "high" where one of the upper half
# is; their directions are those of the intensity vectors of that half. Run here: python make_model.py
import hashlib
import json

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

POOLING = 5
CHANNELS = ["logmel W", "logmel Y", "logmel Z", "logmel X", "IV X", "IV Y", "IV Z"]


def constant(name, values, dtype=np.int64):
    return numpy_helper.from_array(np.array(values, dtype=dtype), name)


def half(name, start, end):
    """Nodes from pooled features (1, 7, labels, 64) to activity (1, labels, 1) and direction (1, 3, labels, 1) of a half."""
    return [
        helper.make_node("Slice", ["pooled", f"{name}_from", f"{name}_to", "bands"], [f"{name}_half"]),
        helper.make_node("Slice", [f"{name}_half", "zero", "one", "channels"], [f"{name}_w"]),
        helper.make_node("ReduceMax", [f"{name}_w"], [f"{name}_peak"], axes=[3], keepdims=1),
        helper.make_node("Sub", [f"{name}_peak", "threshold"], [f"{name}_above"]),
        helper.make_node("Div", [f"{name}_above", "slope"], [f"{name}_logit"]),
        helper.make_node("Sigmoid", [f"{name}_logit"], [f"{name}_sigmoid"]),
        helper.make_node("Squeeze", [f"{name}_sigmoid", "one"], [f"{name}_activity"]),
        helper.make_node("Slice", [f"{name}_half", "four", "seven", "channels"], [f"{name}_iv"]),
        helper.make_node("ReduceSum", [f"{name}_iv", "bands"], [f"{name}_sum"], keepdims=1),
        helper.make_node("ReduceL2", [f"{name}_sum"], [f"{name}_norm"], axes=[1], keepdims=1),
        helper.make_node("Max", [f"{name}_norm", "tiny"], [f"{name}_length"]),
        helper.make_node("Div", [f"{name}_sum", f"{name}_length"], [f"{name}_direction"]),
    ]


nodes = [
    helper.make_node("AveragePool", ["features"], ["pooled"], kernel_shape=[POOLING, 1], strides=[POOLING, 1]),
    *half("low", 0, 32),
    *half("high", 32, 64),
    helper.make_node("Concat", ["low_activity", "high_activity"], ["activity"], axis=2),
    helper.make_node("Concat", ["low_direction", "high_direction"], ["vectors"], axis=3),  # (1, 3, labels, 2)
    helper.make_node("Transpose", ["vectors"], ["by_label"], perm=[0, 2, 1, 3]),
    helper.make_node("Reshape", ["by_label", "flat"], ["direction"]),
]
initializers = [
    *[constant(f"{n}_{k}", [v]) for n, a, b in (("low", 0, 32), ("high", 32, 64)) for k, v in (("from", a), ("to", b))],
    constant("zero", [0]), constant("one", [1]), constant("four", [4]), constant("seven", [7]),
    constant("bands", [3]), constant("channels", [1]), constant("flat", [0, 0, 6]),
    constant("threshold", -50.0, np.float32), constant("slope", 2.0, np.float32), constant("tiny", 1e-9, np.float32),
]
graph = helper.make_graph(
    nodes,
    "loudness",
    [helper.make_tensor_value_info("features", TensorProto.FLOAT, [1, 7, "frames", 64])],
    [
        helper.make_tensor_value_info("activity", TensorProto.FLOAT, [1, "labels", 2]),
        helper.make_tensor_value_info("direction", TensorProto.FLOAT, [1, "labels", 6]),
    ],
    initializers,
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
onnx.checker.check_model(model)
weights = model.SerializeToString()
with open("model.onnx", "wb") as file:
    file.write(weights)


def expected(features):
    """The same in numpy, in double precision: what the runtime must answer."""
    channels, frames, bands = features.shape
    pooled = features.astype(np.float64).reshape(channels, frames // POOLING, POOLING, bands).mean(axis=2)
    halves = [pooled[..., :32], pooled[..., 32:]]
    activity = np.stack([1 / (1 + np.exp(-(h[0].max(axis=1) + 50) / 2)) for h in halves], axis=1)
    sums = np.stack([h[4:].sum(axis=2) for h in halves], axis=2)  # (3, labels, classes)
    direction = sums / np.maximum(np.linalg.norm(sums, axis=0, keepdims=True), 1e-9)
    return activity, direction.transpose(1, 0, 2).reshape(len(activity), 6)


# A window anyone can make: value(channel, frame, band) below, scores rounded to what float32 can promise.
FRAMES = 20
c, f, b = np.meshgrid(np.arange(7), np.arange(FRAMES), np.arange(64), indexing="ij")
window = np.where(c < 4, -50 + 4 * np.sin(0.7 * f + 0.05 * b), np.cos(1.3 * c + 0.2 * f + 0.1 * b))
activity, direction = expected(window)
golden = {
    "window": "channels 0-3: -50 + 4 sin(0.7 frame + 0.05 band); channels 4-6: cos(1.3 channel + 0.2 frame + 0.1 band)",
    "frames": FRAMES,
    "activity": np.round(activity, 6).tolist(),
    "direction": np.round(direction, 6).tolist(),
}
with open("golden.json", "w") as file:
    json.dump(golden, file, indent=1)

manifest = {
    "format": "earshot-model",
    "version": 1,
    "name": "loudness",
    "summary": "Hears loud low and high sounds and where they come from; made by hand for tests",
    "licence": "Apache-2.0: made by make_model.py, not trained on anything",
    "labels": ["low", "high"],
    "features": {"preset": "edge-24k", "format": "foa", "channels": CHANNELS},
    "input": {"order": "acn", "normalization": "sn3d"},
    "scaler": {"mean": [[0.0] * 64] * 7, "std": [[1.0] * 64] * 7},
    "output": "sed+doa",
    "window": {"frames": 100, "hopFrames": 25, "lookaheadFrames": 25},
    "timePooling": POOLING,
    "thresholds": {"onset": [0.5, 0.5], "offset": [0.4, 0.4]},
    "data": {"recipe": "none", "seed": 0, "sha256": hashlib.sha256(b"").hexdigest()},
    "training": {},
    "scores": [],
    "files": {"model.onnx": hashlib.sha256(weights).hexdigest()},
}
with open("manifest.json", "w") as file:
    json.dump(manifest, file, separators=(",", ":"))
