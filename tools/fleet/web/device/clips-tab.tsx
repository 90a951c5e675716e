// Sounds the device kept; a press plays one, once the device has sent it.
import type { Clip } from '../base/answers.ts';
import { mayOperate, useHub } from '../base/hub.ts';
import { useLoaded } from '../base/load.ts';
import { bytes } from '../base/words.ts';
import type { DeviceTabProps } from '../pages/device.tsx';
import { ClassName } from '../parts/class-name.tsx';
import { Empty, Failed } from '../parts/notice.tsx';
import { Panel } from '../parts/panel.tsx';
import { Time } from '../parts/time.tsx';
import { ClipSound } from './clip-sound.tsx';

const REASONS: Readonly<Record<string, string>> = { rule: 'a rule', mark: 'a mark', continuous: 'everything is kept' };

export function ClipsTab({ device: { site, device } }: DeviceTabProps) {
  const { value, error, isLoading, reload } = useLoaded<{ clips: Clip[] }>('clips', { site, device });
  const clips = value?.clips ?? [];
  return (
    <div class="stack">
      <Failed error={error} retry={reload} />
      <Panel
        title="Clips"
        flush
        aside={
          <button type="button" onClick={reload}>
            Ask again
          </button>
        }
      >
        {clips.length === 0 && (
          <Empty>
            {isLoading
              ? 'Asking the hub …'
              : 'The device has announced no clip. Clip rules in its settings, or a mark, keep sounds.'}
          </Empty>
        )}
        {clips.length > 0 && (
          <div class="scroll">
            <table aria-label="Clips">
              <thead>
                <tr>
                  <th scope="col">Began</th>
                  <th scope="col">Heard in it</th>
                  <th scope="col">Kept because of</th>
                  <th scope="col" class="number">
                    Length
                  </th>
                  <th scope="col" class="number">
                    Size
                  </th>
                  <th scope="col">Sound</th>
                </tr>
              </thead>
              <tbody>
                {clips.map((clip) => (
                  <ClipRow key={clip.id} clip={clip} onFetched={reload} />
                ))}
              </tbody>
            </table>
          </div>
        )}
      </Panel>
    </div>
  );
}

interface ClipRowProps {
  readonly clip: Clip;
  readonly onFetched: () => void;
}

function ClipRow({ clip, onFetched }: ClipRowProps) {
  const { session } = useHub();
  const { reason, rule, startTime, durationSeconds, detections } = clip.clip;
  const labels = [...new Set(detections.map((detection) => detection.class))];
  return (
    <tr>
      <td>
        <Time at={startTime} />
      </td>
      <td>
        <span class="row">
          {labels.length === 0 && <span class="faint">–</span>}
          {labels.map((label) => (
            <ClassName key={label} label={label} />
          ))}
        </span>
      </td>
      <td>{rule ?? REASONS[reason] ?? reason}</td>
      <td class="number">{durationSeconds.toFixed(1)} s</td>
      <td class="number">{bytes(clip.clip.bytes)}</td>
      <td>
        <ClipSound clip={clip} mayFetch={mayOperate(session)} onFetched={onFetched} />
      </td>
    </tr>
  );
}
