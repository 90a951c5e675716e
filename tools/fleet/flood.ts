// A device that says far more than it can hear must not crowd out the others: each has a bucket of tokens, refilled at its due.
import { ROOT } from '../../runtime/uplink/topics.ts';
import type { Database } from './database.ts';
import type { Quarantined } from './quarantine.ts';

/** What one device may say. */
export interface FloodLimits {
  /** Sustained; all classes of a model at once, told anew every second, are some 15. */
  readonly perSecond: number;
  /** At once: what a device brings along that was away for a day, at one event a second. */
  readonly burst: number;
}

export const FLOOD_LIMITS: FloodLimits = { perSecond: 20, burst: 100_000 };

/** A device beyond its due, since the last report. */
export interface Flood {
  readonly site: string;
  readonly device: string;
  /** Messages that were not looked at. */
  readonly shed: number;
}

/** Longer messages cost more. */
const BYTES_PER_TOKEN = 8192;
/** A message that breaks the contract takes a place in the quarantine, of which all devices have few. */
const BROKEN_COST = 100;
/** More names than any fleet has here: who invents names (a broker without access rules) does not fill the memory. */
const MOST_DEVICES = 200_000;

interface Bucket {
  tokens: number;
  filledMs: number;
  shed: number;
}

/** Token buckets by SITE/DEVICE of the topic, which the broker's access rules bind to the certificate. */
export class FloodGuard {
  readonly #limits: FloodLimits;
  readonly #nowMs: () => number;
  readonly #buckets = new Map<string, Bucket>();
  /** By payload: a batch that the database did not take comes again, and is not counted again. */
  readonly #verdicts = new WeakMap<Uint8Array, boolean>();

  constructor(limits: FloodLimits = FLOOD_LIMITS, nowMs: () => number = () => performance.now()) {
    this.#limits = limits;
    this.#nowMs = nowMs;
  }

  /** Whether a message is within its device's due; costs less than reading it. */
  admits(topic: string, payload: Uint8Array): boolean {
    const known = this.#verdicts.get(payload);
    if (known !== undefined) return known;
    const verdict = this.#charge(topic, payload.length);
    this.#verdicts.set(payload, verdict);
    return verdict;
  }

  #charge(topic: string, bytes: number): boolean {
    const bucket = this.#bucketOf(topic);
    if (!bucket) return false;
    const cost = 1 + Math.floor(bytes / BYTES_PER_TOKEN);
    if (bucket.tokens >= cost) {
      bucket.tokens -= cost;
      return true;
    }
    bucket.shed += 1;
    return false;
  }

  /** An admitted message broke the contract. */
  blame(topic: string): void {
    const bucket = this.#bucketOf(topic);
    if (bucket) bucket.tokens = Math.max(0, bucket.tokens - BROKEN_COST + 1);
  }

  /** Devices of which messages were shed since the last call. */
  report(): Flood[] {
    const floods: Flood[] = [];
    for (const [name, bucket] of this.#buckets) {
      if (bucket.shed === 0) continue;
      const [site = '', device = ''] = name.split('/');
      floods.push({ site, device, shed: bucket.shed });
      bucket.shed = 0;
    }
    return floods;
  }

  #bucketOf(topic: string): Bucket | undefined {
    const name = nameIn(topic);
    const nowMs = this.#nowMs();
    const known = this.#buckets.get(name);
    if (known) {
      known.tokens = this.#filled(known, nowMs);
      known.filledMs = nowMs;
      return known;
    }
    if (this.#buckets.size >= MOST_DEVICES) this.#forgetIdle(nowMs);
    if (this.#buckets.size >= MOST_DEVICES) return undefined;
    const bucket = { tokens: this.#limits.burst, filledMs: nowMs, shed: 0 };
    this.#buckets.set(name, bucket);
    return bucket;
  }

  #filled({ tokens, filledMs }: Bucket, nowMs: number): number {
    return Math.min(this.#limits.burst, tokens + ((nowMs - filledMs) / 1000) * this.#limits.perSecond);
  }

  #forgetIdle(nowMs: number): void {
    for (const [name, bucket] of this.#buckets) {
      if (bucket.shed === 0 && this.#filled(bucket, nowMs) >= this.#limits.burst) this.#buckets.delete(name);
    }
  }
}

/** What the reason of such a notice begins with. */
const NOTICE = 'flood:';

/** What the quarantine tells of it, where the operator looks for what was not stored. */
export function floodNotice({ site, device, shed }: Flood, { perSecond, burst }: FloodLimits): Quarantined {
  const topic = `${ROOT}/${site}/${device}/#`;
  const reason = `${NOTICE} ${shed} messages were not stored, as more than ${perSecond} a second and ${burst} at once came; what is missing is asked for again later`;
  return { topic, payload: new Uint8Array(), reason };
}

/** The newest notice of each device that said too much within so many minutes, from whichever hub. @throws DatabaseError */
export async function recentFloods(
  database: Database,
  minutes: number,
): Promise<{ site: string; device: string; reason: string }[]> {
  const rows = await database.query<{ topic: string; reason: string }>(
    `select distinct on (topic) topic, reason from quarantine
     where received > now() - $1 * interval '1 minute' and payload = '' and starts_with(reason, $2) order by topic, id desc`,
    [minutes, NOTICE],
  );
  return rows.map(({ topic, reason }) => {
    const [site = '', device = ''] = nameIn(topic).split('/');
    return { site, device, reason };
  });
}

/** The two levels after the root; what is no topic of ours shares the empty name. */
function nameIn(topic: string): string {
  if (!topic.startsWith(`${ROOT}/`)) return '';
  const start = ROOT.length + 1;
  const second = topic.indexOf('/', topic.indexOf('/', start) + 1);
  return second < 0 ? '' : topic.slice(start, second);
}
