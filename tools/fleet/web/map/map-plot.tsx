// The map: devices with their headings, bearings of what they hear, located sources with their ellipses; drawn without tiles, in metres.
import { useEffect, useRef, useState } from 'preact/hooks';
import type { MapPoint } from '../../local-plane.ts';
import { DeviceMark, type MapDevice } from './device-mark.tsx';
import { Grid, ScaleBar } from './map-grid.tsx';
import { namesWithRoom } from './names.ts';
import { type BearingRay, RayMark } from './ray-mark.tsx';
import { type MapSource, SourceMark } from './source-mark.tsx';
import { panned, type View, viewOf, zoomed } from './view.ts';

interface MapPlotProps {
  readonly devices: readonly MapDevice[];
  readonly rays: readonly BearingRay[];
  readonly sources: readonly MapSource[];
  /** Key of the device or source that is pointed out. */
  readonly chosen: string | undefined;
}

const ZOOM_STEP = 1.4;
const PAN_PIXELS = 60;
/** Length of a ray that meets no source. */
const RAY_PIXELS = 190;

export function MapPlot({ devices, rays, sources, chosen }: MapPlotProps) {
  const box = useRef<SVGSVGElement>(null);
  const [size, setSize] = useState({ width: 800, height: 560 });
  const [moved, setMoved] = useState<View>();
  useEffect(() => {
    const watcher = new ResizeObserver(([entry]) => {
      const { width, height } = entry!.contentRect;
      if (width > 0 && height > 0) setSize({ width, height });
    });
    watcher.observe(box.current!);
    return () => watcher.disconnect();
  }, []);
  const fitted = viewOf(devices, size.width, size.height);
  const view = moved ?? fitted;
  const place = ({ east, north }: MapPoint) => ({
    x: size.width / 2 + (east - view.east) / view.scale,
    y: size.height / 2 - (north - view.north) / view.scale,
  });
  const named = namesWithRoom(devices.map((device) => ({ ...place(device), key: device.key, name: device.name })));
  const hands = useHands(box, view, size, setMoved);
  return (
    <div class="map-box">
      {/* The arrow keys and + - 0 move the map while it has the focus; the list beside it says the same in words. */}
      <svg
        ref={box}
        class="map-plot"
        role="application"
        aria-label="Map of devices. Arrow keys move it, plus and minus zoom, 0 shows all devices; the list beside it says the same in words."
        tabindex={0}
        {...hands}
      >
        <Grid view={view} size={size} />
        {sources.map((source) => (
          <SourceMark
            key={source.key}
            source={source}
            {...place(source)}
            scale={view.scale}
            isChosen={source.key === chosen}
          />
        ))}
        {rays.map((ray) => (
          <RayMark
            key={ray.key}
            ray={ray}
            from={place(ray)}
            length={ray.metres === null ? RAY_PIXELS : ray.metres / view.scale}
          />
        ))}
        {devices.map((device) => (
          <DeviceMark
            key={device.key}
            device={device}
            {...place(device)}
            isNamed={named.has(device.key) || device.key === chosen}
            isChosen={device.key === chosen}
          />
        ))}
        <ScaleBar view={view} size={size} />
      </svg>
      <div class="map-buttons">
        <button type="button" onClick={() => setMoved(zoomed(view, ZOOM_STEP))} aria-label="Zoom in">
          +
        </button>
        <button type="button" onClick={() => setMoved(zoomed(view, 1 / ZOOM_STEP))} aria-label="Zoom out">
          −
        </button>
        <button type="button" onClick={() => setMoved(undefined)}>
          All
        </button>
      </div>
    </div>
  );
}

interface Size {
  readonly width: number;
  readonly height: number;
}

/** What keys, wheel and pointer do. */
function useHands(
  box: { current: SVGSVGElement | null },
  view: View,
  size: Size,
  setMoved: (change: View | undefined) => void,
) {
  const grip = useRef<{ x: number; y: number; view: View } | undefined>(undefined);
  const newest = useRef({ view, size });
  newest.current = { view, size };
  useEffect(() => {
    const element = box.current!;
    // Not passive, unlike the listeners of the framework: the page behind must not scroll.
    const wheel = (event: WheelEvent) => {
      event.preventDefault();
      const { view: now, size: room } = newest.current;
      const around = {
        east: now.east + (event.offsetX - room.width / 2) * now.scale,
        north: now.north - (event.offsetY - room.height / 2) * now.scale,
      };
      setMoved(zoomed(now, Math.exp(-event.deltaY / 400), around));
    };
    element.addEventListener('wheel', wheel, { passive: false });
    return () => element.removeEventListener('wheel', wheel);
  }, []);
  const keys: Record<string, () => View | undefined> = {
    ArrowLeft: () => panned(view, PAN_PIXELS, 0),
    ArrowRight: () => panned(view, -PAN_PIXELS, 0),
    ArrowUp: () => panned(view, 0, PAN_PIXELS),
    ArrowDown: () => panned(view, 0, -PAN_PIXELS),
    '+': () => zoomed(view, ZOOM_STEP),
    '=': () => zoomed(view, ZOOM_STEP),
    '-': () => zoomed(view, 1 / ZOOM_STEP),
    '0': () => undefined,
  };
  return {
    onKeyDown: (event: KeyboardEvent) => {
      const move = keys[event.key];
      if (!move || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      setMoved(move());
    },
    onPointerDown: (event: PointerEvent) => {
      if (event.button !== 0) return;
      grip.current = { x: event.clientX, y: event.clientY, view };
      box.current!.setPointerCapture(event.pointerId);
    },
    onPointerMove: (event: PointerEvent) => {
      if (!grip.current) return;
      setMoved(panned(grip.current.view, event.clientX - grip.current.x, event.clientY - grip.current.y));
    },
    onPointerUp: () => {
      grip.current = undefined;
    },
    onPointerCancel: () => {
      grip.current = undefined;
    },
  };
}
