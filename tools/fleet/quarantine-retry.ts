// What becomes of messages in quarantine: looked at, tried again after an upgrade that understands them, or thrown away.
import { ContractError, decode } from '../../runtime/uplink/topics.ts';
import type { Database, Queries } from './database.ts';
import { DatabaseError } from './database-error.ts';
import { type DeviceMessage, keepDeviceMessages, noteSeen } from './device-store.ts';
import { storeEvents } from './event-store.ts';
import type { QuarantinedRow } from './quarantine.ts';

/** What came of a message that was tried again; a reason: it stays in quarantine. */
export interface Retried {
  readonly id: number;
  readonly topic: string;
  readonly reason: string | null;
}

/** @param ids all of them when not given; the oldest first. @throws DatabaseError */
function quarantinedRows(queries: Queries, ids: readonly number[] | undefined): Promise<QuarantinedRow[]> {
  return queries.query<QuarantinedRow>(
    `select id::float8 as id, received, topic, payload, reason from quarantine
     where $1::int8[] is null or id = any ($1::int8[]) order by id`,
    [ids ?? null],
  );
}

/** @returns how many were there. @throws DatabaseError */
export async function dropQuarantined(queries: Queries, ids: readonly number[] | undefined): Promise<number> {
  const rows = await queries.query(
    'delete from quarantine where $1::int8[] is null or id = any ($1::int8[]) returning 1',
    [ids ?? null],
  );
  return rows.length;
}

/** Stores a message that this earshot understands and takes it out of quarantine; storing twice changes nothing. @throws DatabaseError */
async function retryQuarantined(database: Database, { id, topic, payload }: QuarantinedRow): Promise<Retried> {
  try {
    await store(database, topic, payload);
  } catch (error) {
    const isOwnFault = error instanceof ContractError || (error instanceof DatabaseError && error.isDataFault);
    if (!isOwnFault) throw error;
    return { id, topic, reason: error.message };
  }
  await dropQuarantined(database, [id]);
  return { id, topic, reason: null };
}

/** One after the other, the oldest first. @param ids all of them when not given. @throws DatabaseError */
export async function retryAll(database: Database, ids: readonly number[] | undefined): Promise<Retried[]> {
  const retried: Retried[] = [];
  for (const row of await quarantinedRows(database, ids)) retried.push(await retryQuarantined(database, row));
  return retried;
}

async function store(database: Database, topic: string, payload: Uint8Array): Promise<void> {
  const decoded = decode(topic, payload);
  if (decoded?.kind === 'event') {
    await storeEvents(database, [decoded.message]);
    await noteSeen(database, [decoded.message]);
  } else if (decoded && ['state', 'info', 'health'].includes(decoded.kind)) {
    await keepDeviceMessages(database, [decoded as DeviceMessage]);
  } else throw new ContractError(`${topic}: no topic that the hub keeps`);
}
