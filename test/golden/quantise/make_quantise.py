# What numpy and ONNX Runtime's own Python tools make of numbers that quantise.test.ts quantises too.
# From the project's root: pip install numpy onnx onnxruntime; python test/golden/quantise/make_quantise.py
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization.calibrate import CalibrationDataReader, MinMaxCalibrater

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path.insert(0, str(ROOT / "models/train"))
FRAMES, BANDS, WINDOWS = 60, 32, 4


def noise(name, size):
    """noise() of models/train/make_golden.py, without torch."""
    seed = 2166136261
    for byte in name.encode():
        seed = ((seed ^ byte) * 16777619) & 0xFFFFFFFF
    x = (np.arange(size, dtype=np.uint64) * 0x9E3779B9 + seed) & 0xFFFFFFFF
    x = ((x ^ (x >> np.uint64(16))) * 0x85EBCA6B) & 0xFFFFFFFF
    x = ((x ^ (x >> np.uint64(13))) * 0xC2B2AE35) & 0xFFFFFFFF
    return (x ^ (x >> np.uint64(16))).astype(np.float64) / 2**31 - 1


def window(i):
    return (1.7 * noise(f"window {i}", 7 * FRAMES * BANDS)).astype(np.float32).reshape(1, 7, FRAMES, BANDS)


class Windows(CalibrationDataReader):
    def __init__(self):
        self.next = 0

    def get_next(self):
        self.next += 1
        return {"features": window(self.next - 1)} if self.next <= WINDOWS else None


def ranges():
    """Least and largest value of every convolution, by ONNX Runtime's MinMax calibrator."""
    with tempfile.TemporaryDirectory() as folder:
        calibrater = MinMaxCalibrater(
            str(ROOT / "test/golden/graphs/ours-folded.onnx"), ["Conv"], augmented_model_path=f"{folder}/augmented.onnx"
        )
        calibrater.augment_graph()
        calibrater.create_inference_session()
        calibrater.collect_data(Windows())
        found = calibrater.compute_data().data
    return {name: [float(v) for v in tensor.range_value] for name, tensor in found.items()}


def integers():
    """QuantizeLinear of ONNX Runtime, halves and values past the ends among them."""
    cases = []
    for kind, dtype, zero in (("uint8", np.uint8, 0), ("uint8", np.uint8, 46), ("uint8", np.uint8, 255), ("int8", np.int8, 0)):
        for scale in (0.5, 0.0625, 0.0471):
            steps = np.array([-300, -127.6, -127.5, -46.5, -2.5, -1.5, -0.5, 0, 0.5, 1.5, 2.5, 3.49, 100.5, 209.5, 300])
            values = (steps * np.float32(scale)).astype(np.float32)
            node = helper.make_node("QuantizeLinear", ["x", "s", "z"], ["y"])
            constants = [numpy_helper.from_array(np.float32(scale), "s"), numpy_helper.from_array(dtype(zero), "z")]
            onnx_type = TensorProto.UINT8 if kind == "uint8" else TensorProto.INT8
            graph = helper.make_graph(
                [node], "q", [helper.make_tensor_value_info("x", 1, [None])], [helper.make_tensor_value_info("y", onnx_type, [None])], constants
            )
            model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
            session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
            found = session.run(None, {"x": values})[0]
            cases.append({"type": kind, "scale": float(np.float32(scale)), "zeroPoint": zero, "values": values.tolist(), "integers": found.tolist()})
    return cases


def halves():
    values = np.concatenate([
        np.float32([0, -0.0, 1, -1, 65504, 1e-8, 6e-8, 2.98e-8, 2**-24, 2**-25, 3 * 2**-26, 2**-14, 6.1e-5, 1 / 3, 0.1, 2047.5, 2048.5, 2049.5]),
        (noise("half", 40) * 3).astype(np.float32),
        (noise("tiny", 20) * 1e-5).astype(np.float32),
    ]).astype(np.float32)
    return {"values": values.tolist(), "bits": values.astype(np.float16).view(np.uint16).tolist()}


def weights():
    """Squared error of int8 weights with the scale of ONNX Runtime's default (largest / 127), per output channel."""
    values = noise("weights", 6 * 50).astype(np.float32).reshape(6, 50) ** 5
    scale = np.abs(values).max(axis=1, keepdims=True) / 127
    error = ((np.clip(np.rint(values / scale), -127, 127) * scale - values) ** 2).sum(axis=1)
    return {"values": values.ravel().tolist(), "rows": 6, "minMaxError": error.tolist()}


def cache():
    """Big-endian hex of float32, as calibration caches of TensorRT hold scales (1/127 is 3c010204)."""
    scales = [1 / 127, 0.5 / 127, 12.75 / 127]
    return [[scale * 127, np.array(scale, ">f4").tobytes().hex()] for scale in scales]


if __name__ == "__main__":
    result = {"frames": FRAMES, "bands": BANDS, "windows": WINDOWS, "ranges": ranges(), "integers": integers(), "halves": halves(), "weights": weights(), "cache": cache()}
    (HERE / "quantise.json").write_text(json.dumps(result) + "\n")
