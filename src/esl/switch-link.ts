import type { Clock } from '../clock.js';
import type { SwitchEvent } from '../calls/event.js';
import type { Service } from '../lifecycle.js';
import type { Logger } from '../log.js';
import type { Metrics } from '../metrics.js';
import { backoffMs, CEILING_MS, quickMs } from './backoff.js';
import type { Connect } from './connection.js';
import { checkedSubscription, EVENTS, openLink, type Link, type LinkOptions } from './link.js';
import { reasonOf, remedyFor, type LinkEnd } from './link-end.js';
import type { Malformed } from './malformed.js';

export interface SwitchLinkOptions extends Omit<LinkOptions, 'clock' | 'connect'> {
  /** A link that was up for so long begins its retries anew; 60 s by default. */
  stableMs?: number;
}

export interface SwitchLinkDeps {
  clock: Clock;
  /** A number in [0, 1); injected so that tests can pin the jitter. */
  random: () => number;
  log: Logger;
  metrics: Pick<Metrics, 'events' | 'malformed' | 'linkUp' | 'linkUps' | 'linkEnds' | 'handlerFailures'>;
  /** Opens the connections; in this thread by default. */
  connect?: Connect;
  /** Whether what the switch will say can be taken in; while it cannot, no link is opened. By default it always can. */
  hasRoom?: () => boolean;
  /** Called while bytes are being read: it must neither wait nor take long, or the switch waits. */
  onEvent: (event: SwitchEvent) => void;
  /** The link is up, also again: what happened before is not told. Called before the first event. */
  onUp?: () => void;
  /** The link was up and is down. Called after the last event. */
  onDown?: (end: LinkEnd) => void;
}

const STABLE_MS = 60_000;

// `reload mod_event_socket` takes 0.1 s, and what happens until we are back is not told; a link that breaks sooner than this is no accident.
const QUICK_AFTER_MS = 5_000;

const ROOM_POLL_MS = 250;

const KNOWN_EVENTS: ReadonlySet<string> = new Set([...EVENTS, 'CUSTOM']);

/**
 * Keeps one switch's link open until it is stopped, and never gives up on it. In the log it speaks only when the state
 * changes (up, down and why, another reason), however many retries lie between.
 */
export class SwitchLink implements Service {
  readonly name: string;
  readonly #options: SwitchLinkOptions;
  readonly #deps: SwitchLinkDeps;
  readonly #log: Logger;
  readonly #stopping = new AbortController();
  #loop: Promise<void> | undefined;
  #link: Link | undefined;
  #upSinceMs: number | undefined;
  /** Why it is down, as last said. */
  #saidReason: string | undefined;

  constructor(options: SwitchLinkOptions, deps: SwitchLinkDeps) {
    checkedSubscription(options); // a fault of the configuration stops the start, not the first login
    this.name = `link to ${options.switchName}`;
    this.#options = options;
    this.#deps = deps;
    this.#log = deps.log.child({ switch: options.switchName });
    deps.metrics.linkUp.set({ switch: options.switchName }, 0);
  }

  isUp(): boolean { return this.#upSinceMs !== undefined; }

  /** Does not wait for the switch: the daemon serves the others, and its receivers, while one is away. */
  start(): Promise<void> {
    this.#loop ??= this.#run();
    return Promise.resolve();
  }

  /** Resolves when the socket is closed; no event is handed on after the call. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#link?.close('closed-by-us');
    await this.#loop;
  }

  /** Drops the link because its events cannot be taken in. It is opened again when there is room, and never at once. */
  dropOverwhelmed(): void { this.#link?.close('overwhelmed'); }

  async #run(): Promise<void> {
    this.#log.info('connecting to the switch', { host: this.#options.host, port: this.#options.port });
    let failures = 0;
    while (!this.#stopping.signal.aborted) {
      await this.#awaitRoom();
      if (this.#stopping.signal.aborted) return;
      const { end, upMs } = await this.#keepOpen();
      const isQuick = upMs >= QUICK_AFTER_MS && (end.kind === 'closed' || end.kind === 'disconnect-notice');
      if (isQuick) failures = 0;
      else failures = upMs >= (this.#options.stableMs ?? STABLE_MS) ? 1 : failures + 1;
      await this.#deps.clock.sleep(isQuick ? quickMs(this.#deps.random) : this.#waitMs(end, failures), this.#stopping.signal);
    }
  }

  #waitMs(end: LinkEnd, failures: number): number {
    return remedyFor(end) === undefined ? backoffMs(failures, this.#deps.random) : CEILING_MS;
  }

  async #awaitRoom(): Promise<void> {
    const { clock, hasRoom = () => true } = this.#deps;
    if (hasRoom()) return;
    this.#log.warn('not listening to the switch until there is room for its events');
    while (!hasRoom() && !this.#stopping.signal.aborted) await clock.sleep(ROOM_POLL_MS, this.#stopping.signal);
  }

  /** One link, from the first packet to its end. */
  async #keepOpen(): Promise<{ end: LinkEnd; upMs: number }> {
    const { clock, connect } = this.#deps;
    const said = new Set<string>();
    this.#link = openLink({ ...this.#options, clock, ...(connect && { connect }) }, {
      onUp: () => this.#up(),
      onEvent: (event) => this.#hand(event, said),
      onMalformed: (kind) => this.#malformed(kind, said),
    });
    const end = await this.#link.ended;
    const upMs = this.#upSinceMs === undefined ? 0 : clock.monotonicMs() - this.#upSinceMs;
    this.#down(end);
    return { end, upMs };
  }

  #up(): void {
    this.#upSinceMs = this.#deps.clock.monotonicMs();
    this.#saidReason = undefined;
    this.#deps.metrics.linkUp.set({ switch: this.#options.switchName }, 1);
    this.#deps.metrics.linkUps.inc({ switch: this.#options.switchName });
    this.#log.info('link to the switch is up');
    this.#guard('onUp', () => this.#deps.onUp?.());
  }

  #down(end: LinkEnd): void {
    const wasUp = this.isUp();
    this.#upSinceMs = undefined;
    this.#deps.metrics.linkUp.set({ switch: this.#options.switchName }, 0);
    this.#deps.metrics.linkEnds.inc({ switch: this.#options.switchName, reason: end.kind });
    this.#sayDown(end);
    if (wasUp) this.#guard('onDown', () => this.#deps.onDown?.(end));
  }

  #sayDown(end: LinkEnd): void {
    const reason = reasonOf(end);
    if (reason === this.#saidReason) return;
    this.#saidReason = reason;
    const remedy = remedyFor(end);
    if (remedy !== undefined) this.#log.error('the switch refuses us', { reason, remedy });
    else if (end.kind === 'closed-by-us') this.#log.info('link to the switch is closed');
    else if (end.kind === 'overwhelmed') this.#log.warn('link to the switch is dropped, since its events come faster than they can be kept', { reason });
    else this.#log.warn('link to the switch is down', { reason });
  }

  #hand(event: SwitchEvent, said: Set<string>): void {
    const name = KNOWN_EVENTS.has(event.name) ? event.name : 'other';
    this.#deps.metrics.events.inc({ switch: event.switchName, event: name });
    this.#guard(name, () => this.#deps.onEvent(event), said);
  }

  /** The first of a kind on one link is said, the others are only counted: a switch gone mad must not fill the disk. */
  #malformed(kind: Malformed, said: Set<string>): void {
    this.#deps.metrics.malformed.inc({ switch: this.#options.switchName, kind });
    if (kind !== 'half-frame' && first(said, kind)) this.#log.warn('bytes from the switch could not be understood', { kind });
  }

  /** What throws in there is our fault, and the link must not pay for it: it is said once per link and name, and counted. */
  #guard(name: string, call: () => void, said = new Set<string>()): void {
    try {
      call();
    } catch (error) {
      this.#deps.metrics.handlerFailures.inc({ switch: this.#options.switchName });
      if (first(said, `handler of ${name}`)) this.#log.error('handler failed', { event: name, error: error instanceof Error ? error.stack : String(error) });
    }
  }
}

function first(said: Set<string>, what: string): boolean {
  const isFirst = !said.has(what);
  said.add(what);
  return isFirst;
}
