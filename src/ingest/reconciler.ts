import type { SwitchEvent } from '../calls/event.js';
import type { Synthetic } from '../calls/notice.js';
import type { ChannelRow, Sighting } from '../calls/sighting.js';
import type { Clock } from '../clock.js';
import type { Service } from '../lifecycle.js';
import type { Logger } from '../log.js';
import type { Metrics } from '../metrics.js';
import type { HeardSwitch, Ingest } from './ingest.js';
import { LossDetector } from './loss.js';

/** A question without an answer, and why. */
interface Unanswered { kind: 'refused' | 'unreadable' | 'lost'; reason: string }

/** Questions to one switch, on a connection of their own: a running `api` holds back the events of its own. */
export interface Survey {
  coreId(): Promise<{ kind: 'core'; coreId: string } | Unanswered>;
  channels(): Promise<{ kind: 'channels'; rows: readonly ChannelRow[] } | Unanswered>;
  dump(id: string): Promise<{ kind: 'channel'; event: SwitchEvent } | { kind: 'gone' } | Unanswered>;
  close(): Promise<void>;
}

/** What is up, when that was asked, and how many channels were looked at. */
interface Found { kind: 'found'; up: ReadonlySet<string>; askedAtMs: number; adopted: number }

export interface ReconcilerDeps {
  switchName: string;
  ingest: Ingest;
  openSurvey: () => Survey;
  /** Takes over what other daemons know of calls on this run of the switch. */
  inherit: (coreId: string) => Promise<void>;
  clock: Clock;
  /** A number in [0, 1). */
  random: () => number;
  log: Logger;
  metrics: Metrics;
}

/** What was on its way when the channels were listed gets so long to come by itself. */
const GRACE_MS = 2_000;
/** Questions that are open at once: else the way to a switch and back would take longer than its answers. */
const AT_ONCE = 8;
const RETRY = { firstMs: 1_000, ceilingMs: 30_000 };

/**
 * FreeSWITCH keeps nothing for a listener that is away. After each new link, and when heartbeats show a loss, this asks one
 * switch what is up, makes up for what was missed, and ends what is gone.
 */
export class Reconciler implements Service {
  readonly name: string;
  readonly #deps: ReconcilerDeps;
  readonly #log: Logger;
  readonly #losses = new LossDetector();
  readonly #stopping = new AbortController();
  #link = new AbortController();
  #wanted: Synthetic | undefined;
  #bell = new AbortController();
  #loop: Promise<void> | undefined;
  #survey: Survey | undefined;
  /** Until when the switch was heard without a gap, microseconds of its time. */
  #unbrokenUs = 0;
  /**
   * When the link before this one went down: what was first seen since then has had no gap. (The reading thread may have read an
   * event before we are told that the link is up.) At first just after 0, where what an earlier process knew is placed.
   */
  #sinceMs = Number.MIN_VALUE;
  /** Core-UUID, as it was last answered: it changes with every start of the switch. */
  #coreId: string | undefined;

  constructor(deps: ReconcilerDeps) {
    this.name = `reconciler of ${deps.switchName}`;
    this.#deps = deps;
    this.#log = deps.log.child({ switch: deps.switchName });
    this.#link.abort(); // no link yet
  }

  start(): Promise<void> {
    this.#loop ??= this.#run();
    return Promise.resolve();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#link.abort();
    this.#bell.abort();
    await this.#survey?.close(); // what is still asked is lost
    await this.#loop;
  }

  /** What an earlier process knew: the run of the switch, and until when it was heard. Before `onUp`. */
  resume(coreId: string, heardUs: number): void {
    this.#coreId = coreId;
    this.#heard.heardUs = Math.max(this.#heard.heardUs, heardUs);
  }

  /** The run of the switch that is heard now; undefined while the link is down or not asked yet. */
  heardCoreId(): string | undefined {
    return this.#link.signal.aborted ? undefined : this.#coreId;
  }

  /** The link is up; what was missed before has to be made up for. */
  onUp(): void {
    this.#unbrokenUs = this.#heard.heardUs;
    this.#link = new AbortController();
    this.#losses.reset();
    this.#heard.calls.hold(this.#sinceMs);
    this.#want('reconciled');
  }

  onDown(): void {
    this.#sinceMs = this.#deps.clock.monotonicMs();
    this.#link.abort();
    this.#release();
  }

  #release(): void {
    this.#deps.ingest.tell(this.#deps.switchName, this.#heard.calls.release(this.#deps.clock.monotonicMs()));
  }

  /** Compares a HEARTBEAT's counts with what was seen. */
  onHeartbeat(event: SwitchEvent): void {
    const { calls, created, heardUs } = this.#heard;
    const counts = { sessionsEver: Number(event.get('Session-Since-Startup')), sessionsUp: Number(event.get('Session-Count')) };
    if (!Number.isFinite(counts.sessionsEver) || !Number.isFinite(counts.sessionsUp) || this.#wanted) return;
    const loss = this.#losses.compare(counts, { created, up: calls.legsUp });
    if (!loss) { this.#unbrokenUs = heardUs; return; }
    this.#deps.metrics.lost.inc({ switch: this.#deps.switchName, what: 'begun' }, loss.begun);
    this.#deps.metrics.lost.inc({ switch: this.#deps.switchName, what: 'ended' }, loss.ended);
    this.#log.warn('events of the switch were lost', { ...loss });
    this.#want('lost');
  }

  get #heard(): HeardSwitch { return this.#deps.ingest.heardOf(this.#deps.switchName); }

  #want(why: Synthetic): void {
    this.#wanted = why;
    this.#bell.abort();
  }

  async #run(): Promise<void> {
    let failures = 0;
    while (!this.#stopping.signal.aborted) {
      if (this.#wanted === undefined || this.#link.signal.aborted) {
        this.#bell = new AbortController();
        await this.#deps.clock.sleep(IDLE_MS, this.#bell.signal);
        continue;
      }
      const failed = await this.#reconcile(this.#wanted);
      failures = failed ? failures + 1 : 0;
      if (failed && failures === 1 && !this.#link.signal.aborted) this.#log.warn('the switch could not be asked what is up', { reason: failed });
      if (failed) await this.#deps.clock.sleep(this.#waitMs(failures), this.#link.signal);
    }
  }

  #waitMs(failures: number): number {
    return Math.min(RETRY.firstMs * 2 ** (failures - 1), RETRY.ceilingMs) * (0.9 + this.#deps.random() * 0.2);
  }

  /** One survey, from the first question to the last conclusion. Returns why it failed; then nothing was concluded. */
  async #reconcile(why: Synthetic): Promise<string | undefined> {
    const { clock, ingest, switchName, metrics } = this.#deps;
    const startedMs = clock.monotonicMs();
    const link = this.#link.signal;
    const heardUs = this.#unbrokenUs;
    const survey = this.#deps.openSurvey();
    this.#survey = survey;
    try {
      const core = await survey.coreId();
      if (core.kind !== 'core') return core.reason;
      const restarted = this.#meetRun(core.coreId, heardUs);
      const inherited = await this.#deps.inherit(core.coreId).then(() => true, () => false);
      if (!inherited) return 'the database is away';
      const found = await this.#look(survey);
      if (found.kind !== 'found') return found.reason;
      if (!link.aborted) this.#release();
      await survey.close();
      await clock.sleep(GRACE_MS, link);
      if (link.aborted) return 'the link went down';
      const ended = this.#heard.calls.endMissing({ up: found.up, sinceMs: why === 'lost' ? found.askedAtMs : this.#sinceMs, heardUs, why }, clock.monotonicMs());
      ingest.tell(switchName, ended);
      if (this.#wanted === why) this.#wanted = undefined;
      this.#losses.reset();
      const tookMs = Math.round(clock.monotonicMs() - startedMs);
      metrics.reconciliations.inc({ switch: switchName, reason: why });
      metrics.reconciliationTime.observe({ switch: switchName }, tookMs / 1_000);
      metrics.adopted.inc({ switch: switchName }, found.adopted);
      this.#log.info('reconciled with the switch', { up: found.up.size, adopted: found.adopted, notices: ended.length + restarted, tookMs });
      return undefined;
    } finally {
      if (!link.aborted) this.#release(); // what could not be asked is told as far as it is known
      await survey.close();
    }
  }

  /** Another run than before: all calls of the one before have ended. Returns how many notices that made. */
  #meetRun(coreId: string, heardUs: number): number {
    const { clock, ingest, switchName } = this.#deps;
    const known = this.#coreId;
    this.#coreId = coreId;
    if (known === undefined || known === coreId) return 0;
    const notices = this.#heard.calls.restarted(this.#sinceMs, heardUs, clock.monotonicMs());
    this.#log.warn('the switch has started anew; its calls have ended', { notices: notices.length });
    ingest.tell(switchName, notices);
    return notices.length;
  }

  /** Lists the channels, looks at those with news, and says at once what they would have said. */
  async #look(survey: Survey): Promise<Found | Unanswered> {
    const { clock, ingest, switchName } = this.#deps;
    const askedAtMs = clock.monotonicMs();
    const listed = await survey.channels();
    if (listed.kind !== 'channels') return listed;
    const rows = new Map(listed.rows.map((row) => [row['uuid'] ?? '', row]));
    const sightings: Sighting[] = [];
    const ids = this.#heard.calls.toSight(listed.rows);
    const open = ids.slice(0, AT_ONCE).map((id) => survey.dump(id));
    for (const [index, id] of ids.entries()) {
      const dump = await open.shift()!;
      const next = ids[index + AT_ONCE];
      if (next !== undefined) open.push(survey.dump(next));
      if (dump.kind === 'lost') return dump;
      // One that has ended meanwhile, or cannot be read, is told by its events.
      const sighting = this.#heard.calls.sight(rows.get(id)!, dump.kind === 'channel' ? dump.event : undefined);
      if (sighting) sightings.push(sighting);
    }
    if (sightings.length > 0) ingest.tell(switchName, this.#heard.calls.adopt(sightings, clock.monotonicMs()));
    return { kind: 'found', up: new Set(rows.keys()), askedAtMs, adopted: sightings.length };
  }
}

/** The bell ends every wait; this only bounds it. */
const IDLE_MS = 60_000;
