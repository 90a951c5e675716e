// Which devices a rollout is for, and in which wave each stands: by a list, or by a rule over what is known of devices.
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { Id } from '../../runtime/config.ts';

const patterns = z.array(z.string().min(1).max(200)).min(1).optional();

/** A device's name as commands and files write it. */
export const DeviceName = z.string().refine((name) => {
  const parts = name.split('/');
  return parts.length === 2 && parts.every((part) => Id.safeParse(part).success);
}, 'must be SITE/DEVICE, e.g. mill/ear-3');

/** Every condition that is given must hold; within one, any of its patterns. A * stands for any letters; case does not matter. */
export const TargetRule = z.strictObject({
  sites: patterns,
  devices: patterns,
  tags: patterns.describe('one of the tags noted for the device'),
  boards: patterns.describe('the board as health names it, e.g. *Orin Nano*'),
  models: patterns.describe('the network the device runs'),
  versions: patterns.describe("of the device's software"),
  percent: z
    .number()
    .gt(0)
    .max(100)
    .default(100)
    .describe('share of those that fit: always the same ones for the same seed'),
  seed: z.string().max(100).default('').describe('another one chooses other devices'),
});
export type TargetRule = z.infer<typeof TargetRule>;

export const Target = z.union([
  z.strictObject({ devices: z.array(DeviceName).min(1).max(1_000_000) }),
  z.strictObject({
    rule: TargetRule,
    follow: z.boolean().default(false).describe('devices that begin to fit later join the last wave'),
  }),
]);
export type Target = z.infer<typeof Target>;

/** What is known of a device, as far as rules ask for it. */
export interface Candidate {
  readonly site: string;
  readonly device: string;
  readonly tags: readonly string[];
  readonly board: string | null;
  readonly model: string | null;
  readonly version: string | null;
}

export const Wave = z
  .strictObject({
    devices: z.int().positive().optional(),
    percent: z.number().gt(0).max(100).optional().describe('of all devices of the rollout, rounded up'),
    perMinute: z.int().positive().max(100_000).optional().describe('most devices begun in a minute'),
    approval: z.boolean().default(false).describe('a person must approve before it begins'),
    soakMinutes: z.number().min(0).max(43_200).default(0).describe('to wait after it, before the next one'),
  })
  .refine(({ devices, percent }) => devices === undefined || percent === undefined, {
    error: 'must have devices or percent, not both',
  });
export type Wave = z.infer<typeof Wave>;

/** Does the device fit the rule? */
export function fits(rule: TargetRule, candidate: Candidate): boolean {
  const { site, device, tags, board, model, version } = candidate;
  const conditions: [readonly string[] | undefined, readonly (string | null)[]][] = [
    ...([
      [rule.sites, [site]],
      [rule.devices, [device, `${site}/${device}`]],
      [rule.tags, tags],
    ] as const),
    ...([
      [rule.boards, [board]],
      [rule.models, [model]],
      [rule.versions, [version]],
    ] as const),
  ].map(([wanted, values]) => [wanted, values]);
  const holds = conditions.every(
    ([wanted, values]) =>
      !wanted || wanted.some((pattern) => values.some((value) => value !== null && matches(pattern, value))),
  );
  return holds && draw(rule.seed, `${site}/${device}`) < rule.percent / 100;
}

/**
 * The devices of a rollout in the order in which they are changed: a list's own, or by a draw of their names, so that not the same
 * devices go first every time.
 */
export function devicesOf(target: Target, candidates: readonly Candidate[], rolloutName: string): string[] {
  if ('devices' in target) return [...new Set(target.devices)];
  const names = candidates.filter((each) => fits(target.rule, each)).map(({ site, device }) => `${site}/${device}`);
  const drawn = new Map(names.map((name) => [name, draw(rolloutName, name)]));
  return names.sort((a, b) => drawn.get(a)! - drawn.get(b)! || (a < b ? -1 : 1));
}

/** How many devices each wave has; the last one takes all that are left, and waves beyond the last device are empty. */
export function waveSizes(waves: readonly Wave[], total: number): number[] {
  let left = total;
  return waves.map(({ devices, percent }, i) => {
    const wanted = devices ?? (percent === undefined ? left : Math.ceil((total * percent) / 100));
    const size = i === waves.length - 1 ? left : Math.min(left, wanted);
    left -= size;
    return size;
  });
}

/** A number from 0 to 1 that is always the same for the same words. */
export function draw(seed: string, name: string): number {
  return createHash('sha256').update(`${seed}\n${name}`).digest().readUIntBE(0, 6) / 2 ** 48;
}

function matches(pattern: string, value: string): boolean {
  const [wanted, given] = [pattern.toLowerCase(), value.toLowerCase()];
  const parts = wanted.split('*');
  if (parts.length === 1) return wanted === given;
  const [first, last] = [parts[0]!, parts.at(-1)!];
  if (!given.startsWith(first) || !given.endsWith(last) || given.length < first.length + last.length) return false;
  // The parts between, each as early as it goes: no regular expression of a stranger's making.
  let at = first.length;
  for (const part of parts.slice(1, -1)) {
    const found = given.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return at <= given.length - last.length;
}
