// Label tracks of Audacity: one sound per line, its class and direction in the text, so that ears and mouse can correct them.
import { nearestName } from '../../runtime/nearest-name.ts';
import { UserError } from '../command.ts';
import type { SceneEvent } from '../scene-csv.ts';

/** A sound of a label track; classes are names here. */
export type LabelledSound = Omit<SceneEvent, 'classIndex'> & { readonly score?: number };

/** What a label says, e.g. "speech az=90 el=20 d=1.5 p=0.93": class and degrees, then metres and how sure the model was, if known. */
const LABEL = /^(?<name>\S+)(?<rest>(?:\s+[a-z]+=\S+)*)$/;
const FIELDS = ['az', 'el', 'd', 'p'] as const;

/** The lines of a label track: start, end and text, separated by tabs; sounds may overlap. */
export function formatLabelTrack(sounds: readonly LabelledSound[]): string {
  return sounds
    .map(({ label, startSeconds, endSeconds, azimuth, elevation, distance, score }) => {
      const words = [label, `az=${whole(azimuth)}`, `el=${whole(elevation)}`];
      if (distance !== undefined) words.push(`d=${distance}`);
      if (score !== undefined) words.push(`p=${score.toFixed(2)}`);
      return `${startSeconds.toFixed(6)}\t${endSeconds.toFixed(6)}\t${words.join(' ')}\n`;
    })
    .join('');
}

/**
 * Reads a label track as Audacity exports it; the lines with frequency ranges that newer versions add are passed over.
 * @param labels known classes; undefined: any
 * @throws UserError with file and line for whatever is no sound with a class and a direction
 */
export function parseLabelTrack(text: string, path: string, labels: readonly string[] | undefined): LabelledSound[] {
  return text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .map((line, i) => ({ line, place: `${path} line ${i + 1}` }))
    .filter(({ line }) => line.trim() !== '' && !line.startsWith('\\'))
    .map(({ line, place }) => parseLine(line, place, labels))
    .sort((a, b) => a.startSeconds - b.startSeconds || a.endSeconds - b.endSeconds);
}

function parseLine(line: string, place: string, labels: readonly string[] | undefined): LabelledSound {
  const [start, end, ...texts] = line.split('\t');
  const startSeconds = seconds(start, 'start', place);
  const endSeconds = seconds(end, 'end', place);
  if (endSeconds <= startSeconds)
    throw new UserError(
      `${place}: the label has no length (${start} to ${end} s): draw it as a region, not as a point.`,
    );
  const text = texts.join(' ').trim();
  const found = LABEL.exec(text);
  if (!found) throw new UserError(`${place}: "${text}" must read like: speech az=90 el=20.`);
  const { name, rest } = found.groups as { name: string; rest: string };
  if (labels && !labels.includes(name))
    throw new UserError(
      `${place}: unknown class "${name}", did you mean "${nearestName(name, labels)}"? Add --any-class to take it as it is.`,
    );
  const fields = fieldsOf(rest, place);
  const distance = fields.get('d');
  return {
    ...{ label: name, startSeconds, endSeconds },
    azimuth: degrees(fields.get('az'), 'az', 180, place),
    elevation: degrees(fields.get('el'), 'el', 90, place),
    ...(distance && { distance }),
  };
}

function fieldsOf(rest: string, place: string): Map<string, number> {
  const pairs = rest.trim() === '' ? [] : rest.trim().split(/\s+/);
  return new Map(
    pairs.map((pair) => {
      const [name, text] = pair.split('=') as [string, string];
      const value = number(text);
      if (!FIELDS.some((field) => field === name))
        throw new UserError(`${place}: ${name}= is none of ${FIELDS.map((field) => `${field}=`).join(' ')}.`);
      if (value === undefined) throw new UserError(`${place}: ${pair} is not a number.`);
      return [name, value];
    }),
  );
}

function degrees(value: number | undefined, name: string, limit: number, place: string): number {
  if (value === undefined)
    throw new UserError(`${place}: the direction is missing: write az= and el= in degrees behind the class.`);
  if (Math.abs(value) > limit) throw new UserError(`${place}: ${name}=${value} must lie in -${limit}..${limit}.`);
  return value;
}

function seconds(text: string | undefined, name: string, place: string): number {
  const value = number(text ?? '');
  if (value === undefined || value < 0)
    throw new UserError(
      `${place}: the ${name} "${text ?? ''}" is no time in seconds: is this a label track of Audacity?`,
    );
  return value;
}

/** Audacity writes numbers as the language of the computer does. */
function number(text: string): number | undefined {
  const value = Number(text.trim().replace(',', '.'));
  return text.trim() === '' || !Number.isFinite(value) ? undefined : value;
}

function whole(degreesValue: number): number {
  return Math.round(degreesValue) + 0;
}
