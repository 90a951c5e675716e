// What the HTTP API takes and gives about rollouts, wishes, alarms and webhooks. The page takes types alone from here.
import { z } from 'zod';
import { AlarmRule, RULE_NAME, SEVERITIES } from '../alarm-rules.ts';
import { RolloutDefinition } from '../rollout-definition.ts';
import { STATUSES } from '../rollout-plan.ts';
import { PHASES } from '../rollout-verdict.ts';
import { isZone } from '../rollout-window.ts';
import { NewWebhook, WebhookSettings } from '../webhook-store.ts';
import { Desired } from './contract.ts';

const time = z.iso.datetime({ offset: true }).describe('ISO 8601');
const count = z.int().min(0);
const reason = z.string().max(500).default('no reason given');

export { AlarmRule, NewWebhook, RolloutDefinition };

export const RolloutKey = z.object({ id: z.string().min(1).max(100).describe('its number or its name') });
export const RolloutSummary = z.object({
  ...{ id: count, name: z.string(), status: z.enum(STATUSES) },
  reason: z.string().nullable().describe('why it does not go on'),
  wave: z.int().positive().describe('the one that is going on, from 1'),
  waves: z
    .array(z.partialRecord(z.enum(PHASES), count))
    .describe('how many devices of each wave are in each phase; pending: not begun, or away'),
  ...{ created: time, createdBy: z.string() },
});
export type RolloutSummary = z.infer<typeof RolloutSummary>;
export const Rollouts = z.object({ rollouts: z.array(RolloutSummary).describe('newest first') });

export const RolloutDevice = z.object({
  ...{ name: z.string().describe('site/device'), wave: z.int().positive(), phase: z.enum(PHASES) },
  version: count.nullable().describe('of the wish that carries the change'),
  sent: time.nullable(),
  reason: z.string().nullable().describe('why it failed, or is out'),
});
export type RolloutDevice = z.infer<typeof RolloutDevice>;
export const RolloutDetails = RolloutSummary.extend({
  definition: RolloutDefinition,
  devices: z.array(RolloutDevice).describe('in the order in which they are begun; at most as many as were asked for'),
  log: z.array(z.object({ time, who: z.string(), what: z.string() })).describe('newest first'),
});
export type RolloutDetails = z.infer<typeof RolloutDetails>;
export const RolloutQuery = z.strictObject({
  phase: z.enum(PHASES).optional().describe('devices in this phase alone'),
  limit: z.coerce.number().int().min(0).max(100_000).default(1000).describe('devices shown'),
});

export const RolloutPreview = z.object({
  name: z.string(),
  waves: z.array(z.object({ devices: z.array(z.string()), online: count, approval: z.boolean() })),
  unknown: z.array(z.string()).describe('devices of a list that the hub never heard'),
  withoutZone: count.describe(
    "devices for which no time zone is noted: their window is that of UTC, where it is the device's",
  ),
});
export type RolloutPreview = z.infer<typeof RolloutPreview>;
export const PauseOrder = z.strictObject({ reason });
export const ResumeOrder = z.strictObject({ retry: z.boolean().default(false).describe('try failed devices again') });
export const AbortOrder = z.strictObject({
  reason,
  rollBack: z.boolean().default(false).describe('take the change back from devices that have it'),
});

export const DesiredList = z.object({
  desired: z.array(Desired.extend({ tags: z.array(z.string()), zone: z.string().nullable() })),
});
export type DesiredList = z.infer<typeof DesiredList>;
export const DesiredQuery = z.strictObject({
  devices: z.string().max(8000).optional().describe('site/device, with commas between; default all'),
});
const Tag = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, 'must be 1 to 63 letters, digits, dots, hyphens or underscores');
export const DeviceNote = z.strictObject({
  addTags: z.array(Tag).max(50).default([]),
  removeTags: z.array(Tag).max(50).default([]),
  zone: z.string().refine(isZone, 'must be a time zone such as Europe/Berlin').nullable().optional(),
});

export const Alarm = z.object({
  id: count,
  rule: z.string(),
  ...{ site: z.string(), device: z.string().describe('empty, like site: of the hub itself') },
  severity: z.enum(SEVERITIES),
  message: z.string(),
  raised: time,
  ...{ cleared: time.nullable(), acknowledged: time.nullable(), acknowledgedBy: z.string().nullable() },
  isFlapping: z.boolean().describe('it came and went: held until it was quiet for half an hour'),
  silencedUntil: time.nullable(),
});
export type Alarm = z.infer<typeof Alarm>;
export const Alarms = z.object({ alarms: z.array(Alarm).describe('open ones first') });
export const AlarmQuery = z.strictObject({
  open: z.enum(['true', 'false']).default('false').describe('open ones alone'),
  limit: z.coerce.number().int().min(1).max(5000).default(500),
});
export const AlarmKey = z.object({ id: z.coerce.number().int().positive() });
export const Silence = z.strictObject({ until: time.nullable().describe('null: tell again') });
export const AlarmRules = z.object({ rules: z.array(AlarmRule) });
export const RuleKey = z.object({ name: RULE_NAME });

export const Webhook = z.object({
  ...{ id: count, url: z.string(), ...WebhookSettings.shape, created: time, createdBy: z.string() },
  failingSince: time.nullable(),
  ...{ disabled: time.nullable(), disabledReason: z.string().nullable() },
  ...{ waiting: count, delivered: count.describe('of the last week'), givenUp: count },
  dropped: count.describe('that the bound of the queue threw out'),
});
export type Webhook = z.infer<typeof Webhook>;
export const Webhooks = z.object({ webhooks: z.array(Webhook) });
export const AddedWebhook = z.object({
  id: count,
  secret: z.string().describe('shown once: for the verifying library of the receiver'),
});
export const WebhookKey = z.object({ id: z.coerce.number().int().positive() });
