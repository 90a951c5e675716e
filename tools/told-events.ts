// Events with their confidences, as `earshot predict --json` prints them: read back for judging.
import { readFile } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import { z } from 'zod';
import { jsonOrUndefined } from '../runtime/json-text.ts';
import { UserError } from './command.ts';
import type { DetectedEvent } from './detect.ts';

const ToldEvent = z.object({
  recording: z.string().optional().describe('missing where one recording was heard alone'),
  type: z.literal('event'),
  class: z.string(),
  azimuth: z.number(),
  elevation: z.number(),
  score: z.number().min(0).max(1),
  start: z.number(),
  end: z.number(),
});

/**
 * The events by the names of their recordings (without ending), '' where one was heard alone.
 * @throws UserError with file and line for what is no event, or of a class that is not known
 */
export async function readToldEvents(file: string, labels: readonly string[]): Promise<Map<string, DetectedEvent[]>> {
  const text = await readFile(file, 'utf8').catch((cause) => {
    throw new UserError(`Cannot read ${file}: give what "earshot predict --json" printed.`, { cause });
  });
  const told = new Map<string, DetectedEvent[]>();
  for (const [i, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    const { name, event } = parseLine(line, `${file} line ${i + 1}`, labels);
    told.set(name, [...(told.get(name) ?? []), event]);
  }
  if (told.size === 0) throw new UserError(`${file} holds no events: hear recordings with "earshot predict --json".`);
  return told;
}

function parseLine(line: string, place: string, labels: readonly string[]) {
  const result = ToldEvent.safeParse(jsonOrUndefined(line));
  if (!result.success) {
    const [issue] = result.error.issues;
    throw new UserError(
      `${place} is no event of "earshot predict --json" (${issue?.path.join('.')}: ${issue?.message}).`,
    );
  }
  const { recording = '', class: label, start, end, azimuth, elevation, score } = result.data;
  const classIndex = labels.indexOf(label);
  if (classIndex < 0) throw new UserError(`${place}: unknown class "${label}"; known: ${labels.join(', ')}.`);
  const event = { label, classIndex, startSeconds: start, endSeconds: end, azimuth, elevation, score };
  return { name: basename(recording, extname(recording)), event };
}
