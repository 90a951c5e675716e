// What tells size and direction on a map without tiles: lines at round metres, a bar with its length, an arrow to north.
import { gridLines, scaleBar, type View } from './view.ts';

interface GridProps {
  readonly view: View;
  readonly size: { readonly width: number; readonly height: number };
}

const BAR_PIXELS = 140;

export function Grid({ view, size }: GridProps) {
  const step = scaleBar(view.scale, BAR_PIXELS).metres;
  const { width, height } = size;
  const [halfWidth, halfHeight] = [(width / 2) * view.scale, (height / 2) * view.scale];
  return (
    <g class="map-grid" aria-hidden="true">
      {gridLines(view.east - halfWidth, view.east + halfWidth, step).map((east) => {
        const x = width / 2 + (east - view.east) / view.scale;
        return <line key={`e${east}`} x1={x} x2={x} y1={0} y2={height} />;
      })}
      {gridLines(view.north - halfHeight, view.north + halfHeight, step).map((north) => {
        const y = height / 2 - (north - view.north) / view.scale;
        return <line key={`n${north}`} x1={0} x2={width} y1={y} y2={y} />;
      })}
    </g>
  );
}

export function ScaleBar({ view, size }: GridProps) {
  const { pixels, name } = scaleBar(view.scale, BAR_PIXELS);
  const [x, y] = [16, size.height - 18];
  return (
    <g class="map-scale" aria-hidden="true">
      <path d={`M${x} ${y - 5}v5h${pixels}v-5`} />
      <text x={x + pixels + 8} y={y + 1}>
        {name}
      </text>
      <g transform={`translate(${size.width - 26} 34)`}>
        <path d="M0 14V-14M-5 -7L0 -15L5 -7" />
        <text x={-4} y={30}>
          N
        </text>
      </g>
    </g>
  );
}
