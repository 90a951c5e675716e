// The octave bands in which walls, air and reverberation are described, and the filters that split a spectrum into them.

export const BAND_CENTRES_HZ = [125, 250, 500, 1000, 2000, 4000, 8000, 16000] as const;
export const BANDS = BAND_CENTRES_HZ.length;

/** Loss in air in dB per metre at 20 °C and 50 % humidity (ISO 9613-1). */
export const AIR_DB_PER_METRE = [0.00044, 0.00131, 0.00273, 0.00466, 0.00989, 0.0297, 0.105, 0.338] as const;

/**
 * Amplitude of each band at the bins 0..size/2 of a real FFT: cos² flanks over an octave, zero phase, summing to 1 at every
 * frequency, so that bands of equal gain give back the very signal.
 */
export function bandGains(size: number, sampleRate: number): Float32Array[] {
  const gains = BAND_CENTRES_HZ.map(() => new Float32Array(size / 2 + 1));
  for (let bin = 0; bin <= size / 2; bin++) {
    const octaves = Math.log2(Math.max(1, (bin * sampleRate) / size) / BAND_CENTRES_HZ[0]);
    const place = Math.min(BANDS - 1, Math.max(0, octaves));
    const low = Math.min(BANDS - 2, Math.floor(place));
    const share = Math.sin((Math.PI / 2) * (place - low)) ** 2;
    gains[low]![bin] = 1 - share;
    gains[low + 1]![bin] = share;
  }
  return gains;
}

/** sum += gain · spectrum, with the spectrum in the order of FftMemory.forward. */
export function addBand(sum: Float32Array, spectrum: Float32Array, gain: Float32Array): void {
  const half = spectrum.length / 2;
  sum[0]! += gain[0]! * spectrum[0]!;
  sum[1]! += gain[half]! * spectrum[1]!;
  for (let bin = 1; bin < half; bin++) {
    const g = gain[bin]!;
    sum[2 * bin]! += g * spectrum[2 * bin]!;
    sum[2 * bin + 1]! += g * spectrum[2 * bin + 1]!;
  }
}
