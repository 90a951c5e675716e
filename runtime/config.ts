// Settings of the runtime: the only place of their names, defaults and ranges. A JSON file; unknown keys are refused.
import { readFile } from 'node:fs/promises';
import { z } from 'zod';

const id = z
  .string()
  .regex(/^[a-z0-9](?:[a-z0-9-]{0,34}[a-z0-9])?$/, 'must be 1 to 36 lower-case letters, digits or inner hyphens');

const Tracking = z.strictObject({
  minimumSeconds: z.number().positive().max(10).optional().describe('shortest event that is told; 0.2'),
  gapSeconds: z.number().min(0).max(10).optional().describe('longest silence inside an event; 0.2'),
  updateSeconds: z.number().positive().max(3600).optional().describe('a going event is told again this often; 1'),
  jumpDegrees: z.number().positive().max(180).optional().describe('a direction further away is another source; 35'),
  jumpSeconds: z.number().positive().max(10).optional().describe('... when it stays there this long; 0.3'),
  fadeSeconds: z.number().positive().max(3600).optional().describe('older directions hardly count; 3'),
});

export const Config = z.strictObject({
  site: id.default('bench').describe('where the device belongs: second level of its topics'),
  device: id.default('earshot').describe('its name in the site: third level of its topics'),
  broker: z.string().optional().describe('URL of the MQTT broker, e.g. mqtt://192.168.1.2:1883'),
  model: z.string().optional().describe('name of a shipped model or a folder; default the first for the format'),
  format: z.enum(['foa', 'mic']).default('foa').describe('what the four channels are'),
  normalization: z.enum(['sn3d', 'n3d']).optional().describe("of the ambisonic channels; default the model's"),
  threads: z.int().min(1).max(64).default(1).describe('threads of the inference engine'),
  headingDegrees: z
    .number()
    .min(0)
    .lt(360)
    .nullable()
    .default(null)
    .describe('bearing of the microphone front, clockwise from north'),
  position: z
    .strictObject({
      latitude: z.number().min(-90).max(90),
      longitude: z.number().min(-180).max(180),
      altitudeMetres: z.number().optional(),
    })
    .nullable()
    .default(null)
    .describe('where the microphone stands, WGS 84'),
  healthSeconds: z.number().min(1).max(3600).default(30).describe('between two health messages'),
  tracking: Tracking.default({}).describe('how scores become events'),
});

export type Config = z.infer<typeof Config>;

/** A setting that does not exist or is out of range. */
export class ConfigError extends Error {
  override name = 'UserError';
}

/**
 * Reads settings; what the file leaves out has its default.
 * @throws ConfigError naming the file, the key, the rule and, for an unknown key, the nearest known one
 */
export async function readConfig(file: string): Promise<Config> {
  let json: unknown;
  try {
    json = JSON.parse(await readFile(file, 'utf8'));
  } catch (cause) {
    throw new ConfigError(`${file} cannot be read as JSON: ${(cause as Error).message}.`, { cause });
  }
  return parseConfig(json, file);
}

/** Checks settings. @param origin where they come from, for the error. @throws ConfigError */
export function parseConfig(json: unknown, origin: string): Config {
  const result = Config.safeParse(json);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  const key = issue.path.join('.');
  if (issue.code !== 'unrecognized_keys') throw new ConfigError(`${origin}: ${key || 'settings'}: ${issue.message}.`);
  const unknown = issue.keys[0]!;
  const known = Object.keys(schemaAt(key).shape);
  const path = key ? `${key}.` : '';
  throw new ConfigError(
    `${origin}: there is no setting ${path}${unknown}; the nearest is ${path}${nearest(unknown, known)} (all: ${known.join(', ')}).`,
  );
}

function schemaAt(key: string): z.ZodObject {
  if (key === 'tracking') return Tracking;
  if (key === 'position') return Config.shape.position.unwrap().unwrap();
  return Config;
}

/** The word with the fewest letters to change (Levenshtein). */
function nearest(word: string, words: readonly string[]): string {
  const distance = (a: string, b: string): number => {
    let row = Array.from({ length: b.length + 1 }, (_, i) => i);
    for (let i = 1; i <= a.length; i += 1) {
      const next = [i];
      for (let j = 1; j <= b.length; j += 1) {
        next[j] = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1));
      }
      row = next;
    }
    return row[b.length]!;
  };
  const scored = words.map((candidate) => ({
    candidate,
    letters: distance(word.toLowerCase(), candidate.toLowerCase()),
  }));
  return scored.reduce((best, next) => (next.letters < best.letters ? next : best)).candidate;
}
