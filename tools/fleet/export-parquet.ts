// Events as a Parquet file: columns with types and compression, for pandas, DuckDB and their like.
import { fileWriter, ParquetWriter } from 'hyparquet-writer';
import { EVENT_FIELDS } from './event-fields.ts';
import type { StoredEvent } from './event-search.ts';

type Schema = ConstructorParameters<typeof ParquetWriter>[0]['schema'];

const TYPES = {
  text: { type: 'BYTE_ARRAY', converted_type: 'UTF8', logical_type: { type: 'STRING' } },
  time: {
    type: 'INT64',
    converted_type: 'TIMESTAMP_MICROS',
    logical_type: { type: 'TIMESTAMP', isAdjustedToUTC: true, unit: 'MICROS' },
  },
  integer: { type: 'INT64' },
  number: { type: 'DOUBLE' },
} as const;

const SCHEMA: Schema = [
  { name: 'event', num_children: EVENT_FIELDS.length },
  ...EVENT_FIELDS.map(({ name, type }) => ({ name, repetition_type: 'OPTIONAL' as const, ...TYPES[type] })),
];

/** Rows of one group: readers skip whole groups by their statistics, and the writer holds one in memory. */
const ROWS_IN_GROUP = 50_000;

/** Writes page after page; the file is whole after finish(). */
export class ParquetFile {
  readonly #writer: ParquetWriter;
  #rows: StoredEvent[] = [];

  constructor(file: string) {
    this.#writer = new ParquetWriter({ writer: fileWriter(file), schema: SCHEMA, createdBy: 'earshot' });
  }

  async add(events: readonly StoredEvent[]): Promise<void> {
    this.#rows.push(...events);
    if (this.#rows.length >= ROWS_IN_GROUP) await this.#writeGroup();
  }

  async finish(): Promise<void> {
    if (this.#rows.length > 0) await this.#writeGroup();
    await this.#writer.finish();
  }

  async #writeGroup(): Promise<void> {
    const rows = this.#rows;
    this.#rows = [];
    const columnData = EVENT_FIELDS.map(({ name, type, of }) => ({
      name,
      data: rows.map((event) => cell(of(event), type)),
    }));
    await this.#writer.write({ columnData, rowGroupSize: rows.length });
  }
}

function cell(value: string | number | null, type: keyof typeof TYPES): unknown {
  if (value === null) return null;
  if (type === 'time') return BigInt(Date.parse(String(value))) * 1000n;
  return type === 'integer' ? BigInt(value) : value;
}
