// What a list of devices shows of each, taken from what the device said last.
import { UserError } from '../command.ts';
import type { Device } from './http/contract.ts';

/** One line of a list; null for what is not known. */
export interface DeviceFacts {
  readonly site: string;
  readonly device: string;
  readonly state: string | null;
  /** ISO 8601, UTC. */
  readonly lastSeen: string;
  readonly version: string | null;
  readonly model: string | null;
  readonly backend: string | null;
  /** Hottest zone. */
  readonly celsius: number | null;
  /** Loudest channel, dB of full scale. */
  readonly levelDbfs: number | null;
  /** Messages that wait on the device. */
  readonly queued: number | null;
  /** Codes of what is wrong now. */
  readonly faults: readonly string[];
}

export function factsOf({ site, device, state, lastSeen, info, health }: Omit<Device, 'missing'>): DeviceFacts {
  return {
    ...{ site, device, state, lastSeen },
    version: info?.version ?? null,
    model: info?.model?.name ?? null,
    backend: info?.backend ?? null,
    celsius: highest(Object.values(health?.celsius ?? {})),
    levelDbfs: highest(health?.levelsDbfs ?? []),
    queued: health?.outbox?.queued ?? null,
    faults: health?.faults?.map(({ code }) => code) ?? [],
  };
}

/** The highest of what is known; null when nothing is. */
export function highest(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : Math.max(...known);
}

const text = (value: string | null) => value ?? '';
const number = (value: number | null) => value ?? Number.NEGATIVE_INFINITY;
const byText = (of: (facts: DeviceFacts) => string | null) => (a: DeviceFacts, b: DeviceFacts) =>
  text(of(a)) < text(of(b)) ? -1 : Number(text(of(a)) > text(of(b)));
const byNumber = (of: (facts: DeviceFacts) => number | null) => (a: DeviceFacts, b: DeviceFacts) =>
  Math.sign(number(of(b)) - number(of(a))) || 0;

/** Orders by name: words from a to z, figures from the highest, the longest unseen and the most faulty first. */
const ORDERS = {
  name: byText(({ site, device }) => `${site}/${device}`),
  state: byText(({ state }) => state),
  seen: byText(({ lastSeen }) => lastSeen),
  model: byText(({ model }) => model),
  temperature: byNumber(({ celsius }) => celsius),
  level: byNumber(({ levelDbfs }) => levelDbfs),
  queue: byNumber(({ queued }) => queued),
  faults: byNumber(({ faults }) => faults.length),
} as const;

export type DeviceOrder = keyof typeof ORDERS;
export const DEVICE_ORDERS = Object.keys(ORDERS) as DeviceOrder[];

/** @throws UserError for an order that there is not */
export function deviceOrder(name: string): DeviceOrder {
  if (name in ORDERS) return name as DeviceOrder;
  throw new UserError(`--sort ${name}: give one of ${DEVICE_ORDERS.join(', ')}.`);
}

/** Sorted copy; devices that are equal stand by their names. */
export function sorted(devices: readonly DeviceFacts[], order: DeviceOrder, reverse = false): DeviceFacts[] {
  const direction = reverse ? -1 : 1;
  return [...devices].sort((a, b) => direction * ORDERS[order](a, b) || ORDERS.name(a, b));
}
