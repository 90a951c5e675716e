// A button for what cannot be taken back: it asks once more before it does it.
import { useState } from 'preact/hooks';

interface RemoveButtonProps {
  /** What is removed, for the second question and for screen readers. */
  readonly name: string;
  readonly onRemove: () => void;
}

export function RemoveButton({ name, onRemove }: RemoveButtonProps) {
  const [isAsking, setIsAsking] = useState(false);
  if (!isAsking)
    return (
      <button type="button" class="plain" onClick={() => setIsAsking(true)}>
        Remove<span class="unseen"> {name}</span>
      </button>
    );
  return (
    <span class="row end">
      <button type="button" class="danger" onClick={onRemove}>
        Remove {name}
      </button>
      <button type="button" onClick={() => setIsAsking(false)}>
        Keep
      </button>
    </span>
  );
}
