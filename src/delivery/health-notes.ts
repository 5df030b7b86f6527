import type { HealthReport } from '../db/receiver-health.js';
import type { Health } from './health.js';

/** What was seen of one tenant's URL since it was last written down. */
interface Note { readonly domainId: string; readonly url: string; readonly answered: boolean; readonly failingSinceMs: number | null; readonly lastFailure: string | null }

/** Whose URL. */
export interface TenantUrl { readonly domainId: string; readonly url: string }

/** Gathers what attempts say about tenants' URLs, one note for each URL however many attempts there are. */
export class HealthNotes {
  #notes = new Map<string, Note>();

  add({ domainId, url }: TenantUrl, health: Health, nowMs: number): void {
    const isWell = health.kind === 'well';
    this.#put(this.#notes, { domainId, url, answered: isWell, failingSinceMs: isWell ? null : nowMs, lastFailure: isWell ? null : health.reason });
  }

  /** Takes what was gathered to be written down; where that fails, `putBack` keeps it for the next time. */
  take(nowMs: number): { reports: HealthReport[]; failing: TenantUrl[]; putBack: () => void } {
    const taken = this.#notes;
    this.#notes = new Map();
    return {
      reports: Array.from(taken.values(), ({ failingSinceMs, ...note }) => ({ ...note, failingMs: failingSinceMs === null ? null : nowMs - failingSinceMs })),
      failing: [...taken.values()].filter(({ failingSinceMs }) => failingSinceMs !== null),
      putBack: () => {
        for (const note of this.#notes.values()) this.#put(taken, note);
        this.#notes = taken;
      },
    };
  }

  #put(notes: Map<string, Note>, note: Note): void {
    const key = `${note.domainId} ${note.url}`;
    const before = notes.get(key);
    notes.set(key, before === undefined ? note : both(before, note));
  }
}

function both(before: Note, after: Note): Note {
  return {
    ...after, answered: before.answered || after.answered, lastFailure: after.lastFailure ?? before.lastFailure,
    failingSinceMs: after.answered ? after.failingSinceMs : before.failingSinceMs ?? after.failingSinceMs,
  };
}
