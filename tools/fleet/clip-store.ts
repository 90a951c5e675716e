// Recordings that devices keep: what each says of them, and their sound where somebody has asked for it.
import type { AnyMessage, ClipMessage } from '../../runtime/uplink/topics.ts';
import type { Queries } from './database.ts';

/** Words of recordings. */
export type ClipWord = Extract<AnyMessage, { kind: 'clip' | 'clip-audio' }>;

export interface ClipRow {
  readonly id: number;
  readonly site: string;
  readonly device: string;
  readonly received: Date;
  /** All parts of the sound are there. */
  readonly hasAudio: boolean;
  readonly message: ClipMessage;
}

/** Whole sound of a recording: signed 16-bit samples of one channel, little-endian. */
export interface ClipSound {
  readonly sampleRate: number;
  readonly samples: Buffer;
}

/** Sound of a recording that the device never told of is left: it stays on the device. @throws DatabaseError */
export async function keepClips(queries: Queries, words: readonly ClipWord[]): Promise<void> {
  for (const { kind, message } of words) {
    const { site, device, file } = message;
    if (kind === 'clip') {
      await queries.query(
        `insert into clip as c (site, device, file, start_time, message) values ($1, $2, $3, $4, $5)
         on conflict (site, device, file) do update set start_time = excluded.start_time, message = excluded.message`,
        [site, device, file, message.startTime, JSON.stringify(message)],
      );
    } else {
      await queries.query(
        `insert into clip_audio (site, device, file, part, parts, sample_rate, data)
         select site, device, file, $4, $5, $6, $7 from clip where site = $1 and device = $2 and file = $3
         on conflict (site, device, file, part) do update
           set parts = excluded.parts, sample_rate = excluded.sample_rate, data = excluded.data, received = now()`,
        [site, device, file, message.part, message.parts, message.sampleRate, Buffer.from(message.data, 'base64')],
      );
    }
  }
}

const HAS_AUDIO = `(select count(*) = max(a.parts) from clip_audio a
  where a.site = c.site and a.device = c.device and a.file = c.file)`;
const COLUMNS = `id::float8 as id, site, device, received, message, coalesce(${HAS_AUDIO}, false) as "hasAudio"`;

/** Newest first. @throws DatabaseError */
export function listClips(
  queries: Queries,
  { site, device, limit }: { site?: string; device?: string; limit: number },
): Promise<ClipRow[]> {
  return queries.query<ClipRow>(
    `select ${COLUMNS} from clip c where ($1::text is null or site = $1) and ($2::text is null or device = $2)
     order by start_time desc, id desc limit $3`,
    [site ?? null, device ?? null, limit],
  );
}

export async function readClip(queries: Queries, id: number): Promise<ClipRow | undefined> {
  return (await queries.query<ClipRow>(`select ${COLUMNS} from clip c where id = $1`, [id]))[0];
}

/** Call it when hasAudio is true. @throws DatabaseError */
export async function readSound(queries: Queries, { site, device, message }: ClipRow): Promise<ClipSound> {
  const rows = await queries.query<{ data: Uint8Array; sampleRate: number }>(
    'select data, sample_rate as "sampleRate" from clip_audio where site = $1 and device = $2 and file = $3 order by part',
    [site, device, message.file],
  );
  return { sampleRate: rows[0]?.sampleRate ?? 0, samples: Buffer.concat(rows.map(({ data }) => data)) };
}
