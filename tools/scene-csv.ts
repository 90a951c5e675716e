// Scenes as text: the metadata CSV of TAU Spatial Sound Events 2019 and the two DCASE output formats, read and written.
import { readFile } from 'node:fs/promises';
import { OFFICE_LABELS } from '../models/labels.ts';
import { nearestName } from '../runtime/nearest-name.ts';
import { UserError } from './command.ts';
import { AZIMUTH, type CsvLine, csvLines, ELEVATION, errorAt, numberAt } from './csv-lines.ts';

/** One sound of a scene. */
export interface SceneEvent {
  readonly label: string;
  /** Place of the label in the list of labels. */
  readonly classIndex: number;
  readonly startSeconds: number;
  readonly endSeconds: number;
  /** Degrees, counter-clockwise from the front, -180..180. */
  readonly azimuth: number;
  /** Degrees, up positive, -90..90. */
  readonly elevation: number;
  /** Metres; undefined where it is not known. */
  readonly distance?: number;
  /** Name of the very recording that sounds, where the scene is a layout to be rendered. */
  readonly sample?: string;
}

/** One sound in one frame of a DCASE output file. */
export interface SceneFrame {
  readonly frame: number;
  readonly classIndex: number;
  /** Number of the source, of the 100 ms format only. */
  readonly source?: number;
  readonly azimuth: number;
  readonly elevation: number;
  readonly distance?: number;
}

/** What a scene file holds: events with start and end, or frames of 20 ms (DCASE 2019) or 100 ms (2020 and later). */
export type Scene =
  | { readonly kind: 'events'; readonly events: readonly SceneEvent[] }
  | { readonly kind: 'frames'; readonly frameSeconds: 0.02 | 0.1; readonly frames: readonly SceneFrame[] };

const HEADER = 'sound_event_recording,start_time,end_time,ele,azi,dist';
const REQUIRED = ['sound_event_recording', 'start_time', 'end_time', 'ele', 'azi'] as const;

/**
 * Reads a scene file in any of the three formats: the metadata CSV is known by its header, DCASE output by its 4 columns
 * (20 ms frames: frame, class, azimuth, elevation) or 5 to 6 (100 ms: frame, class, source, azimuth, elevation, distance).
 * @throws UserError with file and line for whatever breaks the format
 */
export async function readScene(path: string, labels: readonly string[] = OFFICE_LABELS): Promise<Scene> {
  const text = await readText(path);
  const first = csvLines(text, path)[0];
  return !first || /^-?\d/.test(first.values[0]!)
    ? parseFrames(text, path, labels)
    : { kind: 'events', events: parseEvents(text, path, labels) };
}

/** Reads a metadata CSV. @throws UserError with file and line for whatever breaks the format */
export async function readEvents(path: string, labels: readonly string[] = OFFICE_LABELS): Promise<SceneEvent[]> {
  return parseEvents(await readText(path), path, labels);
}

/** The events of a metadata CSV in file order; columns are found by their names in the header. */
export function parseEvents(text: string, path: string, labels: readonly string[] = OFFICE_LABELS): SceneEvent[] {
  const [header, ...rows] = csvLines(text, path);
  if (!header) throw new UserError(`${path} is empty: its first line must be ${HEADER}`);
  const missing = REQUIRED.find((name) => !header.values.includes(name));
  if (missing) throw errorAt(header, `the column ${missing} is missing: the first line must be ${HEADER}`);
  return rows.map((row) => parseEvent(row, header.values, labels));
}

function parseEvent(row: CsvLine, names: readonly string[], labels: readonly string[]): SceneEvent {
  if (row.values.length !== names.length)
    throw errorAt(row, `${row.values.length} values where the header names ${names.length} columns`);
  const column = (name: string) => names.indexOf(name);
  const startSeconds = numberAt(row, column('start_time'), 'start_time', { lowest: 0 });
  const endSeconds = numberAt(row, column('end_time'), 'end_time', { lowest: 0 });
  if (endSeconds <= startSeconds)
    throw errorAt(row, `end_time=${endSeconds} must come after start_time=${startSeconds}`);
  const label = row.values[column('sound_event_recording')]!;
  const hasDistance = column('dist') >= 0 && row.values[column('dist')] !== '';
  const distance = hasDistance ? numberAt(row, column('dist'), 'dist', { lowest: 0 }) : 0;
  const sample = row.values[column('sample')];
  return {
    label,
    classIndex: classOf(label, row, labels),
    startSeconds,
    endSeconds,
    azimuth: numberAt(row, column('azi'), 'azi', AZIMUTH),
    elevation: numberAt(row, column('ele'), 'ele', ELEVATION),
    ...(distance > 0 && { distance }),
    ...(sample && { sample }),
  };
}

function classOf(label: string, row: CsvLine, labels: readonly string[]): number {
  const index = labels.indexOf(label);
  if (index < 0)
    throw errorAt(
      row,
      `unknown class "${label}", did you mean "${nearestName(label, labels)}"? Known: ${labels.join(', ')}`,
    );
  return index;
}

/** The frames of a DCASE output file, which has no header; a file without a line is silence. */
export function parseFrames(text: string, path: string, labels: readonly string[] = OFFICE_LABELS): Scene {
  const rows = csvLines(text, path);
  const columns = rows[0]?.values.length ?? 4;
  if (rows[0] && (columns < 4 || columns > 6))
    throw errorAt(
      rows[0],
      `${columns} values; 4 (frame,class,azi,ele) or 5 to 6 (frame,class,source,azi,ele,dist) are known`,
    );
  const frames = rows.map((row) => parseFrame(row, columns, labels));
  return { kind: 'frames', frameSeconds: columns === 4 ? 0.02 : 0.1, frames };
}

function parseFrame(row: CsvLine, columns: number, labels: readonly string[]): SceneFrame {
  if (row.values.length !== columns)
    throw errorAt(row, `${row.values.length} values where the first line has ${columns}`);
  const azimuthColumn = columns === 4 ? 2 : 3;
  return {
    frame: numberAt(row, 0, 'frame', { lowest: 0, whole: true }),
    classIndex: numberAt(row, 1, 'class', { lowest: 0, highest: labels.length - 1, whole: true }),
    ...(columns > 4 && { source: numberAt(row, 2, 'source', { lowest: 0, whole: true }) }),
    azimuth: numberAt(row, azimuthColumn, 'azi', AZIMUTH),
    elevation: numberAt(row, azimuthColumn + 1, 'ele', ELEVATION),
    ...(columns === 6 && { distance: numberAt(row, 5, 'dist', { lowest: 0 }) }),
  };
}

/**
 * Metadata CSV of events: times to the microsecond and, as other readers of the format demand, whole degrees and always a
 * distance (0 where it is not known). The column `sample` is written when an event has one.
 */
export function formatEvents(events: readonly Omit<SceneEvent, 'classIndex'>[]): string {
  const withSample = events.some(({ sample }) => sample !== undefined);
  const rows = events.map(({ label, startSeconds, endSeconds, azimuth, elevation, distance = 0, sample = '' }) => {
    const values = [label, seconds(startSeconds), seconds(endSeconds), degrees(elevation), degrees(azimuth), distance];
    return (withSample ? [...values, sample] : values).join(',');
  });
  return lines([withSample ? `${HEADER},sample` : HEADER, ...rows]);
}

/** DCASE 2019 output: 20 ms frames, class index, whole degrees, azimuth before elevation, no header. */
export function formatFrames20ms(frames: readonly SceneFrame[]): string {
  return lines(frames.map((f) => `${f.frame},${f.classIndex},${degrees(f.azimuth)},${degrees(f.elevation)}`));
}

/** DCASE 2020 and later output: 100 ms frames, class index, source, whole degrees, and the distance where all have one. */
export function formatFrames100ms(frames: readonly SceneFrame[]): string {
  const withDistance = frames.every(({ distance }) => distance !== undefined);
  return lines(
    frames.map(({ frame, classIndex, source = 0, azimuth, elevation, distance }) =>
      [frame, classIndex, source, degrees(azimuth), degrees(elevation), ...(withDistance ? [distance] : [])].join(','),
    ),
  );
}

function lines(rows: readonly string[]): string {
  return rows.map((row) => `${row}\n`).join('');
}

function seconds(value: number): number {
  return Number(value.toFixed(6));
}

/** Whole degrees; adding 0 turns -0 into 0. */
function degrees(value: number): number {
  return Math.round(value) + 0;
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new UserError(`Cannot read ${path}: ${code === 'ENOENT' ? 'there is no such file' : code}`, { cause: error });
  }
}
