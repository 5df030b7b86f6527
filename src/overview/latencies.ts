const FIRST_MS = 0.5;
const GROWTH = 1.25;
const BOUNDS = 56; // the last is past a minute, longer than any POST may take

/** How long things took, in classes a quarter apart: of any number of them, in a few hundred bytes. */
export class Latencies {
  readonly #counts = new Uint32Array(BOUNDS);
  #total = 0;

  add(ms: number): void {
    const place = ms <= FIRST_MS ? 0 : Math.ceil(Math.log(ms / FIRST_MS) / Math.log(GROWTH));
    this.#counts[Math.min(place, BOUNDS - 1)]! += 1;
    this.#total += 1;
  }

  /** Takes in what another has counted. */
  merge(other: Latencies): void {
    for (const [place, count] of other.#counts.entries()) this.#counts[place]! += count;
    this.#total += other.#total;
  }

  /** The time, in milliseconds, that such a share took at most, by up to a quarter too long; null where there was nothing. */
  quantile(share: number): number | null {
    if (this.#total === 0) return null;
    let left = Math.ceil(share * this.#total);
    for (const [place, count] of this.#counts.entries()) {
      left -= count;
      if (left <= 0) return roundMs(FIRST_MS * GROWTH ** place);
    }
    return roundMs(FIRST_MS * GROWTH ** BOUNDS);
  }
}

const roundMs = (ms: number) => (ms < 10 ? Math.round(ms * 10) / 10 : Math.round(ms));
