// What a board shall become: the settings of one provisioning, checked before anything is touched.
import { z } from 'zod';
import { Id } from '../../runtime/config.ts';
import { UserError } from '../command.ts';

/** As useradd takes it, without the odd ones. */
const Account = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,30}$/, 'must be lower-case letters, digits or hyphens, e.g. nvidia');
const Host = z.string().regex(/^[A-Za-z0-9.:_-]{1,253}$/, 'must be a name or an address');

export const Plan = z
  .strictObject({
    site: Id,
    device: Id,
    board: z.string().optional().describe('name of its profile (earshot board show)'),
    serial: z.string().optional().describe('serial port of its console'),
    host: Host.optional().describe('address for SSH; default what the console tells'),
    port: z.int().min(1).max(65_535).default(22),
    user: Account.default('nvidia').describe('account that flashing left'),
    keeper: Account.default('earshot-keeper').describe('account for SSH, made on the board'),
    hostname: z
      .string()
      .regex(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/, 'must be lower-case letters, digits or inner hyphens')
      .optional(),
    wifi: z
      .string()
      .regex(/^[\x20-\x7e]{1,32}$/, 'must be 1 to 32 plain characters')
      .optional()
      .describe('name of the wireless network'),
    ntp: z.array(Host).default([]).describe('time servers; default those the board knows'),
    settings: z.record(z.string(), z.unknown()).default({}).describe('settings of the device'),
  })
  .refine(({ serial, host }) => serial !== undefined || host !== undefined, {
    path: ['serial'],
    message: 'a board needs serial (its console) or, once its host key is known, host',
  });
export type Plan = z.infer<typeof Plan>;

/** @param origin where the values come from, for the error. @throws UserError naming key and rule */
export function parsePlan(values: unknown, origin: string): Plan {
  const result = Plan.safeParse(values);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  throw new UserError(`${origin}: ${issue.path.join('.') || 'plan'}: ${issue.message}.`);
}

export const nameOf = ({ site, device }: Pick<Plan, 'site' | 'device'>): string => `${site}/${device}`;

/** Where things lie on a board. */
export const PLACES = {
  slots: '/opt/earshot',
  settings: '/etc/earshot/device.json',
  identity: '/var/lib/earshot/identity',
  key: '/var/lib/earshot/identity/device.key',
  certificate: '/var/lib/earshot/identity/device.pem',
  authority: '/var/lib/earshot/identity/root.pem',
  state: '/var/lib/earshot',
  /** Node.js and launcher outlive every slot. */
  node: '/usr/local/lib/earshot/node',
  launcher: '/usr/local/lib/earshot/launcher.mjs',
  unit: '/etc/systemd/system/earshot.service',
  sysusers: '/etc/sysusers.d/earshot.conf',
  udevRules: '/etc/udev/rules.d/71-earshot-microphone.rules',
} as const;
