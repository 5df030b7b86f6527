/** Bounds for deliveries in memory; what is beyond waits in Postgres. */
export interface MemoryOptions {
  /** Of receivers that answer in time, of those that do not, and of one tenant in all. */
  ordinary: number;
  slow: number;
  perTenant: number;
}

/** Counts the deliveries in memory: slow receivers fill their own part of it and no other, and no tenant more than his share. */
export class Memory {
  readonly #options: MemoryOptions;
  readonly #tenants = new Map<string, number>();
  #ordinary = 0;
  #slow = 0;

  constructor(options: MemoryOptions) { this.#options = options; }

  enter(tenant: string, isSlow: boolean): void {
    this.#tenants.set(tenant, (this.#tenants.get(tenant) ?? 0) + 1);
    this.#grow(isSlow, 1);
  }

  leave(tenant: string, isSlow: boolean): void {
    const left = this.#tenants.get(tenant)! - 1;
    if (left === 0) this.#tenants.delete(tenant); else this.#tenants.set(tenant, left);
    this.#grow(isSlow, -1);
  }

  /** So many of a receiver's deliveries belong to the other part now. */
  move(count: number, toSlow: boolean): void {
    this.#grow(toSlow, count);
    this.#grow(!toSlow, -count);
  }

  room(tenant: string, isSlow: boolean): number {
    return Math.min(isSlow ? this.#options.slow - this.#slow : this.#options.ordinary - this.#ordinary, this.#options.perTenant - (this.#tenants.get(tenant) ?? 0));
  }

  /** In both parts together. */
  totalRoom(): number {
    return Math.max(0, this.#options.ordinary - this.#ordinary) + Math.max(0, this.#options.slow - this.#slow);
  }

  #grow(isSlow: boolean, by: number): void {
    if (isSlow) this.#slow += by; else this.#ordinary += by;
  }
}
