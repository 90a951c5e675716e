// A part of a page with a head line.
import type { ComponentChildren } from 'preact';
import { useId } from 'preact/hooks';

interface PanelProps {
  readonly title: string;
  /** At the right of the head line. */
  readonly aside?: ComponentChildren;
  /** Without room around the content: for tables and drawings. */
  readonly flush?: boolean;
  readonly class?: string;
  readonly children: ComponentChildren;
}

export function Panel({ title, aside, flush = false, children, ...rest }: PanelProps) {
  const id = useId();
  return (
    <section class={`panel ${rest.class ?? ''}`} aria-labelledby={id}>
      <header>
        <h2 id={id}>{title}</h2>
        {aside && <div class="row small">{aside}</div>}
      </header>
      {flush ? children : <div class="inside">{children}</div>}
    </section>
  );
}

/** Head of a page: its only h1, and what can be done beside it. */
export function PageHead({
  title,
  children,
}: {
  readonly title: ComponentChildren;
  readonly children?: ComponentChildren;
}) {
  return (
    <div class="row spread">
      <h1>{title}</h1>
      {children && <div class="row">{children}</div>}
    </div>
  );
}
