/** Deliveries in memory at most; what is beyond waits in Postgres. */
export interface MemoryOptions {
  /** Of receivers that answer in time. */
  ordinary: number;
  /** Of those that do not. */
  slow: number;
}

/** No tenant has more than this part of either. */
const TENANT_PART = 4;

/** Counts the deliveries in memory: slow receivers fill their own part of it and no other, and a tenant no more than his share of each. */
export class Memory {
  readonly #ordinary: Part;
  readonly #slow: Part;

  constructor({ ordinary, slow }: MemoryOptions) {
    this.#ordinary = new Part(ordinary);
    this.#slow = new Part(slow);
  }

  enter(tenant: string, isSlow: boolean): void { this.#part(isSlow).add(tenant, 1); }

  leave(tenant: string, isSlow: boolean): void { this.#part(isSlow).add(tenant, -1); }

  /** So many of a tenant's deliveries belong to the other part now. */
  move(tenant: string, count: number, toSlow: boolean): void {
    this.#part(toSlow).add(tenant, count);
    this.#part(!toSlow).add(tenant, -count);
  }

  /** For how many more of the tenant; negative where there are too many already. */
  room(tenant: string, isSlow: boolean): number { return this.#part(isSlow).room(tenant); }

  /** In both parts together, for whomever. */
  totalRoom(): number { return this.#ordinary.left() + this.#slow.left(); }

  #part(isSlow: boolean): Part { return isSlow ? this.#slow : this.#ordinary; }
}

class Part {
  readonly #most: number;
  readonly #tenants = new Map<string, number>();
  #count = 0;

  constructor(most: number) { this.#most = most; }

  add(tenant: string, count: number): void {
    const now = (this.#tenants.get(tenant) ?? 0) + count;
    if (now === 0) this.#tenants.delete(tenant); else this.#tenants.set(tenant, now);
    this.#count += count;
  }

  room(tenant: string): number {
    return Math.min(this.#most - this.#count, Math.ceil(this.#most / TENANT_PART) - (this.#tenants.get(tenant) ?? 0));
  }

  left(): number { return Math.max(0, this.#most - this.#count); }
}
