import { aborted, type Clock } from '../clock.js';
import type { Service } from '../lifecycle.js';
import type { Logger } from '../log.js';
import type { Vault } from '../seal.js';
import type { Directory } from '../subscriptions/directory.js';
import { Credentials } from './credentials.js';
import { loadDirectory } from './directory-load.js';
import { listen, type Listener } from './listen.js';
import { codeOf, type Queryable } from './pool.js';
import { isUuid } from './uuid.js';

export interface DirectoryFeed extends Service {
  /** Whether the directory holds what the database held a moment ago; false while the database cannot be heard or read. */
  isFresh(): boolean;
  /** Resolves when the next reload has reached the directory. */
  nextReload(): Promise<void>;
}

export interface FeedDeps {
  directory: Directory;
  /** For loading. */
  db: Queryable;
  /** For the connection that listens. */
  url: string;
  /** Opens keys and secrets, and seals the secrets of URLs that have none yet. */
  vault: Vault;
  clock: Clock;
  log: Logger;
  /** A number in [0, 1). */
  random: () => number;
}

const CHANNEL = 'hookswitch_directory';
const EVERYTHING = '*';
// From here on one full load is cheaper than many parts.
const MANY = 100;
const PING_MS = 30_000;
const RETRY = { firstMs: 100, ceilingMs: 5_000 };

/**
 * Keeps the directory equal to the database: all of it at start and after each lost connection, later just the domains that a
 * commit has named, whoever made it. It listens before it loads, so a change falls into the load or is told, never between.
 * At most one load is under way; what is told meanwhile is the next one.
 */
export function createDirectoryFeed(deps: FeedDeps): DirectoryFeed {
  return new Feed(deps);
}

class Feed implements DirectoryFeed {
  readonly name = 'directory';
  readonly #deps: FeedDeps;
  readonly #credentials: Credentials;
  readonly #stopping = new AbortController();
  readonly #told = new Set<string>();
  readonly #waiting: (() => void)[] = [];
  #idle = new AbortController();
  #listener: Listener | undefined;
  #fresh = false;
  #failures = 0;
  #loop: Promise<void> | undefined;

  constructor(deps: FeedDeps) {
    this.#deps = deps;
    this.#credentials = new Credentials(deps);
  }

  isFresh(): boolean {
    return this.#fresh;
  }

  nextReload(): Promise<void> {
    return new Promise((resolve) => { this.#waiting.push(resolve); });
  }

  async start(): Promise<void> {
    try {
      await this.#connect();
      await this.#reload();
    } catch (error) {
      void this.#listener?.close();
      throw error;
    }
    this.#deps.log.info('directory loaded', { ...this.#deps.directory.size() });
    this.#loop ??= this.#run();
  }

  async stop(hurry: AbortSignal): Promise<void> {
    this.#stopping.abort();
    const closed = this.#listener?.close();
    await Promise.race([Promise.all([closed, this.#loop]), aborted(hurry)]);
  }

  async #run(): Promise<void> {
    const { clock, log, random } = this.#deps;
    while (!this.#stopping.signal.aborted) {
      await this.#turn().catch(async (error: unknown) => {
        this.#fresh = false;
        log.warn('directory could not be reloaded', { code: codeOf(error) });
        await clock.sleep(retryMs(this.#failures++, random), this.#stopping.signal);
      });
    }
  }

  /** Hear, load what was told, and wait for more; where nothing comes for long, see whether the server is still there. */
  async #turn(): Promise<void> {
    this.#idle = new AbortController();
    if (this.#listener === undefined) await this.#connect();
    if (this.#told.size > 0) return await this.#reload();
    await this.#deps.clock.sleep(PING_MS, AbortSignal.any([this.#idle.signal, this.#stopping.signal]));
    if (!this.#idle.signal.aborted && !this.#stopping.signal.aborted) await this.#listener?.ping();
  }

  async #connect(): Promise<void> {
    const listener = await listen(this.#deps.url, CHANNEL, (payload) => this.#hear(payload));
    this.#listener = listener;
    this.#hear(EVERYTHING);
    void listener.ended.then((reason) => this.#lose(reason));
    if (this.#stopping.signal.aborted) await listener.close();
  }

  #hear(payload: string): void {
    for (const id of payload.split(',')) this.#told.add(isUuid(id) ? id : EVERYTHING);
    this.#idle.abort();
  }

  #lose(reason: string): void {
    this.#listener = undefined;
    this.#fresh = false;
    if (!this.#stopping.signal.aborted) this.#deps.log.warn('directory feed lost its connection', { reason });
    this.#idle.abort();
  }

  async #reload(): Promise<void> {
    const names = [...this.#told];
    this.#told.clear();
    try {
      await load(this.#deps, names, this.#credentials);
    } catch (error) {
      for (const name of names) this.#told.add(name); // still owed
      throw error;
    }
    this.#fresh = this.#listener !== undefined;
    this.#failures = 0;
    this.#deps.log.debug('directory reloaded', { ...this.#deps.directory.size() });
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

async function load({ directory, db }: FeedDeps, names: string[], credentials: Credentials): Promise<void> {
  const ids = names.includes(EVERYTHING) || names.length > MANY ? null : names;
  const { domains, subscriptions } = await loadDirectory(db, ids, credentials, (id) => directory.byId(id));
  if (ids === null) return directory.replaceAll(domains, subscriptions);
  // In one go, so that nobody sees half of a commit that concerned two domains.
  for (const id of ids) directory.replaceDomain(id, domains.find((domain) => domain.id === id), subscriptions.filter(({ domainId }) => domainId === id));
}

function retryMs(failures: number, random: () => number): number {
  return Math.min(RETRY.firstMs * 2 ** failures, RETRY.ceilingMs) * (0.5 + random() / 2);
}
