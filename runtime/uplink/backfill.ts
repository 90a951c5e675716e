// The command backfill: events that a hub misses are sent again from what the device has kept after delivery.
import { z } from 'zod';
import { withoutCloudEvent } from './cloud-events.ts';
import type { CommandHandler } from './commands.ts';
import { Token } from './message-fields.ts';
import type { OutboxRecord } from './outbox-record.ts';

/** Numbers asked for at once at most: what is sent again must not fill the queue. */
export const BACKFILL_LIMIT = 10_000;
export const BACKFILL_RANGES = 100;

const Numbered = z.object({ bootId: z.string(), seq: z.int() });
const range = z.object({ from: z.int().positive(), to: z.int().positive() }).refine(({ from, to }) => from <= to);

/** What is asked for: numbers of events of one boot, both ends included. */
export const BackfillRequest = z.object({
  bootId: Token,
  ranges: z
    .array(range)
    .min(1)
    .max(BACKFILL_RANGES)
    .refine(
      (ranges) => ranges.reduce((sum, { from, to }) => sum + to - from + 1, 0) <= BACKFILL_LIMIT,
      `at most ${BACKFILL_LIMIT} numbers at once`,
    ),
});

export type BackfillRequest = z.infer<typeof BackfillRequest>;

/** What the device answers. */
export interface BackfillResult extends Record<string, unknown> {
  /** Events queued to be sent again. */
  readonly resent: number;
  /** Events asked for that it has not delivered, or holds no more. */
  readonly unknown: number;
}

export interface BackfillSource {
  /** What was delivered and is still held, oldest first. */
  delivered(): AsyncIterable<readonly OutboxRecord[]>;
  /** Queues a message once more. */
  keep(topic: string, payload: string): void;
}

/** Answers one request after the other. */
export function backfillCommand({ delivered, keep }: BackfillSource): CommandHandler {
  let isBusy = false;
  return async (given) => {
    const request = BackfillRequest.safeParse(given);
    if (!request.success) {
      const [issue] = request.error.issues;
      throw new TypeError(`${issue!.path.join('.') || 'arguments'}: ${issue!.message}`);
    }
    if (isBusy) throw new RangeError('an earlier backfill is under way: ask again when it is answered');
    isBusy = true;
    try {
      return await resend(request.data, delivered(), keep);
    } finally {
      isBusy = false;
    }
  };
}

async function resend(
  { bootId, ranges }: BackfillRequest,
  delivered: AsyncIterable<readonly OutboxRecord[]>,
  keep: BackfillSource['keep'],
): Promise<BackfillResult> {
  const wanted = ranges.reduce((sum, { from, to }) => sum + to - from + 1, 0);
  const resent = new Set<number>();
  for await (const records of delivered) {
    for (const { topic, payload } of records) {
      // Events name their boot near the beginning: most of the others need not be parsed.
      if (!topic.includes('/event/') || !payload.includes(bootId)) continue;
      const seq = seqOf(payload, bootId);
      if (seq === undefined || resent.has(seq) || !ranges.some(({ from, to }) => seq >= from && seq <= to)) continue;
      resent.add(seq);
      keep(topic, payload);
    }
  }
  return { resent: resent.size, unknown: wanted - resent.size };
}

/** Number of an event of this boot; also inside a CloudEvent. */
function seqOf(payload: string, bootId: string): number | undefined {
  const message = Numbered.safeParse(withoutCloudEvent(JSON.parse(payload)));
  return message.success && message.data.bootId === bootId ? message.data.seq : undefined;
}
