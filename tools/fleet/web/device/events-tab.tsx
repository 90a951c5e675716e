// What the device heard: a line of time per class, the newest events below, and the numbers that never came.
import { useEffect, useState } from 'preact/hooks';
import type { EventAnswer, EventPage, Gap } from '../base/answers.ts';
import { useHub } from '../base/hub.ts';
import { useLoaded } from '../base/load.ts';
import { href } from '../base/routes.ts';
import { soundsOf } from '../base/sounds.ts';
import { counted } from '../base/words.ts';
import type { DeviceTabProps } from '../pages/device.tsx';
import { EventTable } from '../parts/event-table.tsx';
import { Empty, Failed } from '../parts/notice.tsx';
import { Panel } from '../parts/panel.tsx';
import { Timeline } from './timeline.tsx';

const SPANS = [
  { minutes: 10, name: '10 minutes' },
  { minutes: 60, name: 'hour' },
  { minutes: 1440, name: 'day' },
];
const MOST_EVENTS = 1000;
const SHOWN_ROWS = 30;

export function EventsTab({ device: { site, device } }: DeviceTabProps) {
  const { stream } = useHub();
  const [minutes, setMinutes] = useState(60);
  const [untilMs, setUntilMs] = useState(Date.now);
  const from = new Date(untilMs - 60_000 * minutes).toISOString();
  const { value, error, reload } = useLoaded<EventPage>('events', { site, device, from, limit: MOST_EVENTS });
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stop = stream.on('event', (data) => {
      const event = data as EventAnswer;
      if (event.site !== site || event.device !== device || timer) return;
      timer = setTimeout(() => {
        timer = undefined;
        setUntilMs(Date.now());
      }, 1000);
    });
    return () => {
      clearTimeout(timer);
      stop();
    };
  }, [stream, site, device]);
  const events = value?.events ?? [];
  return (
    <div class="stack">
      <Failed error={error} retry={reload} />
      <Panel
        title="Timeline"
        aside={
          <label class="row">
            of the last
            <select value={minutes} onChange={(event) => setMinutes(Number(event.currentTarget.value))}>
              {SPANS.map((span) => (
                <option key={span.minutes} value={span.minutes}>
                  {span.name}
                </option>
              ))}
            </select>
          </label>
        }
      >
        {events.length > 0 ? (
          <Timeline events={events} fromMs={untilMs - 60_000 * minutes} toMs={untilMs} />
        ) : (
          <Empty>Nothing was heard in this time.</Empty>
        )}
      </Panel>
      {events.length > 0 && (
        <Panel title="Newest" flush aside={<a href={href(['events'], { site, device })}>Search all events</a>}>
          <EventTable events={soundsOf(events).slice(0, SHOWN_ROWS)} label="Newest events" hasDevice={false} />
        </Panel>
      )}
      <Gaps site={site} device={device} />
    </div>
  );
}

function Gaps({ site, device }: { readonly site: string; readonly device: string }) {
  const { value, error, reload } = useLoaded<{ gaps: Gap[] }>('gaps', { site, device });
  const gaps = value?.gaps ?? [];
  return (
    <Panel title="Missing events" flush={gaps.length > 0}>
      <Failed error={error} retry={reload} />
      {gaps.length === 0 && <p class="faint">None: every number that the device counted has arrived.</p>}
      {gaps.length > 0 && (
        <table aria-label="Missing events">
          <thead>
            <tr>
              <th scope="col">Boot</th>
              <th scope="col">Numbers</th>
              <th scope="col" class="number">
                Missing
              </th>
            </tr>
          </thead>
          <tbody>
            {gaps.map(({ bootId, first, last }) => (
              <tr key={`${bootId}/${first}`}>
                <td class="code">{bootId}</td>
                <td>{first === last ? first : `${first} to ${last}`}</td>
                <td class="number">{counted(last - first + 1, 'event')}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Panel>
  );
}
