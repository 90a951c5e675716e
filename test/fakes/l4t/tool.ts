// Stands in for NVIDIA's flashing tools: writes down how it was called, prints what it was ordered to, plugs and unplugs boards.
import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type PluggedUsb, plugUsb } from '../usb-tree.ts';

/** One thing that a run does. */
export type ToolOrder =
  | { readonly replay: string }
  | { readonly say: string }
  | { readonly waitMs: number }
  /** What is plugged in from now on. */
  | { readonly plug: readonly PluggedUsb[] }
  /** Text for the file that mass flashing writes about a board. */
  | { readonly board: string; readonly replay: string }
  | { readonly hang: true }
  | { readonly exit: number };

const orders = process.env.FAKE_L4T!;
const texts = fileURLToPath(new URL('../../../../test/fakes/l4t/', import.meta.url));
const runs = join(orders, 'runs.jsonl');
const number = existsSync(runs) ? readFileSync(runs, 'utf8').trim().split('\n').length : 0;
const [program, ...args] = process.argv.slice(2);
appendFileSync(
  runs,
  `${JSON.stringify({ program: basename(program!), args, folder: process.cwd(), pid: process.pid })}\n`,
);
const all = JSON.parse(readFileSync(join(orders, 'orders.json'), 'utf8')) as { root: string; runs: ToolOrder[][] };

for (const order of all.runs[number] ?? []) {
  if ('board' in order) writeBoardLog(order.board, order.replay);
  else if ('replay' in order) process.stdout.write(readFileSync(join(texts, `${order.replay}.txt`)));
  else if ('say' in order) process.stdout.write(`${order.say}\n`);
  else if ('waitMs' in order) await new Promise((resolve) => setTimeout(resolve, order.waitMs));
  else if ('plug' in order) plugUsb(all.root, order.plug);
  else if ('hang' in order) await new Promise((resolve) => setTimeout(resolve, 600_000));
  else process.exitCode = order.exit;
}

function writeBoardLog(instance: string, replay: string): void {
  const folder = join(process.cwd(), 'initrdlog');
  mkdirSync(folder, { recursive: true });
  appendFileSync(join(folder, `flash_${instance}_0_20261123-060000.log`), readFileSync(join(texts, `${replay}.txt`)));
}
