// Those of switch_event.c that a listener of calls may meet; a word that is none of them is skipped in silence, as the switch does.
const EVENT_NAMES: ReadonlySet<string> = new Set([
  'CHANNEL_CREATE', 'CHANNEL_DESTROY', 'CHANNEL_STATE', 'CHANNEL_CALLSTATE', 'CHANNEL_ANSWER', 'CHANNEL_HANGUP', 'CHANNEL_HANGUP_COMPLETE',
  'CHANNEL_EXECUTE', 'CHANNEL_EXECUTE_COMPLETE', 'CHANNEL_HOLD', 'CHANNEL_UNHOLD', 'CHANNEL_BRIDGE', 'CHANNEL_UNBRIDGE', 'CHANNEL_PROGRESS',
  'CHANNEL_PROGRESS_MEDIA', 'CHANNEL_OUTGOING', 'CHANNEL_PARK', 'CHANNEL_UNPARK', 'CHANNEL_APPLICATION', 'CHANNEL_ORIGINATE', 'CHANNEL_UUID',
  'API', 'LOG', 'SHUTDOWN', 'SHUTDOWN_REQUESTED', 'STARTUP', 'RELOADXML', 'HEARTBEAT', 'RE_SCHEDULE', 'BACKGROUND_JOB', 'CODEC', 'DTMF',
  'MESSAGE', 'PRESENCE_IN', 'RECORD_START', 'RECORD_STOP', 'PLAYBACK_START', 'PLAYBACK_STOP', 'CALL_UPDATE', 'CALL_DETAIL', 'FAILURE',
]);

/** What one listener has asked for with its `event` commands. */
export class Wanted {
  readonly #names = new Set<string>();
  readonly #subclasses = new Set<string>();
  #all = false;

  /** Adds the words of one command; false where none of them is a keyword, which the switch refuses. After CUSTOM every word is a subclass. */
  add(words: readonly string[]): boolean {
    const custom = words.findIndex((word) => word.toUpperCase() === 'CUSTOM');
    const names = (custom < 0 ? words : words.slice(0, custom)).map((word) => word.toUpperCase());
    const known = names.filter((name) => EVENT_NAMES.has(name));
    const all = names.includes('ALL');
    for (const name of known) this.#names.add(name);
    if (custom >= 0) for (const subclass of words.slice(custom + 1)) this.#subclasses.add(subclass);
    this.#all ||= all;
    return all || custom >= 0 || known.length > 0;
  }

  has(name: string, subclass: string): boolean {
    return this.#all || (name === 'CUSTOM' ? this.#subclasses.has(subclass) : this.#names.has(name));
  }

  get isEmpty(): boolean { return !this.#all && this.#names.size === 0 && this.#subclasses.size === 0; }

  clear(): void {
    this.#names.clear();
    this.#subclasses.clear();
    this.#all = false;
  }
}
