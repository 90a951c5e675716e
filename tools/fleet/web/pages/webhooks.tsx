// Webhooks: programs elsewhere that the hub calls; only administrators come here.
import { useState } from 'preact/hooks';
import type { WebhookAnswer } from '../base/answers.ts';
import { useLoaded } from '../base/load.ts';
import { type Orders, useOrders } from '../base/order.ts';
import { Empty, Failed, Notice } from '../parts/notice.tsx';
import { PageHead, Panel } from '../parts/panel.tsx';
import { RemoveButton } from '../parts/remove-button.tsx';
import { Time } from '../parts/time.tsx';

const TOPICS = [
  ['alarm', 'alarms that are raised or over'],
  ['rollout', 'rollouts that go on, stop or end'],
  ['event', 'sounds, each as it begins'],
] as const;

export function WebhooksPage() {
  const { value, error, reload } = useLoaded<{ webhooks: WebhookAnswer[] }>('webhooks');
  const { refused, order } = useOrders(reload);
  return (
    <div class="stack">
      <PageHead title="Webhooks" />
      <Failed error={error ?? refused} retry={error ? reload : undefined} />
      <Panel title="Who is called" flush>
        {value?.webhooks.length === 0 && <Empty>Nobody is called.</Empty>}
        {value && value.webhooks.length > 0 && <WebhookTable webhooks={value.webhooks} order={order} />}
      </Panel>
      <NewWebhook order={order} />
    </div>
  );
}

interface WebhookTableProps extends Pick<Orders, 'order'> {
  readonly webhooks: readonly WebhookAnswer[];
}

function WebhookTable({ webhooks, order }: WebhookTableProps) {
  return (
    <div class="scroll">
      <table aria-label="Webhooks">
        <thead>
          <tr>
            <th scope="col">Address</th>
            <th scope="col">State</th>
            <th scope="col" class="number">
              Delivered, 7 days
            </th>
            <th scope="col" class="number">
              Waiting
            </th>
            <th scope="col" class="number">
              Lost
            </th>
            <th scope="col">
              <span class="unseen">Orders</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {webhooks.map(({ id, url, topics, delivered, waiting, givenUp, dropped, ...state }) => (
            <tr key={id}>
              <td>
                {url}
                <div class="small faint">{topics.join(', ')}</div>
              </td>
              <td>
                <WebhookState {...state} />
              </td>
              <td class="number">{delivered}</td>
              <td class="number">{waiting}</td>
              <td class="number">{givenUp + dropped}</td>
              <td>
                <div class="row">
                  {state.disabled && (
                    <button type="button" onClick={() => order('POST', `webhooks/${id}/enable`)}>
                      Call again<span class="unseen"> {url}</span>
                    </button>
                  )}
                  <RemoveButton name={`webhook ${id}`} onRemove={() => order('DELETE', `webhooks/${id}`)} />
                </div>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function WebhookState({
  disabled,
  disabledReason,
  failingSince,
}: Pick<WebhookAnswer, 'disabled' | 'disabledReason' | 'failingSince'>) {
  if (disabled)
    return (
      <>
        <span class="tag bad">off</span> {disabledReason}
      </>
    );
  if (!failingSince) return <span class="tag good">on</span>;
  return (
    <>
      <span class="tag warn">failing</span> since <Time at={failingSince} />
    </>
  );
}

function NewWebhook({ order }: Pick<Orders, 'order'>) {
  const [secret, setSecret] = useState<string>();
  const make = (event: SubmitEvent) => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const given = new FormData(form);
    const body = {
      url: given.get('url'),
      topics: given.getAll('topics'),
      format: given.get('format'),
      minScore: Number(given.get('minScore')),
      allowPrivate: given.has('allowPrivate'),
    };
    order('POST', 'webhooks', body, (answer) => {
      setSecret((answer as { secret: string }).secret);
      form.reset();
    });
  };
  return (
    <Panel title="New webhook">
      <form class="stack" onSubmit={make}>
        <div class="filters">
          <label class="field wide">
            Address
            <input name="url" type="url" required placeholder="https://desk.example.org/earshot" />
          </label>
          <label class="field">
            Format
            <select name="format">
              <option value="plain">plain</option>
              <option value="cloudevents">CloudEvents 1.0</option>
            </select>
          </label>
          <label class="field">
            Sounds from this score on
            <input name="minScore" type="number" min="0" max="1" step="0.05" value="0" />
          </label>
        </div>
        <fieldset class="row">
          <legend>Is told of</legend>
          {TOPICS.map(([topic, words]) => (
            <label class="row" key={topic}>
              <input type="checkbox" name="topics" value={topic} checked={topic === 'alarm'} />
              {words}
            </label>
          ))}
        </fieldset>
        <label class="row">
          <input type="checkbox" name="allowPrivate" />
          the receiver is inside our own network
        </label>
        <div class="row">
          <button type="submit" class="main">
            Call it from now on
          </button>
        </div>
      </form>
      {secret && (
        <Notice kind="warn">
          Its secret, shown this once, for the library that verifies the signatures: <code>{secret}</code>
        </Notice>
      )}
    </Panel>
  );
}
