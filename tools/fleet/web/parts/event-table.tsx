// Events as rows: what sounded when, where, and how sure the device was.
import type { EventAnswer } from '../base/answers.ts';
import { href } from '../base/routes.ts';
import { degrees } from '../base/words.ts';
import { ClassName } from './class-name.tsx';
import { Time } from './time.tsx';

interface EventTableProps {
  readonly events: readonly EventAnswer[];
  readonly label: string;
  /** Left out on the page of one device. */
  readonly hasDevice?: boolean;
}

export function EventTable({ events, label, hasDevice = true }: EventTableProps) {
  return (
    <div class="scroll">
      <table aria-label={label}>
        <thead>
          <tr>
            <th scope="col">Began</th>
            <th scope="col">Class</th>
            {hasDevice && <th scope="col">Device</th>}
            <th scope="col">Phase</th>
            <th scope="col" class="number">
              Lasted
            </th>
            <th scope="col" class="number">
              Score
            </th>
            <th scope="col" class="number">
              Azimuth
            </th>
            <th scope="col" class="number">
              Elevation
            </th>
            <th scope="col" class="number">
              Bearing
            </th>
          </tr>
        </thead>
        <tbody>
          {events.map((event) => (
            <EventRow key={`${event.site}/${event.id}`} event={event} hasDevice={hasDevice} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function EventRow({ event, hasDevice }: { readonly event: EventAnswer; readonly hasDevice: boolean }) {
  const { site, device, phase, score, azimuth, elevation, bearingDegrees, startSeconds, endSeconds } = event;
  return (
    <tr>
      <td>
        <Time at={event.startTime} />
      </td>
      <td>
        <ClassName label={event.class} />
      </td>
      {hasDevice && (
        <td>
          <a href={href(['devices', site, device])}>{`${site}/${device}`}</a>
        </td>
      )}
      <td>{phase}</td>
      <td class="number">{(endSeconds - startSeconds).toFixed(1)} s</td>
      <td class="number">{score.toFixed(2)}</td>
      <td class="number">{degrees(azimuth)}</td>
      <td class="number">{degrees(elevation)}</td>
      <td class="number">{bearingDegrees === null ? '–' : degrees(bearingDegrees)}</td>
    </tr>
  );
}
