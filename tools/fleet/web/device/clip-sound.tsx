// The sound of one clip: it stays on the device until an operator has it sent to the hub, then it plays here.
import { useState } from 'preact/hooks';
import type { Clip, CommandAnswer } from '../base/answers.ts';
import { apiAddress, send } from '../base/api.ts';

interface ClipSoundProps {
  readonly clip: Clip;
  readonly mayFetch: boolean;
  readonly onFetched: () => void;
}

/** The device sends a clip within seconds; the hub may still be joining its parts when the command is answered. */
const JOIN_MS = 2000;
const WAIT_SECONDS = 30;

export function ClipSound({ clip, mayFetch, onFetched }: ClipSoundProps) {
  const { id, site, device, hasAudio } = clip;
  const { file } = clip.clip;
  const [isOpen, setIsOpen] = useState(false);
  const [error, setError] = useState<string>();
  const [isBusy, setIsBusy] = useState(false);
  const fetchSound = () => {
    setIsBusy(true);
    setError(undefined);
    const order = { name: 'clip-audio', parameters: { file }, waitSeconds: WAIT_SECONDS };
    send<CommandAnswer>('POST', `devices/${encodeURIComponent(site)}/${encodeURIComponent(device)}/commands`, order)
      .then(
        ({ answer }) => {
          if (answer?.status === 'ok') setTimeout(onFetched, JOIN_MS);
          else
            setError(
              `The device did not send it: ${answer ? (answer.error ?? 'no reason given') : 'it does not answer'}.`,
            );
        },
        (failure: Error) => setError(failure.message),
      )
      .finally(() => setIsBusy(false));
  };
  if (error) return <span class="bad">{error}</span>;
  if (!hasAudio && !mayFetch) return <span class="faint">on the device; an operator can fetch it</span>;
  if (!hasAudio) {
    return (
      <button type="button" onClick={fetchSound} disabled={isBusy}>
        {isBusy ? 'Waiting …' : 'Fetch from the device'}
        <span class="unseen"> {file}</span>
      </button>
    );
  }
  if (!isOpen) {
    return (
      <button type="button" onClick={() => setIsOpen(true)}>
        Play<span class="unseen"> {file}</span>
      </button>
    );
  }
  const src = apiAddress(`clips/${id}/audio`);
  return (
    <audio
      controls
      autoPlay
      src={src}
      aria-label={file}
      onError={() => setError('The hub could not send this sound.')}
    />
  );
}
