// When somebody must be told: rules over what devices say and do not say. Those of the hub can be changed, more can be added.
import { z } from 'zod';
import { MaintenanceWindow } from './rollout-window.ts';

export const SEVERITIES = ['info', 'warning', 'critical'] as const;
export const RULE_NAME = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,63}$/, 'must be 1 to 64 lower-case letters, digits or hyphens');

const seconds = z.number().min(0).max(31_536_000);
const names = z.array(z.string().min(1).max(200)).min(1);
const degrees = z.strictObject({ from: z.number().min(-360).max(360), to: z.number().min(-360).max(360) });

const common = {
  name: RULE_NAME,
  severity: z.enum(SEVERITIES).default('warning'),
  enabled: z.boolean().default(true),
  sites: names.optional().describe('default all'),
  devices: names.optional().describe('default all'),
  forSeconds: seconds.default(0).describe('it must be so for so long before the alarm is raised'),
  clearSeconds: seconds.default(60).describe('it must be otherwise for so long before the alarm is cleared'),
};

/** Figures of health that a rule may look at, by name: how they are found and what they are. */
export const FIGURES = [
  ...([
    'restartsLastHour',
    'outboxOldestSeconds',
    'outboxQueued',
    'diskFreeShare',
    'celsius',
    'realTimeFactor',
  ] as const),
  ...(['clockOffsetMs', 'streamRestarts', 'lostSamples'] as const),
] as const;
export type FigureName = (typeof FIGURES)[number];

export const AlarmRule = z.discriminatedUnion('kind', [
  z.strictObject({
    ...common,
    kind: z.literal('silent').describe('no health message came'),
    minutes: z.number().positive().max(525_600),
    exceptStates: names.default(['sleeping', 'disconnected']).describe('states in which a device may be silent'),
  }),
  z.strictObject({ ...common, kind: z.literal('state'), states: names }),
  z.strictObject({ ...common, kind: z.literal('fault'), codes: names.describe('as health names them') }),
  z.strictObject({ ...common, kind: z.literal('microphone').describe('health says that the microphone is not well') }),
  z
    .strictObject({
      ...common,
      kind: z.literal('figure'),
      figure: z.enum(FIGURES),
      above: z.number().optional(),
      below: z.number().optional(),
      clearAt: z.number().optional().describe('where it is well again; default the limit itself'),
    })
    .refine(({ above, below }) => (above === undefined) !== (below === undefined), {
      error: 'must have above or below',
    }),
  z.strictObject({
    ...common,
    kind: z.literal('gap').describe('numbers of events are missing'),
    minutes: z.number().min(0),
  }),
  z.strictObject({
    ...common,
    kind: z.literal('quarantine').describe('messages are put away that break the contract'),
    messages: z.int().positive(),
    minutes: z.number().positive().max(1440),
  }),
  z.strictObject({
    ...common,
    kind: z.literal('flood').describe('a device says more than it may, and a part is not stored'),
    minutes: z.number().positive().max(1440).describe('within which the last such report came; one comes each minute'),
  }),
  z.strictObject({
    ...common,
    kind: z.literal('hub').describe('of the hub itself'),
    what: z.enum(['rollout-stopped', 'webhook-disabled']),
  }),
  z.strictObject({
    ...common,
    kind: z.literal('event').describe('a sound was heard'),
    classes: names.optional().describe('default all'),
    minScore: z.number().min(0).max(1).default(0),
    bearing: degrees
      .optional()
      .describe('clockwise from north, from ... clockwise to; events without a bearing do not count'),
    azimuth: degrees.optional().describe('in the frame of the microphone, from ... counter-clockwise to'),
    window: MaintenanceWindow.optional().describe('only at these hours'),
    oldestMinutes: z.number().positive().default(60).describe('sounds that are told later raise no alarm'),
  }),
]);
export type AlarmRule = z.infer<typeof AlarmRule>;
export type RuleOf<K extends AlarmRule['kind']> = Extract<AlarmRule, { kind: K }>;

/** What a hub watches unless told otherwise. */
export const DEFAULT_RULES: readonly AlarmRule[] = [
  { name: 'device-silent', kind: 'silent', minutes: 5, severity: 'critical' },
  { name: 'device-away', kind: 'silent', minutes: 1440, exceptStates: ['sleeping'] },
  { name: 'device-alert', kind: 'state', states: ['alert'], forSeconds: 30, severity: 'critical' },
  { name: 'deaf', kind: 'fault', codes: ['microphone-lost', 'sound-stalled'], forSeconds: 30, severity: 'critical' },
  { name: 'microphone', kind: 'microphone', forSeconds: 120, clearSeconds: 120 },
  { name: 'inference-failed', kind: 'fault', codes: ['inference-failed'], severity: 'critical' },
  { name: 'inference-fallback', kind: 'fault', codes: ['inference-fallback'], forSeconds: 60 },
  { name: 'too-slow', kind: 'fault', codes: ['too-slow', 'windows-dropped'], forSeconds: 120, clearSeconds: 300 },
  { name: 'outbox-losing', kind: 'fault', codes: ['outbox-full', 'outbox-dropped'], severity: 'critical' },
  { name: 'outbox-old', kind: 'figure', figure: 'outboxOldestSeconds', above: 3600, clearAt: 60 },
  { name: 'clock', kind: 'fault', codes: ['clock-not-synced', 'clock-jumped'], forSeconds: 600, clearSeconds: 300 },
  { name: 'disk', kind: 'figure', figure: 'diskFreeShare', below: 0.05, clearAt: 0.08, forSeconds: 60 },
  { name: 'throttled', kind: 'fault', codes: ['throttled'], forSeconds: 300, clearSeconds: 600 },
  { name: 'restarts', kind: 'figure', figure: 'restartsLastHour', above: 3, clearAt: 1 },
  { name: 'events-missing', kind: 'gap', minutes: 10 },
  { name: 'quarantine', kind: 'quarantine', messages: 20, minutes: 10 },
  { name: 'flooding', kind: 'flood', minutes: 5 },
  { name: 'rollout-stopped', kind: 'hub', what: 'rollout-stopped', clearSeconds: 0 },
  { name: 'webhook-disabled', kind: 'hub', what: 'webhook-disabled', clearSeconds: 0 },
].map((rule) => AlarmRule.parse(rule));
