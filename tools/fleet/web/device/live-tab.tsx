// What the device hears now: directions, levels, spectrum, the surest classes; and what can be asked of it.
import { Fragment } from 'preact';
import { mayOperate, useHub } from '../base/hub.ts';
import type { DeviceTabProps } from '../pages/device.tsx';
import { ClassName } from '../parts/class-name.tsx';
import { Empty, Notice } from '../parts/notice.tsx';
import { Panel } from '../parts/panel.tsx';
import { Commands } from './commands.tsx';
import { Compass } from './compass.tsx';
import { DeviceFactsList } from './device-facts.tsx';
import { channelNames, LevelMeters } from './level-meters.tsx';
import { Spectrogram } from './spectrogram.tsx';
import { useLive } from './use-live.ts';

const MOST_SCORES = 6;

export function LiveTab({ device }: DeviceTabProps) {
  const { session } = useHub();
  const { message, heard, spectrogram, isSilent } = useLive(device.site, device.device);
  const { info } = device;
  const names = channelNames(info?.microphone?.format, message?.levelsDbfs.length ?? 0);
  return (
    <div class="stack">
      {isSilent && (
        <Notice kind="warn">
          No live picture comes from this device. It is asked again while this page is open; its state above says
          whether it is there.
        </Notice>
      )}
      <div class="device-grid">
        <div class="stack">
          <Panel title="Directions" aside={<span class="faint">middle: above, rim: below</span>}>
            <Compass grid={message?.map ?? null} heard={heard} headingDegrees={info?.headingDegrees ?? null} />
          </Panel>
          <Panel title="Sureness now">
            <Scores scores={message?.scores} />
          </Panel>
        </div>
        <div class="stack">
          <Panel title="Spectrogram" aside={<span class="faint">first channel, −100 to −20 dBFS</span>}>
            <Spectrogram buffer={spectrogram} version={message?.seq ?? 0} />
          </Panel>
          <Panel title="Levels">
            {message ? (
              <LevelMeters names={names} levelsDbfs={message.levelsDbfs} peaksDbfs={message.peaksDbfs} />
            ) : (
              <Empty>Waiting for the first picture …</Empty>
            )}
          </Panel>
          <Panel title="Device">
            <DeviceFactsList device={device} />
          </Panel>
          {mayOperate(session) && <Commands site={device.site} device={device.device} />}
        </div>
      </div>
    </div>
  );
}

function Scores({ scores }: { readonly scores: Readonly<Record<string, number>> | undefined }) {
  const highest = Object.entries(scores ?? {})
    .sort(([, a], [, b]) => b - a)
    .slice(0, MOST_SCORES);
  if (highest.length === 0) return <Empty>Nothing yet.</Empty>;
  return (
    <div class="bar-list">
      {highest.map(([label, score]) => (
        <Fragment key={label}>
          <ClassName label={label} />
          <div class="bar" aria-hidden="true">
            <div style={{ width: `${100 * score}%` }} />
          </div>
          <span class="number small">{score.toFixed(2)}</span>
        </Fragment>
      ))}
    </div>
  );
}
