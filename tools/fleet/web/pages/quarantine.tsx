// Messages that were not taken: from whom, why, and what they held; shown as text, whatever they pretend to be.
import { useState } from 'preact/hooks';
import type { QuarantineEntry } from '../base/answers.ts';
import { useLoaded } from '../base/load.ts';
import { Empty, Failed } from '../parts/notice.tsx';
import { PageHead } from '../parts/panel.tsx';
import { Time } from '../parts/time.tsx';

export function QuarantinePage() {
  const { value, error, isLoading, reload } = useLoaded<{ messages: QuarantineEntry[] }>('quarantine');
  const messages = value?.messages ?? [];
  return (
    <div class="stack">
      <PageHead title="Quarantine">
        <button type="button" onClick={reload}>
          Ask again
        </button>
      </PageHead>
      <p class="faint">
        Messages that break the contract wait here with the reason; a newer earshot that understands them can store them
        with <code>earshot fleet quarantine</code>.
      </p>
      <Failed error={error} retry={reload} />
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
                <QuarantineRow key={message.id} message={message} />
              ))}
            </tbody>
          </table>
        )}
      </div>
    </div>
  );
}

function QuarantineRow({ message }: { readonly message: QuarantineEntry }) {
  const [isOpen, setIsOpen] = useState(false);
  const { received, topic, reason, payload } = message;
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
        {isOpen && <pre class="payload">{textOf(payload)}</pre>}
      </td>
    </tr>
  );
}

/** The bytes as text; what is no text is shown as the replacement sign. */
function textOf(base64: string): string {
  return new TextDecoder().decode(Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0)));
}
