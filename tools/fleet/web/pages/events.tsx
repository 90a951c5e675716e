// Events looked up by class, device, time and score; page after page, and as a file.
import { useCallback, useEffect, useState } from 'preact/hooks';
import type { PageProps } from '../app.tsx';
import type { EventAnswer, EventPage } from '../base/answers.ts';
import { apiAddress, get } from '../base/api.ts';
import { href, replaceRoute } from '../base/routes.ts';
import { soundsOf } from '../base/sounds.ts';
import { counted } from '../base/words.ts';
import { EventFilter, type EventQuery, eventQuery } from '../parts/event-filter.tsx';
import { EventTable } from '../parts/event-table.tsx';
import { Empty, Failed } from '../parts/notice.tsx';
import { PageHead } from '../parts/panel.tsx';

const PAGE = 100;

export function EventsPage({ route }: PageProps) {
  const query = eventQuery(route.query);
  const { events, next, error, isLoading, more, reload } = useEventPages(query);
  const [isWhole, setIsWhole] = useState(false);
  const rows = isWhole ? events : soundsOf(events);
  const narrow = (change: EventQuery) => replaceRoute(href(['events'], { ...query, ...change }));
  return (
    <div class="stack">
      <PageHead title="Events">
        <a class="button" href={apiAddress('events/export', { ...query, format: 'csv' })} download="events.csv">
          Export CSV
        </a>
        <a class="button" href={apiAddress('events/export', { ...query, format: 'json' })} download="events.json">
          Export JSON
        </a>
      </PageHead>
      <EventFilter query={query} onChange={narrow} />
      <label class="row">
        <input type="checkbox" checked={isWhole} onChange={(event) => setIsWhole(event.currentTarget.checked)} />
        Each message of a sound (new, update, end) in a row of its own
      </label>
      <Failed error={error} retry={reload} />
      <div class="panel">
        {events.length > 0 && <EventTable events={rows} label="Events" />}
        {events.length === 0 && !error && (
          <Empty>
            {isLoading ? 'Looking …' : 'No event is like this. Widen the time, lower the score, or choose all classes.'}
          </Empty>
        )}
      </div>
      <div class="row spread">
        <p class="small faint" role="status">
          {isWhole ? counted(rows.length, 'message') : counted(rows.length, 'sound')} shown{next ? '' : ', no more'}
        </p>
        {next && (
          <button type="button" onClick={more} disabled={isLoading}>
            {isLoading ? 'Looking …' : 'Show more'}
          </button>
        )}
      </div>
    </div>
  );
}

/** Pages of the query so far; a new query begins anew. */
function useEventPages(query: EventQuery) {
  const [events, setEvents] = useState<readonly EventAnswer[]>([]);
  const [next, setNext] = useState<string | null>(null);
  const [error, setError] = useState<string>();
  const [isLoading, setIsLoading] = useState(true);
  const key = JSON.stringify(query);
  const load = useCallback(
    (cursor: string | undefined, signal?: AbortSignal) => {
      setIsLoading(true);
      setError(undefined);
      get<EventPage>('events', { ...query, limit: PAGE, cursor }, signal)
        .then((page) => {
          setEvents((before) => (cursor ? [...before, ...page.events] : page.events));
          setNext(page.next);
          setIsLoading(false);
        })
        .catch((failure: Error) => {
          if (signal?.aborted) return;
          setError(failure.message);
          setIsLoading(false);
        });
    },
    [key],
  );
  useEffect(() => {
    const stop = new AbortController();
    // While somebody types, one question is enough.
    const timer = setTimeout(() => load(undefined, stop.signal), 150);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [load]);
  return { events, next, error, isLoading, more: () => load(next ?? undefined), reload: () => load(undefined) };
}
