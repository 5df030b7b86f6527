import type { SwitchEvent } from '../../src/calls/event.js';

/** 2026-11-22 12:00:00 UTC, where every scripted call begins. */
export const START_US = Date.UTC(2026, 10, 22, 12) * 1_000;

export type Headers = Record<string, string>;

/** A scripted call for rules that no recording shows: events by name, leg and milliseconds since the start, sequence numbers counted up. */
export class Script {
  readonly events: SwitchEvent[] = [];
  #sequence = 1_000;
  readonly #standing = new Map<string, Headers>();

  /** A caller rings in; its dialplan runs later. */
  ringsIn(leg: string, atMs: number, from: string, to: string, headers: Headers = {}): this {
    return this.create(leg, atMs, { 'Call-Direction': 'inbound', 'Caller-Caller-ID-Number': from, 'Caller-Destination-Number': to, 'Caller-Context': 'public', 'variable_sip_call_id': `sip-${leg}`, ...headers });
  }

  /** A leg rings a callee. */
  rings(leg: string, parent: string, atMs: number, extension: string, headers: Headers = {}): this {
    return this.create(leg, atMs, {
      'Call-Direction': 'outbound', 'Other-Type': 'originator', 'Other-Leg-Unique-ID': parent, 'Other-Leg-Destination-Number': extension,
      'Caller-Destination-Number': extension, 'Caller-Caller-ID-Number': 'shown', 'Caller-Context': 'default', variable_dialed_user: extension, ...headers,
    });
  }

  /** The switch rings somebody by itself. */
  originates(leg: string, atMs: number, shown: string, to: string, headers: Headers = {}): this {
    return this.create(leg, atMs, { 'Call-Direction': 'outbound', 'Caller-Caller-ID-Number': shown, 'Caller-Destination-Number': to, 'Caller-Context': 'default', ...headers });
  }

  create(leg: string, atMs: number, headers: Headers): this {
    this.#standing.set(leg, { 'Call-Direction': headers['Call-Direction'] ?? 'inbound' });
    return this.event('CHANNEL_CREATE', leg, atMs, { 'Caller-Channel-Created-Time': String(START_US + atMs * 1_000), ...headers });
  }

  answers(leg: string, atMs: number, headers: Headers = {}): this { return this.event('CHANNEL_ANSWER', leg, atMs, headers); }

  bridges(a: string, b: string, atMs: number): this { return this.event('CHANNEL_BRIDGE', a, atMs, { 'Bridge-A-Unique-ID': a, 'Bridge-B-Unique-ID': b }); }

  hangsUp(leg: string, atMs: number, cause = 'NORMAL_CLEARING', headers: Headers = {}): this { return this.event('CHANNEL_HANGUP', leg, atMs, { 'Hangup-Cause': cause, ...headers }); }

  completes(leg: string, atMs: number, headers: Headers = {}): this { return this.event('CHANNEL_HANGUP_COMPLETE', leg, atMs, headers); }

  destroys(leg: string, atMs: number, headers: Headers = {}): this { return this.event('CHANNEL_DESTROY', leg, atMs, headers); }

  /** HANGUP, HANGUP_COMPLETE and DESTROY at once. */
  ends(leg: string, atMs: number, cause = 'NORMAL_CLEARING', headers: Headers = {}): this {
    return this.hangsUp(leg, atMs, cause, headers).completes(leg, atMs, headers).destroys(leg, atMs, { 'Hangup-Cause': cause, ...headers });
  }

  /** A channel variable, told by an event that means nothing else. */
  tells(leg: string, atMs: number, variables: Headers): this {
    return this.event('CHANNEL_PROGRESS', leg, atMs, Object.fromEntries(Object.entries(variables).map(([name, value]) => [`variable_${name}`, value])));
  }

  event(name: string, leg: string, atMs: number, headers: Headers = {}): this {
    this.#sequence += 1;
    const all: Headers = { 'Unique-ID': leg, ...this.#standing.get(leg), ...headers };
    this.events.push({
      switchName: 'pbx', name, subclass: headers['Event-Subclass'] ?? '', coreId: 'core', sequence: this.#sequence,
      timestampUs: START_US + atMs * 1_000, receivedAtMs: atMs, get: (header) => all[header],
    });
    return this;
  }
}
