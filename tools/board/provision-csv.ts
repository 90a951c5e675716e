// A list of devices to provision: one line each, checked as a whole before the first is touched.
import { readFile } from 'node:fs/promises';
import { nearestName } from '../../runtime/nearest-name.ts';
import { UserError } from '../command.ts';
import { type CsvLine, csvLines, errorAt, numberAt } from '../csv-lines.ts';
import { nameOf, Plan } from './provision-plan.ts';

const TEXT_COLUMNS = ['site', 'device', 'serial', 'host', 'board', 'hostname'] as const;
const COLUMNS = [...TEXT_COLUMNS, 'port', 'latitude', 'longitude', 'altitudeMetres', 'headingDegrees'] as const;
const MOST_LINES = 10_000;

/**
 * Reads a list with a line of column names first; what a line leaves empty comes from the options.
 * @param common values for all of them
 * @throws UserError naming line and rule; duplicates of a name, a port or an address are refused
 */
export async function readPlans(file: string, common: Readonly<Record<string, unknown>>): Promise<Plan[]> {
  const text = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new UserError(`The list ${file} cannot be read (${cause.code}).`, { cause });
  });
  const [head, ...lines] = csvLines(text, file);
  if (!head || lines.length === 0)
    throw new UserError(
      `${file} lists no device: a line of column names (site,device,serial ...), then one line for each.`,
    );
  if (lines.length > MOST_LINES)
    throw new UserError(`${file} has ${lines.length} lines, ${MOST_LINES} are taken at once.`);
  checkColumns(head);
  const plans = lines.map((line) => planOf(head.values, line, common));
  checkDuplicates(plans, lines);
  return plans;
}

function checkColumns(head: CsvLine): void {
  const known = COLUMNS as readonly string[];
  const unknown = head.values.find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw errorAt(
      head,
      `there is no column "${unknown}", the nearest is ${nearestName(unknown, known)} (all: ${COLUMNS.join(', ')})`,
    );
  const twice = head.values.find((name, i) => head.values.indexOf(name) !== i);
  if (twice !== undefined) throw errorAt(head, `the column ${twice} is there twice`);
  for (const name of ['site', 'device'])
    if (!head.values.includes(name)) throw errorAt(head, `the column ${name} is missing`);
}

function planOf(columns: readonly string[], line: CsvLine, common: Readonly<Record<string, unknown>>): Plan {
  if (line.values.length !== columns.length)
    throw errorAt(line, `there are ${line.values.length} values for ${columns.length} columns`);
  const text = (name: string) => line.values[columns.indexOf(name)] || undefined;
  const number = (name: string, lowest: number, highest: number) =>
    text(name) === undefined ? undefined : numberAt(line, columns.indexOf(name), name, { lowest, highest });
  const given = Object.fromEntries(
    TEXT_COLUMNS.flatMap((name) => (text(name) === undefined ? [] : [[name, text(name)]])),
  );
  const port = number('port', 1, 65_535);
  const [latitude, longitude] = [number('latitude', -90, 90), number('longitude', -180, 180)];
  if ((latitude === undefined) !== (longitude === undefined)) throw errorAt(line, 'latitude and longitude go together');
  const [altitudeMetres, headingDegrees] = [number('altitudeMetres', -500, 9000), number('headingDegrees', 0, 359.999)];
  const settings = {
    ...(common.settings as object),
    ...(latitude !== undefined && {
      position: { latitude, longitude, ...(altitudeMetres !== undefined && { altitudeMetres }) },
    }),
    ...(headingDegrees !== undefined && { headingDegrees }),
  };
  const result = Plan.safeParse({ ...common, ...given, ...(port !== undefined && { port }), settings });
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  throw errorAt(line, `${issue.path.join('.') || 'plan'}: ${issue.message}`);
}

/** Two lines for one device, or one cable for two devices. */
function checkDuplicates(plans: readonly Plan[], lines: readonly CsvLine[]): void {
  const identities: Record<string, (plan: Plan) => string | undefined> = {
    device: nameOf,
    serial: ({ serial }) => serial,
    address: ({ host, port }) => (host === undefined ? undefined : `${host}:${port}`),
  };
  for (const [what, identify] of Object.entries(identities)) {
    const seen = new Map<string, number>();
    for (const [i, plan] of plans.entries()) {
      const identity = identify(plan);
      if (identity === undefined) continue;
      const before = seen.get(identity);
      if (before !== undefined) throw errorAt(lines[i]!, `${what} ${identity} stands in line ${before} already`);
      seen.set(identity, lines[i]!.line);
    }
  }
}
