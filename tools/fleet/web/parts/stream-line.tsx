// Whether what is shown is live; said politely to screen readers when it changes.
import { useHub } from '../base/hub.ts';
import { useStreamState } from '../base/stream.ts';

const WORDS = {
  connecting: { text: 'Connecting to the hub …', tone: 'faint' },
  open: { text: 'Live', tone: 'good' },
  lost: { text: 'Connection lost: what you see may be old. Trying again …', tone: 'bad' },
};

export function StreamLine() {
  const { text, tone } = WORDS[useStreamState(useHub().stream)];
  return (
    <div role="status" class={tone}>
      <span aria-hidden="true">● </span>
      {text}
    </div>
  );
}
