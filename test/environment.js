// Jest gives each test file its own realm; onnxruntime's tensors belong to the outer one, so share its typed arrays.
import { TestEnvironment } from 'jest-environment-node';

export default class OnnxEnvironment extends TestEnvironment {
  constructor(config, context) {
    super(config, context);
    Object.assign(this.global, {
      Float32Array,
      BigInt64Array,
      Int8Array,
      Int32Array,
      Float64Array,
      Uint8Array,
      ArrayBuffer,
    });
  }
}
