// A long table of which only the rows in view exist; the others are room above and below.
import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';

/** Pixels; style of the rows holds them to it. */
export const ROW_HEIGHT = 36;
const MORE_ROWS = 12;

interface VirtualTableProps<T> {
  readonly rows: readonly T[];
  readonly keyOf: (row: T) => string;
  readonly label: string;
  readonly head: ComponentChildren;
  readonly columns: number;
  /** Cells of a row. */
  readonly row: (row: T) => ComponentChildren;
}

export function VirtualTable<T>({ rows, keyOf, label, head, columns, row }: VirtualTableProps<T>) {
  const box = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ from: 0, to: 40 });
  const look = () => {
    const { scrollTop, clientHeight } = box.current!;
    const from = Math.max(0, Math.floor(scrollTop / ROW_HEIGHT) - MORE_ROWS);
    const to = Math.ceil((scrollTop + clientHeight) / ROW_HEIGHT) + MORE_ROWS;
    setView((before) => (before.from === from && before.to === to ? before : { from, to }));
  };
  useLayoutEffect(() => {
    const watcher = new ResizeObserver(look);
    watcher.observe(box.current!);
    return () => watcher.disconnect();
  }, []);
  const from = Math.min(view.from, Math.max(0, rows.length - 1));
  const shown = rows.slice(from, view.to);
  const below = rows.length - from - shown.length;
  return (
    <section class="scroll virtual" ref={box} onScroll={look} aria-label={label}>
      <table aria-rowcount={rows.length + 1}>
        <thead>
          <tr aria-rowindex={1}>{head}</tr>
        </thead>
        <tbody>
          <Room height={from * ROW_HEIGHT} columns={columns} />
          {shown.map((each, i) => (
            <tr key={keyOf(each)} aria-rowindex={from + i + 2}>
              {row(each)}
            </tr>
          ))}
          <Room height={below * ROW_HEIGHT} columns={columns} />
        </tbody>
      </table>
    </section>
  );
}

function Room({ height, columns }: { readonly height: number; readonly columns: number }) {
  if (height <= 0) return null;
  return (
    <tr class="room" role="presentation">
      <td colSpan={columns} style={{ height }} />
    </tr>
  );
}
