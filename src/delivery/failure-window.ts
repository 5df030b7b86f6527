/** So many parts of a window expire one by one, so that what it says changes little at a time. */
const PARTS = 6;

interface Part { index: number; total: number; failed: number }

/** How many of the last POSTs failed: those of the last `windowMs`, give or take a sixth of it. Costs the same however many there were. */
export class FailureWindow {
  readonly #partMs: number;
  readonly #parts: Part[] = Array.from({ length: PARTS }, () => ({ index: -PARTS, total: 0, failed: 0 }));

  constructor(windowMs: number) { this.#partMs = windowMs / PARTS; }

  add(nowMs: number, failed: boolean): void {
    const index = Math.floor(nowMs / this.#partMs);
    const part = this.#parts[index % PARTS]!;
    if (part.index !== index) Object.assign(part, { index, total: 0, failed: 0 });
    part.total += 1;
    if (failed) part.failed += 1;
  }

  counts(nowMs: number): { total: number; failed: number } {
    const oldest = Math.floor(nowMs / this.#partMs) - PARTS + 1;
    let total = 0;
    let failed = 0;
    for (const part of this.#parts) {
      if (part.index < oldest) continue;
      total += part.total;
      failed += part.failed;
    }
    return { total, failed };
  }

  clear(): void {
    for (const part of this.#parts) part.index = -PARTS;
  }
}
