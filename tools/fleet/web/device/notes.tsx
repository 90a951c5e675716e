// What people note of a device: tags, by which rollouts find it, and the time zone of its maintenance hours.
import { useLoaded } from '../base/load.ts';
import { useOrders } from '../base/order.ts';
import { Failed } from '../parts/notice.tsx';
import { Panel } from '../parts/panel.tsx';

interface NotesProps {
  readonly site: string;
  readonly device: string;
  readonly mayChange: boolean;
}

interface Noted {
  readonly tags: readonly string[];
  readonly zone: string | null;
}

export function Notes({ site, device, mayChange }: NotesProps) {
  const { value, error, reload } = useLoaded<{ desired: Noted[] }>('desired', { devices: `${site}/${device}` });
  const { refused, order } = useOrders(reload);
  const { tags, zone } = value?.desired[0] ?? { tags: [], zone: null };
  const note = (body: unknown, then?: () => void) =>
    order('PUT', `devices/${encodeURIComponent(site)}/${encodeURIComponent(device)}/note`, body, then);
  const add = (event: SubmitEvent) => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const given = new FormData(form);
    const addTags = String(given.get('tags'))
      .split(/[\s,]+/)
      .filter((tag) => tag !== '');
    const typed = String(given.get('zone')).trim();
    note({ addTags, zone: typed === '' ? null : typed }, () => form.reset());
  };
  return (
    <Panel title="Notes">
      <Failed error={error ?? refused} retry={error ? reload : undefined} />
      <div class="row">
        {tags.length === 0 && <span class="faint">No tags.</span>}
        {tags.map((tag) => (
          <span class="tag" key={tag}>
            {tag}
            {mayChange && (
              <button type="button" class="plain small" onClick={() => note({ removeTags: [tag] })}>
                <span aria-hidden="true">×</span>
                <span class="unseen">Take the tag {tag} away</span>
              </button>
            )}
          </span>
        ))}
        <span class="faint">{zone === null ? 'Time zone not noted.' : `Time zone ${zone}.`}</span>
      </div>
      {mayChange && (
        <form class="filters" onSubmit={add} key={zone}>
          <label class="field">
            More tags
            <input name="tags" autoComplete="off" placeholder="roof north-side" />
          </label>
          <label class="field">
            Time zone
            <input name="zone" autoComplete="off" defaultValue={zone ?? ''} placeholder="Europe/Berlin" />
          </label>
          <button type="submit">Note it</button>
        </form>
      )}
    </Panel>
  );
}
