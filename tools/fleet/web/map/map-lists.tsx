// The map in words: what was placed, what is heard now, and the devices; what has the focus is pointed out on the map.
import { degrees } from '../base/words.ts';
import { ClassName } from '../parts/class-name.tsx';
import { Empty } from '../parts/notice.tsx';
import { Panel } from '../parts/panel.tsx';
import { StateChip } from '../parts/state-chip.tsx';
import type { MapDevice } from './device-mark.tsx';
import type { LiveBearing } from './live-rays.ts';
import type { MapSource } from './source-mark.tsx';

interface MapListsProps {
  readonly devices: readonly MapDevice[];
  readonly rays: readonly LiveBearing[];
  readonly sources: readonly (MapSource & { readonly heardBy: readonly string[] })[];
  readonly onPoint: (key: string | undefined) => void;
}

const MOST_ROWS = 200;

export function MapLists({ devices, rays, sources, onPoint }: MapListsProps) {
  const pointing = (key: string) => ({
    onFocusIn: () => onPoint(key),
    onMouseEnter: () => onPoint(key),
    onMouseLeave: () => onPoint(undefined),
  });
  return (
    <div class="stack map-side">
      <Panel title="Placed by several devices" flush>
        {sources.length === 0 && <Empty>No sound of the last minute was heard by two devices.</Empty>}
        <ul class="map-list">
          {sources.map(({ key, label, semiMajorMetres, heardBy, isAmbiguous }) => (
            <li key={key} {...pointing(key)}>
              <div class="row spread">
                <ClassName label={label} />
                <span class="small">within {Math.max(1, Math.round(semiMajorMetres))} m</span>
              </div>
              <span class="small faint">
                by {heardBy.map((name) => name.split('/')[1]).join(', ')}
                {isAmbiguous && '; other crossings are as likely'}
              </span>
            </li>
          ))}
        </ul>
      </Panel>
      <Panel title="Heard now" flush>
        {rays.length === 0 && <Empty>Quiet.</Empty>}
        <ul class="map-list">
          {rays.slice(0, 40).map(({ key, event }) => (
            <li key={key} {...pointing(`${event.site}/${event.device}`)}>
              <div class="row spread">
                <ClassName label={event.class} />
                <span class="small">
                  bearing {degrees(event.bearingDegrees)}, elevation {degrees(event.elevation)}
                </span>
              </div>
              <span class="small faint">{event.device}</span>
            </li>
          ))}
        </ul>
      </Panel>
      <Panel title="Devices" flush>
        <ul class="map-list">
          {devices.slice(0, MOST_ROWS).map(({ key, name, state, headingDegrees, href }) => (
            <li key={key} {...pointing(key)}>
              <div class="row spread">
                <a href={href}>{name}</a>
                <StateChip state={state} />
              </div>
              <span class="small faint">
                {headingDegrees === null ? 'heading not known' : `faces ${degrees(headingDegrees)}`}
              </span>
            </li>
          ))}
        </ul>
        {devices.length > MOST_ROWS && <Empty>The first {MOST_ROWS}; choose a site to see its devices.</Empty>}
      </Panel>
    </div>
  );
}
