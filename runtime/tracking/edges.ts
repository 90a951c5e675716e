// When a sound began and ended, finer than a label frame: the network is trained to tell the share of the frame that sounds.

/** Frames on each side of a threshold's crossing in which the edge is looked for. */
const REACH = 3;
/**
 * Share of what activity reaches beside an end at which the sound ended: in rooms sounds die away, and activity with them. Ends at half of it were
 * 61 ms late, these 47 (median of 3600 events of validation), and frame recall grew from 88.9 to 89.2 %, in other rooms and noises from 87.3 to 87.5 %.
 */
const END_SHARE = 0.65;
/** A power of two that holds the frames of an offset's gap and what rise() and fall() look at. */
const KEPT = 64;

/**
 * The latest activities of one class.
 * A beginning is where activity, drawn as a line from frame centre to frame centre, crosses half of what it reaches beside
 * it: right for a sound that fills a frame in part, and unlike a class's threshold for loud and unsure sounds alike. An end
 * is where it crosses END_SHARE. Where all is 0 or 1 either is the edge of the frame. Unknown frames count as silent.
 */
export class Edges {
  readonly #activity = new Float32Array(KEPT);
  #newest = -1;

  /** Takes a frame's activity, 0..1; frames come in order, what lies between them is unknown. */
  add(frame: number, activity: number): void {
    if (frame !== this.#newest + 1) this.#activity.fill(0);
    this.#activity[frame % KEPT] = activity;
    this.#newest = frame;
  }

  /** @param first first frame over the threshold @returns where the sound begins, in frames */
  rise(first: number): number {
    const half = Math.max(this.#at(first), this.#at(first + 1)) / 2;
    let frame = first;
    if (this.#at(first) < half) frame += 1;
    else while (frame > first - REACH && this.#at(frame - 1) >= half) frame -= 1;
    const [before, after] = [this.#at(frame - 1), this.#at(frame)];
    return before < half ? frame - 0.5 + (half - before) / (after - before) : first;
  }

  /** @param last last frame over the threshold @returns where the sound ends, in frames */
  fall(last: number): number {
    const level = END_SHARE * Math.max(this.#at(last), this.#at(last - 1));
    let frame = last;
    if (this.#at(last) < level) frame -= 1;
    else while (frame < last + REACH && this.#at(frame + 1) >= level) frame += 1;
    const [before, after] = [this.#at(frame), this.#at(frame + 1)];
    return after < level ? frame + END_SHARE + (before - level) / (before - after) : last + 1;
  }

  #at(frame: number): number {
    return frame < 0 || frame > this.#newest || frame <= this.#newest - KEPT ? 0 : this.#activity[frame % KEPT]!;
  }
}
