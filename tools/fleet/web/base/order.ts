// Something the hub is told to do: its refusal is kept as a sentence until the next order.
import { useState } from 'preact/hooks';
import { send } from './api.ts';

export interface Orders {
  /** Why the last order was refused. */
  readonly refused: string | undefined;
  /** Calls `then` with the hub's answer when it did it. */
  readonly order: (
    method: 'POST' | 'PUT' | 'DELETE',
    path: string,
    body?: unknown,
    then?: (answer: unknown) => void,
  ) => void;
}

/** @param onDone after each order that was carried out */
export function useOrders(onDone: () => void): Orders {
  const [refused, setRefused] = useState<string>();
  const order: Orders['order'] = (method, path, body, then) => {
    setRefused(undefined);
    send(method, path, body).then(
      (answer) => {
        then?.(answer);
        onDone();
      },
      (failure: Error) => setRefused(failure.message),
    );
  };
  return { refused, order };
}
