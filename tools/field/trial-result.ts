// result.json: what a model heard in a set of recordings on one machine, with the scores of every label frame, so that two can be compared.
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { jsonOrUndefined } from '../../runtime/json-text.ts';
import { writeWhole } from '../write-whole.ts';
import { readMade } from './made-file.ts';

const Event = z.strictObject({
  ...{ label: z.string(), classIndex: z.int().min(0), startSeconds: z.number(), endSeconds: z.number() },
  ...{ azimuth: z.number(), elevation: z.number(), score: z.number() },
});

export const HeardEntry = z.strictObject({
  name: z.string(),
  key: z.string().describe('of recording, model and backend: an entry with another key is heard again'),
  seconds: z.number(),
  events: z.array(Event).readonly(),
  frameSeconds: z.number(),
  activity: z.string().describe('base64 of (label frames, classes) 16-bit numbers, little-endian, 0..1 as 0..65535'),
});
export type HeardEntry = z.infer<typeof HeardEntry>;

const TrialResult = z.strictObject({
  format: z.literal('earshot-trial'),
  version: z.literal(1),
  model: z.strictObject({
    name: z.string(),
    sha256: z.string(),
    labels: z.array(z.string()),
    onset: z.array(z.number()),
  }),
  backend: z.string(),
  machine: z.string(),
  recordings: z.array(HeardEntry),
});
export type TrialResult = z.infer<typeof TrialResult>;

/** @throws UserError when the file is missing or no result.json */
export function readTrialResult(file: string): Promise<TrialResult> {
  return readMade(file, TrialResult, 'result.json', 'give one of "earshot field evaluate --recordings"');
}

export function writeTrialResult(file: string, result: TrialResult): Promise<void> {
  return writeWhole(file, `${JSON.stringify(result, shortened)}\n`);
}

/** An entry of an interrupted run; undefined where there is none, or it is damaged. */
export async function readHeardEntry(file: string): Promise<HeardEntry | undefined> {
  const text = await readFile(file, 'utf8').catch(() => undefined);
  return text === undefined ? undefined : HeardEntry.safeParse(jsonOrUndefined(text)).data;
}

/** @param activity (frames, classes), 0..1 */
export function packActivity(activity: Float32Array): string {
  const words = Uint16Array.from(activity, (value) => Math.round(Math.min(1, Math.max(0, value)) * 65_535));
  return Buffer.from(words.buffer).toString('base64');
}

export function unpackActivity(text: string): Float32Array {
  const bytes = Buffer.from(text, 'base64');
  return Float32Array.from({ length: bytes.length >> 1 }, (_, i) => bytes.readUInt16LE(2 * i) / 65_535);
}

function shortened(_key: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isInteger(value) ? Number(value.toFixed(6)) : value;
}
