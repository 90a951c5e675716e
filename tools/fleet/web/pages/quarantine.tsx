// Messages that were not taken: from whom, why, and what they held; shown as text, whatever they pretend to be.
import { useState } from 'preact/hooks';
import type { AllRetried, QuarantineEntry } from '../base/answers.ts';
import { mayOperate, useHub } from '../base/hub.ts';
import { useLoaded } from '../base/load.ts';
import { useOrders } from '../base/order.ts';
import { Empty, Failed } from '../parts/notice.tsx';
import { PageHead } from '../parts/panel.tsx';
import { RemoveButton } from '../parts/remove-button.tsx';
import { Time } from '../parts/time.tsx';

export function QuarantinePage() {
  const { session } = useHub();
  const { value, error, isLoading, reload } = useLoaded<{ messages: QuarantineEntry[] }>('quarantine');
  const { refused, order } = useOrders(reload);
  const [outcome, setOutcome] = useState<string>();
  const retry = (ids?: number[]) =>
    order('POST', 'quarantine/retry', { ids }, (answer) => setOutcome(outcomeOf(answer as AllRetried)));
  const drop = (id: number) => order('POST', 'quarantine/drop', { ids: [id] });
  const actions = mayOperate(session) ? { retry: (id: number) => retry([id]), drop } : undefined;
  const messages = value?.messages ?? [];
  return (
    <div class="stack">
      <PageHead title="Quarantine">
        <button type="button" onClick={reload}>
          Ask again
        </button>
        {actions && messages.length > 0 && (
          <button type="button" onClick={() => retry()}>
            Try all again
          </button>
        )}
      </PageHead>
      <p class="faint">
        Messages that break the contract wait here with the reason; a newer earshot that understands them stores them
        when they are tried again.
      </p>
      <Failed error={error ?? refused} retry={error ? reload : undefined} />
      <p class="small" role="status">
        {outcome}
      </p>
      <div class="panel scroll">
        {messages.length === 0 && !error && (
          <Empty>{isLoading ? 'Looking …' : 'Empty: every message was understood.'}</Empty>
        )}
        {messages.length > 0 && (
          <table aria-label="Quarantine">
            <thead>
              <tr>
                <th scope="col">Received</th>
                <th scope="col">Topic</th>
                <th scope="col">Why it was not taken</th>
                <th scope="col">Content</th>
              </tr>
            </thead>
            <tbody>
              {messages.map((message) => (
                <QuarantineRow key={message.id} message={message} actions={actions} />
              ))}
            </tbody>
          </table>
        )}
      </div>
    </div>
  );
}

function outcomeOf({ retried }: AllRetried): string {
  const stored = retried.filter(({ reason }) => reason === null).length;
  return `${stored} stored, ${retried.length - stored} stay.`;
}

interface QuarantineRowProps {
  readonly message: QuarantineEntry;
  readonly actions: { readonly retry: (id: number) => void; readonly drop: (id: number) => void } | undefined;
}

function QuarantineRow({ message, actions }: QuarantineRowProps) {
  const [isOpen, setIsOpen] = useState(false);
  const { id, received, topic, reason, payload } = message;
  return (
    <tr>
      <td>
        <Time at={received} />
      </td>
      <td class="code">{topic}</td>
      <td>{reason}</td>
      <td>
        <button type="button" class="plain" aria-expanded={isOpen} onClick={() => setIsOpen(!isOpen)}>
          {isOpen ? 'Hide' : 'Show'}
        </button>
        {actions && (
          <>
            <button type="button" class="plain" onClick={() => actions.retry(id)}>
              Try again<span class="unseen">: message {id}</span>
            </button>
            <RemoveButton name={`message ${id}`} onRemove={() => actions.drop(id)} />
          </>
        )}
        {isOpen && <pre class="payload">{textOf(payload)}</pre>}
      </td>
    </tr>
  );
}

/** The bytes as text; what is no text is shown as the replacement sign. */
function textOf(base64: string): string {
  return new TextDecoder().decode(Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0)));
}
