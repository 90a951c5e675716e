// What a device is wished to be: the settings and the release of config/desired, how changes join, and where a device differs.
import { z } from 'zod';
import { parseConfig } from '../../runtime/config.ts';
import { REMOTE_KEYS } from '../../runtime/device/twin.ts';
import { nearestName } from '../../runtime/nearest-name.ts';
import { WishedRelease } from '../../runtime/uplink/messages.ts';
import { UserError } from '../command.ts';

/** A signed bundle that a device is to install, as config/desired carries it. */
export const Release = z.strictObject({
  ...WishedRelease.shape,
  url: z.url({ protocol: /^https?$/, error: 'must be an http or https URL' }).max(2000),
});
export type Release = z.infer<typeof Release>;

export type Settings = Readonly<Record<string, unknown>>;

/** All that is wished of one device. A setting that is not named is that of the device's own file. */
export interface Wish {
  readonly settings: Settings;
  readonly release: Release | null;
}

export const NO_WISH: Wish = { settings: {}, release: null };

/** A change of wishes: settings by name, null takes one back to the device's file; the release stays where it is not named. */
export const Change = z
  .strictObject({
    settings: z.record(z.string(), z.unknown()).optional(),
    release: Release.nullable().optional(),
  })
  .refine(({ settings, release }) => release !== undefined || Object.keys(settings ?? {}).length > 0, {
    error: 'must name settings or a release',
  });
export type Change = z.infer<typeof Change>;

/** What config/reported tells, as far as it matters here; a newer device may say more. */
export interface Reported {
  readonly version: number;
  readonly desiredVersion: number | null;
  readonly state: 'applied' | 'trial' | 'refused' | 'rolled-back';
  readonly errors: readonly { readonly key: string; readonly message: string }[];
  readonly settings?: Settings;
  readonly release?: {
    readonly name: string;
    readonly sequence: number;
    readonly state: string;
    readonly error?: string;
  };
}

/**
 * Settings that devices take from far, each within its range.
 * @throws UserError naming the setting and the rule
 */
export function checkSettings(settings: Settings): void {
  const given = Object.entries(settings).filter(([, value]) => value !== null);
  for (const key of Object.keys(settings)) {
    if ((REMOTE_KEYS as readonly string[]).includes(key)) continue;
    throw new UserError(
      `${key} is not changed from far; the nearest that is: ${nearestName(key, REMOTE_KEYS)} (all: ${REMOTE_KEYS.join(', ')}).`,
    );
  }
  parseConfig(Object.fromEntries(given), 'desired settings');
}

/** The wish after a change. */
export function changed(wish: Wish, { settings = {}, release }: Change): Wish {
  const joined = Object.entries({ ...wish.settings, ...settings }).filter(([, value]) => value !== null);
  return { settings: Object.fromEntries(joined), release: release === undefined ? wish.release : release };
}

/**
 * The wish with a change taken back: each setting the change named is as before, unless somebody has set it anew since.
 * @param before what was wished before the change
 */
export function takenBack(wish: Wish, change: Change, before: Wish): Wish {
  const settings: Record<string, unknown> = { ...wish.settings };
  for (const [key, value] of Object.entries(change.settings ?? {})) {
    if (!same(settings[key] ?? null, value)) continue;
    if (before.settings[key] === undefined) delete settings[key];
    else settings[key] = before.settings[key];
  }
  const isOurs = change.release !== undefined && same(wish.release, change.release);
  return { settings, release: isOurs ? before.release : wish.release };
}

/** Do two changes touch the same thing, so that devices could not have both? */
export function overlap(a: Change, b: Change): boolean {
  if (a.release !== undefined && b.release !== undefined) return true;
  return Object.keys(a.settings ?? {}).some((key) => Object.hasOwn(b.settings ?? {}, key));
}

/** Where a device is not what is wished of it: one line per difference; nothing where it is so. */
export function drift(wish: Wish & { readonly version: number }, reported: Reported | null): string[] {
  if (wish.version === 0) return [];
  if (!reported) return [`version ${wish.version} is wished, the device has said nothing of its settings`];
  const lines: string[] = [];
  const { state, errors, version, desiredVersion, release } = reported;
  const why = errors.map(({ key, message }) => (key ? `${key}: ${message}` : message)).join('; ');
  const isAbout = desiredVersion === wish.version;
  if (isAbout && state === 'trial') lines.push(`version ${wish.version} is on trial`);
  else if (isAbout && state !== 'applied') lines.push(`version ${wish.version} is ${state}: ${why}`);
  else if (version !== wish.version) lines.push(`version ${wish.version} is wished, version ${version} is in use`);
  for (const key of new Set([...Object.keys(wish.settings), ...Object.keys(reported.settings ?? {})])) {
    const [wished, used] = [wish.settings[key], reported.settings?.[key]];
    if (reported.settings && !same(wished ?? null, used ?? null)) {
      lines.push(`${key} is ${shown(used)}, wished ${shown(wished)}`);
    }
  }
  if (wish.release && !hasRelease(reported, wish.release)) {
    const now = release ? `${release.state}${release.error ? `: ${release.error}` : ''}` : 'nothing said of it';
    lines.push(`release ${wish.release.name} (${wish.release.sequence}) is wished: ${now}`);
  }
  return lines;
}

/** Does the device run the release, or a newer one? done is said of one that was just installed, idle of what has run for long. */
export function hasRelease({ release }: Reported, wished: Release): boolean {
  return release !== undefined && release.sequence >= wished.sequence && ['done', 'idle'].includes(release.state);
}

/** Equal as JSON, whatever the order of keys. */
export function same(a: unknown, b: unknown): boolean {
  return canonical(a) === canonical(b);
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    part !== null && typeof part === 'object' && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}

function shown(value: unknown): string {
  return value === undefined ? "the file's" : JSON.stringify(value);
}
