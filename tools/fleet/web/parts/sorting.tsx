// Columns that sort a table: a button in each head, aria-sort on the column in use.
import type { ComponentChildren } from 'preact';

export interface Sorting<Key extends string = string> {
  readonly key: Key;
  readonly descending: boolean;
}

interface SortHeadProps<Key extends string> {
  readonly of: Key;
  readonly sorting: Sorting<Key>;
  readonly onSort: (sorting: Sorting<Key>) => void;
  readonly class?: string | undefined;
  readonly children: ComponentChildren;
}

export function SortHead<Key extends string>({ of, sorting, onSort, children, ...rest }: SortHeadProps<Key>) {
  const isUsed = sorting.key === of;
  const direction = sorting.descending ? 'descending' : 'ascending';
  const sort = () => onSort({ key: of, descending: isUsed ? !sorting.descending : false });
  return (
    <th scope="col" aria-sort={isUsed ? direction : 'none'} class={rest.class}>
      <button type="button" class="sort" onClick={sort}>
        {children}
        <span aria-hidden="true">{isUsed ? (sorting.descending ? ' ↓' : ' ↑') : ''}</span>
      </button>
    </th>
  );
}

/** Numbers by size, the rest by letters; what is not known comes last in either order. */
export function sorted<T>(rows: readonly T[], value: (row: T) => string | number | null, descending: boolean): T[] {
  const sign = descending ? -1 : 1;
  const keyed = rows.map((row) => ({ row, key: value(row) }));
  keyed.sort((a, b) => {
    if (a.key === null || b.key === null) return Number(a.key === null) - Number(b.key === null);
    if (typeof a.key === 'number' && typeof b.key === 'number') return sign * (a.key - b.key);
    return a.key === b.key ? 0 : sign * (String(a.key) < String(b.key) ? -1 : 1);
  });
  return keyed.map(({ row }) => row);
}
