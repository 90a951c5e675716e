// What a list of devices shows of each, from what the device said last.
import type { DeviceAnswer } from './answers.ts';

export interface DeviceFacts {
  readonly key: string;
  readonly site: string;
  readonly device: string;
  readonly state: string | null;
  readonly lastSeenMs: number;
  readonly lastSeen: string;
  readonly model: string | null;
  readonly backend: string | null;
  /** Of the hottest zone. */
  readonly celsius: number | null;
  readonly queued: number | null;
  readonly faults: readonly { readonly code: string; readonly message: string }[];
  /** Numbers of events that never came. */
  readonly missing: number;
}

export function keyOf({ site, device }: { readonly site: string; readonly device: string }): string {
  return `${site}/${device}`;
}

export function factsOf(answer: DeviceAnswer): DeviceFacts {
  const { site, device, state, lastSeen, info, health, missing } = answer;
  const zones = Object.values(health?.celsius ?? {}).filter((value) => value !== null);
  return {
    ...{ key: keyOf(answer), site, device, state, lastSeen, lastSeenMs: Date.parse(lastSeen) },
    model: info?.model?.name ?? null,
    backend: info?.backend ?? null,
    celsius: zones.length > 0 ? Math.max(...zones) : null,
    queued: health?.outbox?.queued ?? null,
    faults: health?.faults ?? [],
    missing,
  };
}
