import { codeOf } from '../db/pool.js';
import type { Logger } from '../log.js';
import type { Incoming, Item } from './incoming.js';
import type { Spill, SpilledFile } from './spill.js';

export interface LeftoversDeps { incoming: Incoming; log: Logger; spill?: Spill | undefined }

/** What was not committed outlives the process: left in a file at its end, taken up by the next start. */
export class Leftovers {
  readonly #deps: LeftoversDeps;
  readonly #ended: Promise<void>[] = [];
  #taking: Promise<void> | undefined;
  #keeping: Promise<void> | undefined;

  constructor(deps: LeftoversDeps) { this.#deps = deps; }

  /** Puts what earlier processes left before all that is new, for it is older. Rejects where their files cannot be read. */
  takeUp(): Promise<void> {
    this.#taking ??= this.#take();
    return this.#taking;
  }

  /** Leaves what is not committed; nothing more may be committed after that. */
  keep(): Promise<void> {
    this.#keeping ??= this.#keep();
    return this.#keeping;
  }

  async #take(): Promise<void> {
    const { spill, incoming } = this.#deps;
    const files = await spill?.take() ?? [];
    incoming.addFirst(files.flatMap((file) => this.#itemsOf(file)));
  }

  /** Items are committed in order, so with the last of a file the whole file is. */
  #itemsOf(file: SpilledFile): readonly Item[] {
    const onDone = () => { this.#ended.push(this.#end(file)); };
    const last = file.items.at(-1);
    if (last === undefined) { onDone(); return []; }
    return [...file.items.slice(0, -1), { ...last, onDone }];
  }

  async #end(file: SpilledFile): Promise<void> {
    const { log } = this.#deps;
    await file.done().catch((error: unknown) => log.warn('a spill file that is done with cannot be removed', { code: codeOf(error) }));
  }

  async #keep(): Promise<void> {
    const { spill, incoming, log } = this.#deps;
    await Promise.all(this.#ended);
    const items = incoming.all();
    if (items.length === 0) return;
    const lose = (code?: string) => log.error('stopped with notices not committed, which are lost', { count: incoming.size, code });
    if (spill === undefined) lose();
    else await spill.write(items).catch((error: unknown) => lose(codeOf(error)));
  }
}
