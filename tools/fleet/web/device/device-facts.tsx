// What the device is, as a list of names and values.
import { Fragment } from 'preact';
import { degrees } from '../base/words.ts';
import type { DeviceTabProps } from '../pages/device.tsx';
import { Time } from '../parts/time.tsx';

export function DeviceFactsList({ device }: DeviceTabProps) {
  const { info, health, firstSeen, healthTime } = device;
  const position = info?.position;
  const rows: [string, string][] = [
    ['Model', info ? info.model.name : 'not told yet'],
    ['Backend', info?.backend ?? 'not told yet'],
    ['Board', health?.board?.model ?? 'not told'],
    ['Version', info?.version ?? 'not told yet'],
    [
      'Microphone',
      info
        ? `${info.microphone.format}, ${info.microphone.channels} channels, ${info.microphone.sampleRate / 1000} kHz`
        : 'not told yet',
    ],
    ['Faces', info?.headingDegrees == null ? 'not known' : `${degrees(info.headingDegrees)} from north`],
    ['Place', position ? `${position.latitude.toFixed(5)}, ${position.longitude.toFixed(5)}` : 'not known'],
  ];
  return (
    <dl class="facts">
      {rows.map(([name, value]) => (
        <Fragment key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </Fragment>
      ))}
      <dt>First seen</dt>
      <dd>
        <Time at={firstSeen} />
      </dd>
      <dt>Last health</dt>
      <dd>
        <Time at={healthTime} as="ago" />
      </dd>
    </dl>
  );
}
