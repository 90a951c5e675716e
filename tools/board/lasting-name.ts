// The name of a serial port that outlives a replug: by what is plugged in, not by the order it came in.
import { readdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';

const BY_ID = '/dev/serial/by-id';

/** The link of udev that leads to a port such as /dev/ttyACM0; the path itself where there is none. @param folder of such links */
export function lastingName(path: string, folder = BY_ID): string {
  if (path.startsWith(`${folder}/`)) return path;
  try {
    const target = realpathSync(path);
    const link = readdirSync(folder).find((name) => realpathSync(join(folder, name)) === target);
    return link ? join(folder, link) : path;
  } catch {
    // No such port yet, or no udev here: the caller's path is all we have, and opening it tells what is wrong.
    return path;
  }
}
