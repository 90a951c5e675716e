// What is wrong, or missing, in a sentence with the way out.
import type { ComponentChildren } from 'preact';

interface NoticeProps {
  readonly kind?: 'bad' | 'warn' | 'plain';
  readonly children: ComponentChildren;
}

export function Notice({ kind = 'plain', children }: NoticeProps) {
  return (
    <div class={`notice ${kind}`} role={kind === 'bad' ? 'alert' : 'status'}>
      {children}
    </div>
  );
}

/** An error of the hub with a button that asks again. */
export function Failed({ error, retry }: { readonly error: string | undefined; readonly retry?: () => void }) {
  if (!error) return null;
  return (
    <Notice kind="bad">
      <div class="row spread">
        <span>{error}</span>
        {retry && (
          <button type="button" onClick={retry}>
            Try again
          </button>
        )}
      </div>
    </Notice>
  );
}

export function Empty({ children }: { readonly children: ComponentChildren }) {
  return <p class="empty">{children}</p>;
}
