// What all pages share: who is signed in, the hub's stream, the devices, how many alarms are open.
import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { Session } from './answers.ts';
import type { Fleet } from './fleet.ts';
import type { HubStream } from './stream.ts';

export interface Hub {
  readonly session: Session;
  readonly stream: HubStream;
  readonly fleet: Fleet;
  readonly openAlarms: number;
  readonly signOut: () => void;
}

export const HubContext = createContext<Hub | undefined>(undefined);

/** @throws Error outside of the signed-in page */
export function useHub(): Hub {
  const hub = useContext(HubContext);
  if (!hub) throw new Error('nobody is signed in');
  return hub;
}

export function mayOperate({ role }: Session): boolean {
  return role !== 'viewer';
}
