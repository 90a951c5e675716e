# Quantises a small graph with ONNX Runtime's own Python tools: once as x86 fuses it (uint8 activations), once as it does not
# (int8 with several readers, float bias), so that the check of fusion has real files of both kinds.
# Run in this folder: pip install onnx onnxruntime; python make_quantised.py
import sys
from pathlib import Path

import numpy as np
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quant_pre_process, quantize_static

HERE = Path(__file__).resolve().parent
SOURCE = HERE.parent / "graphs" / "ours-free.onnx"


class Windows(CalibrationDataReader):
    def __init__(self):
        random = np.random.default_rng(4)
        self.left = [random.standard_normal((1, 7, 20, 32)).astype(np.float32) * 1.7 for _ in range(8)]

    def get_next(self):
        return {"features": self.left.pop()} if self.left else None


def main():
    prepared = HERE / "prepared.onnx"
    quant_pre_process(str(SOURCE), str(prepared), skip_symbolic_shape=True)
    for name, activations in (("uint8", QuantType.QUInt8), ("int8", QuantType.QInt8)):
        quantize_static(
            str(prepared),
            str(HERE / f"{name}.onnx"),
            Windows(),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=activations,
            weight_type=QuantType.QInt8,
        )
    prepared.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())
