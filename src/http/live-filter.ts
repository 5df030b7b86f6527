import type { LineKind, LiveLine } from './live-line.js';

/** What a listener asks for; what is undefined or empty leaves nothing out. */
export interface LiveQuery {
  readonly kinds: ReadonlySet<LineKind>;
  /** In lower case. */
  readonly domain?: string;
  readonly number?: string;
  /** Any id of the call: its own, its flow's, a leg's, the SIP Call-ID or the webhook's. */
  readonly call?: string;
}

const MAX_FOLLOWED = 10_000;

// A number may be written with or without its country; an extension means itself alone.
const LEAST_SUFFIX = 7;

/**
 * Decides line by line. It learns: once a line fits, the other ids on it belong to the call too, so that the legs of a call that is
 * looked for by its number or by one id are shown all together, from the line on that ties them to it.
 */
export function createLiveFilter({ kinds, domain, number, call }: LiveQuery): (line: LiveLine) => boolean {
  const all = domain === undefined && number === undefined && call === undefined;
  const followed = new Set<string>();

  const fits = (line: LiveLine) => (domain === undefined || line.domain === domain)
    && (number === undefined || line.numbers.some((candidate) => sameNumber(candidate, number)))
    && (call === undefined || line.ids.includes(call));

  function follow(ids: readonly string[]): void {
    for (const id of ids) if (id !== '') followed.add(id);
    for (const oldest of followed) {
      if (followed.size <= MAX_FOLLOWED) return;
      followed.delete(oldest);
    }
  }

  return (line) => {
    if (all) return kinds.has(line.kind);
    if (!line.ids.some((id) => followed.has(id)) && !fits(line)) return false;
    follow(line.ids);
    return kinds.has(line.kind);
  };
}

function sameNumber(candidate: string, wanted: string): boolean {
  const [has, wants] = [digits(candidate), digits(wanted)];
  return has === wants || (wants.length >= LEAST_SUFFIX && has.endsWith(wants));
}

function digits(text: string): string {
  return text.replace(/^\+|[\s()./-]/g, '');
}
