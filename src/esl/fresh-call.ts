import { editEvent, eachValue } from './event-text.js';
import { NumberValues } from './number-values.js';
import { OtherNumbers } from './other-numbers.js';
import type { Recording } from './recording.js';
import { renew } from './renew.js';
import { bodyOf, eventFrame } from './wire.js';

export interface FreshCallOptions {
  /** When the call begins, milliseconds since 1970. */
  nowMs: number;
  /** 2 plays it in half the time. */
  speed: number;
  /** Whose call it is; undefined leaves the domains as they were recorded. */
  domain: string | undefined;
  /** Numbers of the events of all calls so far: this one's go on from there. */
  sequence: number;
  /** In [0, 1). */
  random: () => number;
  newUuid: () => string;
}

/** A recorded call made new, and the number of its last event. */
export interface FreshCall { readonly recording: Recording; readonly sequence: number }

// An extension stays: the PBX has those it has. Outside numbers are everybody else's.
const LEAST_DIGITS = 7;

const DOMAIN_HEADERS = new Set(['variable_domain_name', 'variable_dialed_domain', 'variable_sip_invite_domain']);

/** Shorter ones could stand for something else in an event. */
const LEAST_CALL_ID = 8;

/**
 * The same call as it would happen now: other channels and SIP calls, other outside numbers, times from now on, event numbers that
 * follow on. Times shift by whole seconds, so that what was cut to a second stays so, unless `speed` changes them anyway.
 */
export function freshCall(recorded: Recording, { nowMs, speed, domain, sequence, random, newUuid }: FreshCallOptions): FreshCall {
  const bodies = recorded.events.map(({ frame }) => bodyOf(frame));
  const sequences = bodies.flatMap((body) => sequenceOf(body));
  const first = Math.min(...sequences, Infinity);
  const { recording } = renew(recorded, { newUuid, sequenceShift: Number.isFinite(first) ? sequence + 1 - first : 0 });
  const renewed = recording.events.map(({ frame }) => bodyOf(frame));

  const numbers = new NumberValues(new OtherNumbers({ random, leastDigits: LEAST_DIGITS }));
  for (const body of renewed) numbers.learn(body);
  const moveTime = timeMover(startOf(renewed), nowMs, speed);
  const rename = renamer(renewed, domain, newUuid);
  const events = recording.events.map((event, index) => {
    const body = editEvent(renewed[index]!, (name, value) => moveTime(name, rename(name, numbers.replace(name, value))));
    return { ...event, atMs: event.atMs / speed, frame: eventFrame(body) };
  });
  return { recording: { events }, sequence: Number.isFinite(first) ? sequence + 1 + Math.max(...sequences) - first : sequence };
}

function sequenceOf(body: Buffer): number[] {
  const found = /"Event-Sequence":"(\d+)"/.exec(body.toString('latin1', 0, 2_048));
  return found ? [Number(found[1])] : [];
}

/** When the first event was made, microseconds. */
function startOf(bodies: readonly Buffer[]): number {
  const stamps = bodies.flatMap((body) => /"Event-Date-Timestamp":"(\d+)"/.exec(body.toString('latin1', 0, 2_048))?.[1] ?? []).map(Number);
  return Math.min(...stamps, Infinity);
}

const MICROSECONDS = /^\d{16}$/;
const SECONDS = /^\d{10}$/;
const LOCAL = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/;

/** Moves the times in an event, in all the forms that a switch writes them in. */
function timeMover(startUs: number, nowMs: number, speed: number): (name: string, value: string) => string {
  if (!Number.isFinite(startUs)) return (_name, value) => value;
  const beginUs = startUs + Math.floor((nowMs - startUs / 1_000) / 1_000) * 1e6;
  const move = (us: number) => Math.round(beginUs + (us - startUs) / speed);
  return (name, value) => {
    if (/(?:Time|Timestamp|uepoch|stamp)$/.test(name) && MICROSECONDS.test(value)) return String(move(Number(value)));
    if (name.endsWith('epoch') && SECONDS.test(value)) return String(Math.floor(move(Number(value) * 1e6) / 1e6));
    if ((name.endsWith('_stamp') || name === 'Event-Date-Local') && LOCAL.test(value)) return moved(`${value.replace(' ', 'T')}Z`, move).toISOString().slice(0, 19).replace('T', ' ');
    if (name === 'Event-Date-GMT' && !Number.isNaN(Date.parse(value))) return moved(value, move).toUTCString();
    return value;
  };
}

/** A local time keeps its distance to the others, whatever its zone. */
function moved(text: string, move: (us: number) => number): Date {
  return new Date(move(Date.parse(text) * 1_000) / 1_000);
}

/** Gives the call another domain and other SIP Call-IDs, wherever they stand. */
function renamer(bodies: readonly Buffer[], domain: string | undefined, newUuid: () => string): (name: string, value: string) => string {
  const names = new Map<string, string>();
  for (const body of bodies) {
    eachValue(body, (header, value) => {
      if (header === 'variable_sip_call_id' && value.length >= LEAST_CALL_ID && !names.has(value)) names.set(value, newUuid());
      if (domain !== undefined && DOMAIN_HEADERS.has(header) && value !== '') names.set(value, domain);
    });
  }
  const longestFirst = [...names.keys()].sort((a, b) => b.length - a.length);
  if (longestFirst.length === 0) return (_name, value) => value;
  const any = new RegExp(`(?<![\\w.-])(?:${longestFirst.map((text) => text.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&')).join('|')})(?!\\.?[\\w-])`, 'g');
  return (_name, value) => value.replace(any, (text) => names.get(text) ?? text);
}
