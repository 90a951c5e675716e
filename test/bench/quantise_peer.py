# ONNX Runtime's own static quantisation: python quantise_peer.py MODEL.onnx WINDOWS.f32 COUNT SHAPE METHOD OPERATORS OUT.onnx
# WINDOWS.f32 holds COUNT windows of SHAPE (1,7,300,64) as raw float32. METHOD: MinMax, Entropy or Percentile; OPERATORS: all, or
# names with commas. Activations uint8, weights int8 per channel: the fast form on x86. Prints {"seconds": ..., "peakMiB": ...}.
import json
import logging
import sys
import time

import numpy as np
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType
from onnxruntime.quantization import quant_pre_process, quantize_static

logging.disable(logging.WARNING)
model, windows, count, shape, method, operators, out = sys.argv[1:]
shape = [int(size) for size in shape.split(",")]


class Windows(CalibrationDataReader):
    def __init__(self):
        self.values = np.memmap(windows, dtype="<f4", mode="r", shape=(int(count), *shape))
        self.next = 0

    def get_next(self):
        self.next += 1
        return {"features": np.array(self.values[self.next - 1])} if self.next <= len(self.values) else None


def peak_kib():
    # Not ru_maxrss of getrusage(2): that one starts at the size of the process which started this program.
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))


prepared = f"{out}.prepared"
quant_pre_process(model, prepared, skip_symbolic_shape=True)
started = time.perf_counter()
quantize_static(
    prepared,
    out,
    Windows(),
    quant_format=QuantFormat.QDQ,
    per_channel=True,
    activation_type=QuantType.QUInt8,
    weight_type=QuantType.QInt8,
    calibrate_method=CalibrationMethod[method],
    op_types_to_quantize=None if operators == "all" else operators.split(","),
)
seconds = time.perf_counter() - started
print(json.dumps({"seconds": seconds, "peakMiB": peak_kib() / 1024}))
