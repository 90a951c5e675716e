// The newest lines of the device's log, asked for from the device itself.
import { useState } from 'preact/hooks';
import type { CommandAnswer } from '../base/answers.ts';
import { send } from '../base/api.ts';
import { mayOperate, useHub } from '../base/hub.ts';
import { localTime } from '../base/words.ts';
import type { DeviceTabProps } from '../pages/device.tsx';
import { Failed } from '../parts/notice.tsx';
import { Panel } from '../parts/panel.tsx';

export function LogTab({ device: { site, device } }: DeviceTabProps) {
  const { session } = useHub();
  const [lines, setLines] = useState<readonly string[]>();
  const [error, setError] = useState<string>();
  const [isBusy, setIsBusy] = useState(false);
  const ask = () => {
    setIsBusy(true);
    setError(undefined);
    const path = `devices/${encodeURIComponent(site)}/${encodeURIComponent(device)}/commands`;
    send<CommandAnswer>('POST', path, { name: 'log', parameters: { lines: 200 } })
      .then(
        ({ answer }) => {
          const lines = answer?.result.lines;
          if (Array.isArray(lines)) setLines(lines.map(lineText));
          else
            setError(
              `The device did not send its log: ${answer ? (answer.error ?? 'no reason given') : 'it does not answer'}.`,
            );
        },
        (failure: Error) => setError(failure.message),
      )
      .finally(() => setIsBusy(false));
  };
  return (
    <Panel
      title="Log"
      aside={
        <button type="button" onClick={ask} disabled={isBusy || !mayOperate(session)}>
          {isBusy ? 'Waiting …' : 'Ask for the newest lines'}
        </button>
      }
    >
      <Failed error={error} />
      {!mayOperate(session) && <p class="faint">Operators can ask the device for its log.</p>}
      {lines && <pre class="log">{lines.length > 0 ? lines.join('\n') : 'The device has written nothing yet.'}</pre>}
      {!lines && mayOperate(session) && <p class="faint">The lines stay on the device until somebody asks for them.</p>}
    </Panel>
  );
}

/** A line as the device's log has it: JSON with time, level and message, or plain text. */
function lineText(line: unknown): string {
  if (typeof line !== 'object' || line === null) return String(line);
  const { time, level, msg, ...more } = line as Record<string, unknown>;
  const when = typeof time === 'number' || typeof time === 'string' ? `${localTime(new Date(time))} ` : '';
  const rest = Object.keys(more).length > 0 ? ` ${JSON.stringify(more)}` : '';
  return `${when}${level ?? ''} ${msg ?? ''}${rest}`;
}
