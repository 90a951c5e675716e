// What a runner says of itself when it is greeted.
import { z } from 'zod';
import { decodeTensorrtVersion } from '../../models/tensorrt.ts';
import { RunnerLost } from './runner-child.ts';
import { PROTOCOL_VERSION } from './runner-protocol.ts';

const Hello = z.object({
  protocol: z.literal(PROTOCOL_VERSION),
  library: z.string(),
  version: z.int().positive(),
  device: z.string(),
  sm: z.int(),
});

export interface RunnerHello {
  /** Version of the library, e.g. 10.3.0. */
  readonly tensorrt: string;
  readonly device: string;
  /** Compute capability of the GPU without the dot. */
  readonly sm: number;
}

/** @throws RunnerLost when it is another program */
export function readHello(payload: Uint8Array): RunnerHello {
  const { version, device, sm } = parseReply(Hello, payload);
  return { tensorrt: decodeTensorrtVersion(version), device, sm };
}

/** Reads a reply in JSON. @throws RunnerLost when it is not what the protocol has */
export function parseReply<T>(schema: z.ZodType<T>, bytes: Uint8Array): T {
  try {
    return schema.parse(JSON.parse(new TextDecoder().decode(bytes)));
  } catch (cause) {
    throw new RunnerLost(`introduced itself in a way that is not understood (${(cause as Error).message})`);
  }
}
