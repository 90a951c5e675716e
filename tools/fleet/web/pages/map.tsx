// Where devices stand, what they hear from where, and what several of them placed together.
import { useEffect, useMemo, useState } from 'preact/hooks';
import { LocalPlane, wrapDegrees } from '../../local-plane.ts';
import type { DeviceAnswer, SourceAnswer } from '../base/answers.ts';
import { keyOf } from '../base/facts.ts';
import { useFleet } from '../base/fleet.ts';
import { useHub } from '../base/hub.ts';
import { useLoaded } from '../base/load.ts';
import { href } from '../base/routes.ts';
import type { MapDevice } from '../map/device-mark.tsx';
import { useLiveBearings } from '../map/live-rays.ts';
import { MapLists } from '../map/map-lists.tsx';
import { MapPlot } from '../map/map-plot.tsx';
import type { MapSource } from '../map/source-mark.tsx';
import { Empty, Failed } from '../parts/notice.tsx';
import { PageHead } from '../parts/panel.tsx';

/** Sources are asked for over this time, and fade within it. */
const SOURCE_MS = 60_000;
const ASK_MS = 3000;
/** A ray ends at a source of its class that lies this near to its direction. */
const NEAR_DEGREES = 12;

type Placed = DeviceAnswer & { readonly place: { readonly latitude: number; readonly longitude: number } };

export function MapPage() {
  const fleet = useFleet();
  const { stream } = useHub();
  const [site, setSite] = useState('');
  const [chosen, setChosen] = useState<string>();
  const bearings = useLiveBearings(stream);
  const from = useRecent();
  const { value, error } = useLoaded<{ sources: SourceAnswer[] }>('sources', { from });
  const placed = fleet.answers.flatMap((answer): Placed[] => {
    const place = answer.info?.position;
    return place ? [{ ...answer, place }] : [];
  });
  const sites = [...new Set(placed.map((answer) => answer.site))].sort();
  const shown = placed.filter((answer) => site === '' || answer.site === site);
  const first = shown[0]?.place;
  const plane = useMemo(() => first && new LocalPlane(first), [first?.latitude, first?.longitude]);
  if (!plane) return <Nowhere isLoaded={fleet.isLoaded} count={fleet.answers.length} />;
  const devices = shown.map((answer) => mapDevice(answer, plane));
  const byKey = new Map(devices.map((device) => [device.key, device]));
  const located = (value?.sources ?? []).map((source) => mapSource(source, plane));
  const isShown = (name: string) => site === '' || name.startsWith(`${site}/`);
  const sources = newestOfEach(located.filter(({ strength, heardBy }) => strength > 0 && heardBy.some(isShown)));
  const rays = bearings.flatMap(({ key, event, strength }) => {
    const device = byKey.get(keyOf(event));
    if (!device) return [];
    const { east, north } = device;
    const { bearingDegrees, spreadDegrees } = event;
    return [
      {
        key,
        label: event.class,
        east,
        north,
        bearingDegrees,
        spreadDegrees,
        metres: metresToSource(device, event.class, bearingDegrees, sources),
        strength,
      },
    ];
  });
  return (
    <div class="stack">
      <PageHead title="Map">
        <label class="row">
          Site
          <select value={site} onChange={(event) => setSite(event.currentTarget.value)}>
            <option value="">all</option>
            {sites.map((name) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
        </label>
      </PageHead>
      <Failed error={error} />
      <div class="map-grid-layout">
        <MapPlot key={site} devices={devices} rays={rays} sources={sources} chosen={chosen} />
        <MapLists
          devices={devices}
          rays={bearings.filter(({ event }) => byKey.has(keyOf(event)))}
          sources={sources}
          onPoint={setChosen}
        />
      </div>
    </div>
  );
}

function Nowhere({ isLoaded, count }: { readonly isLoaded: boolean; readonly count: number }) {
  return (
    <div class="stack">
      <PageHead title="Map" />
      <div class="panel">
        <Empty>
          {!isLoaded && 'Asking the hub for its devices …'}
          {isLoaded && count === 0 && 'No device has spoken yet.'}
          {isLoaded &&
            count > 0 &&
            'No device has told where it stands: set position and headingDegrees in its settings.'}
        </Empty>
      </div>
    </div>
  );
}

/** A sound that comes again from the same place is drawn once: as it was placed last. */
function newestOfEach<S extends MapSource>(sources: readonly S[]): S[] {
  const kept: S[] = [];
  for (const source of [...sources].sort((a, b) => b.strength - a.strength)) {
    const isSame = (newer: S) =>
      newer.label === source.label &&
      Math.hypot(newer.east - source.east, newer.north - source.north) < newer.semiMajorMetres + source.semiMajorMetres;
    if (!kept.some(isSame)) kept.push(source);
  }
  return kept;
}

/** How far away the source is that the bearing belongs to; null: none is known. */
function metresToSource(
  device: MapDevice,
  label: string,
  bearing: number,
  sources: readonly MapSource[],
): number | null {
  for (const source of sources) {
    if (source.label !== label) continue;
    const [east, north] = [source.east - device.east, source.north - device.north];
    const towards = (Math.atan2(east, north) * 180) / Math.PI;
    if (Math.abs(wrapDegrees(towards - bearing)) < NEAR_DEGREES) return Math.hypot(east, north);
  }
  return null;
}

/** A moment that moves on every few seconds, so that the sources are asked for again. */
function useRecent(): string {
  const [from, setFrom] = useState(recent);
  useEffect(() => {
    const timer = setInterval(() => setFrom(recent()), ASK_MS);
    return () => clearInterval(timer);
  }, []);
  return from;
}

function recent(): string {
  return new Date(Date.now() - SOURCE_MS).toISOString();
}

function mapDevice({ site, device, state, info, place }: Placed, plane: LocalPlane): MapDevice {
  return {
    ...{ key: `${site}/${device}`, name: device, state, href: href(['devices', site, device]) },
    ...{ ...plane.toMap(place), headingDegrees: info?.headingDegrees ?? null },
  };
}

function mapSource(source: SourceAnswer, plane: LocalPlane): MapSource & { readonly heardBy: readonly string[] } {
  const { label, ellipse, startTime, endTime, devices, isAmbiguous } = source;
  const { semiMajorMetres, semiMinorMetres, axisBearingDegrees } = ellipse;
  return {
    ...{ key: `${label} ${startTime} ${devices.join(' ')}`, label, isAmbiguous, heardBy: devices },
    ...{ ...plane.toMap(source), semiMajorMetres, semiMinorMetres, axisDegrees: axisBearingDegrees },
    strength: Math.min(1, 1.15 - (Date.now() - Date.parse(endTime)) / SOURCE_MS),
  };
}
