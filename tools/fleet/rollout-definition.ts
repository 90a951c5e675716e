// A rollout as a person writes it: what changes, for whom, in which waves, and when to go on or to stop. JSON, checked by zod.
import { z } from 'zod';
import { UserError } from '../command.ts';
import { Change, checkSettings } from './desired.ts';
import { Target, Wave } from './rollout-target.ts';
import { MaintenanceWindow } from './rollout-window.ts';

const percent = z.number().min(0).max(100);
const minutes = z.number().min(0).max(525_600);

export const RolloutDefinition = z.strictObject({
  name: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'must be 1 to 64 letters, digits, dots, hyphens or underscores'),
  note: z.string().max(2000).default(''),
  change: Change,
  target: Target,
  waves: z
    .array(Wave)
    .min(1)
    .max(50)
    .default(() => [Wave.parse({ percent: 5 }), Wave.parse({ percent: 20 }), Wave.parse({})])
    .describe('in order; the last one takes all devices that are left'),
  perMinute: z.int().positive().max(100_000).default(60).describe('most devices begun in a minute'),
  atOnce: z.int().positive().max(10_000).default(500).describe('most devices under way at a time'),
  successPercent: percent.default(90).describe('of a wave that must succeed before the next one begins'),
  quorumPercent: percent
    .default(50)
    .describe('of a wave that must have succeeded or failed before the next one begins; the rest may be away'),
  errorPercent: percent.default(10).describe('more failures than this among all devices so far stop the rollout'),
  errorAfter: z.int().positive().default(10).describe('devices that must have succeeded or failed before errors count'),
  deviceMinutes: minutes.default(60).describe('online time in which a device must take the change'),
  healthyMinutes: minutes.default(5).describe('a device must stay healthy so long after it'),
  silentMinutes: minutes.default(15).describe('a device that took it up and is not heard so long counts as failed'),
  window: MaintenanceWindow.nullable().default(null).describe('when devices may be changed; null: at any time'),
  rollBackOnStop: z.boolean().default(false).describe('a stop takes the change back from all devices that have it'),
  supersede: z
    .boolean()
    .default(false)
    .describe('take its devices out of older rollouts of the same settings or release'),
});
export type RolloutDefinition = z.infer<typeof RolloutDefinition>;

/** @param origin where it comes from, for the error. @throws UserError naming the key and the rule */
export function parseRollout(json: unknown, origin: string): RolloutDefinition {
  const result = RolloutDefinition.safeParse(json);
  if (!result.success) {
    const { path, message, ...issue } = result.error.issues[0]!;
    const unknown =
      issue.code === 'unrecognized_keys' ? ` (all: ${Object.keys(RolloutDefinition.shape).join(', ')})` : '';
    throw new UserError(`${origin}: ${path.join('.') || 'rollout'}: ${message}${path.length === 0 ? unknown : ''}.`);
  }
  checkSettings(result.data.change.settings ?? {});
  return result.data;
}
