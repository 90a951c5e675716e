// Messages that break the contract: kept as they came, with the reason, so that nothing vanishes and nothing poisons the rest.
import type { Queries } from './database.ts';

/** A message that could not be stored. */
export interface Quarantined {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly reason: string;
}

export interface QuarantinedRow extends Quarantined {
  readonly id: number;
  readonly received: Date;
}

/** Beyond these the newest are kept: a broken device must not fill the disk. */
const ROWS_KEPT = 10_000;
const PAYLOAD_BYTES_KEPT = 65_536;

/** Puts messages away; a topic's NUL, which PostgreSQL text cannot hold, is shown as the replacement character. @throws DatabaseError */
export async function quarantine(queries: Queries, messages: readonly Quarantined[]): Promise<void> {
  for (const { topic, payload, reason } of messages) {
    await queries.query('insert into quarantine (topic, payload, reason) values ($1, $2, $3)', [
      topic.replaceAll('\0', '\uFFFD'),
      Buffer.from(payload.subarray(0, PAYLOAD_BYTES_KEPT)),
      reason.replaceAll('\0', '\uFFFD'),
    ]);
  }
  await queries.query('delete from quarantine where id <= (select max(id) from quarantine) - $1::int8', [ROWS_KEPT]);
}

/** The newest quarantined messages. @throws DatabaseError */
export function listQuarantine(queries: Queries, limit = 100): Promise<QuarantinedRow[]> {
  return queries.query<QuarantinedRow>(
    'select id::float8 as id, received, topic, payload, reason from quarantine order by id desc limit $1',
    [limit],
  );
}
