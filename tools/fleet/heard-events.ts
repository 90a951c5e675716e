// Events of devices as bearings on a map, with what no message carries: how sure directions, headings and positions are.
import type { EventMessage } from '../../runtime/uplink/topics.ts';
import type { LocalPlane, Place } from './local-plane.ts';
import type { HeardEvent } from './sources.ts';

/** Standard deviations: of the model, and of how a device was set up. */
export interface Sigmas {
  readonly bearingDegrees: number;
  readonly headingDegrees: number;
  readonly positionMetres: number;
}

export const DEFAULT_SIGMAS: Sigmas = { bearingDegrees: 6, headingDegrees: 3, positionMetres: 3 };

export type PlacedEvent = EventMessage & { readonly position: Place; readonly bearingDegrees: number };

export function isPlaced(event: EventMessage): event is PlacedEvent {
  return event.position !== null && event.bearingDegrees !== null;
}

export function onMap(event: PlacedEvent, plane: LocalPlane, sigmas: Sigmas): HeardEvent {
  return {
    ...{ id: event.id, device: event.device, label: event.class, ...plane.toMap(event.position) },
    ...{ bearingDegrees: event.bearingDegrees, sigmaMetres: sigmas.positionMetres },
    sigmaDegrees: Math.hypot(sigmas.bearingDegrees, sigmas.headingDegrees),
    ...{ onsetMs: Date.parse(event.startTime), endMs: Date.parse(event.endTime) },
  };
}
