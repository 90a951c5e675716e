// What a recording format does to sound from a direction and to sound from everywhere; the rest of the synthesiser knows only this.
import type { Vector } from '../../../runtime/directions.ts';

/** Places in a response where the direct sound arrives: enough room for the sphere's lead and the pulses' flanks. */
export const ARRIVAL = 64;
/** Length of the part of a response that is made of image sources, in samples; also the size of its transforms. */
export const EARLY_LENGTH = 8192;

export interface Receiver {
  readonly name: 'foa' | 'mic';
  /** Channels whose mean power is the recording's level. */
  readonly levelChannels: readonly number[];
  /** Responses of the four channels to a pulse of amplitude 1 from an exact direction, arriving at sample `lead`. */
  direct(direction: Vector): { lead: number; responses: readonly Float32Array[] };
  /**
   * Adds a pulse to the trains of all channels and bands.
   * @param trains (channels, bands, EARLY_LENGTH)
   * @param arrival sample, may lie between two; pulses that would leave the train are the caller's fault
   * @param amplitudes one per band
   */
  addPulse(trains: Float32Array, arrival: number, direction: Vector, amplitudes: Float64Array): void;
  /** Turns spectra of four independent noises of unit density into an isotropic diffuse field of unit density at the centre. */
  mixDiffuse(spectra: readonly Float32Array[]): void;
  /** Signs under which a diffuse field stays one: a cheap way to many tails from one. */
  readonly mirrorings: readonly (readonly number[])[];
}
