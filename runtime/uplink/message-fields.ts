// Fields that several messages have: who speaks, when, and where a sound is.
import { z } from 'zod';
import { Id } from '../config.ts';

export const seconds = z.number().min(0);
export const time = z.iso.datetime().describe('UTC, from the clock described by clock');
export const unit = z.number().min(-1.0001).max(1.0001);
export const azimuth = z.number().min(-180).max(180).describe('degrees, counter-clockwise from the front');
export const elevation = z.number().min(-90).max(90).describe('degrees, up positive');
/** A part of a topic that the sender chooses. */
export const Token = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be 1 to 64 letters, digits, hyphens or underscores');

export const Clock = z.object({
  source: z.enum(['system', 'recording']).describe('recording: time within a file that is played'),
  synced: z.boolean().nullable().describe('null: not known'),
  offsetMs: z.number().nullable().describe('to a reference clock; null: not known'),
});
export type Clock = z.infer<typeof Clock>;

/** Which device a message is from or for. */
export const address = { site: Id, device: Id };

/** What every message of a device carries. Fields a consumer does not know are kept, so a newer device can say more. */
export const envelope = { ...address, bootId: Id.describe('new at each start of the runtime') };
