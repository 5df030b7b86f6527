import fc from 'fast-check';
import { Calls } from '../../src/calls/calls.js';
import type { SwitchEvent } from '../../src/calls/event.js';
import type { Notice } from '../../src/calls/notice.js';
import type { ChannelRow } from '../../src/calls/sighting.js';
import { eventsOf, goldensOf, play, recordedCalls, RULES, settle, TENANTS, type Golden } from '../support/goldens.js';

const names = await recordedCalls();
const recordings = new Map(await Promise.all(names.map(async (name) => [name, { events: await eventsOf(name), goldens: await goldensOf(name) }] as const)));

const newCalls = () => new Calls({ switchName: 'pbx', rules: RULES, tenantOf: (name) => (TENANTS.has(name) ? name : undefined), unattributed: () => {}, dropped: () => {} });

const isOf = (id: string) => (event: SwitchEvent) => event.get('Unique-ID') === id;

/** What the switch would answer after these events: its channels, and a dump of each. */
function channelsAfter(events: readonly SwitchEvent[]): { row: ChannelRow; dump: SwitchEvent }[] {
  const created = events.filter(({ name }) => name === 'CHANNEL_CREATE').map((event) => event.get('Unique-ID')!);
  const up = created.filter((id) => !events.some((event) => event.name === 'CHANNEL_DESTROY' && isOf(id)(event)));
  return up.map((id) => {
    const own = events.filter((event) => isOf(id)(event) && event.name.startsWith('CHANNEL_'));
    const [birth, last] = [own.find(({ name }) => name === 'CHANNEL_CREATE')!, own.at(-1)!];
    const of = (header: string) => birth.get(header) ?? '';
    // Of two legs only the originator's is told of a bridge; the switch itself notes it on both.
    const bridge = events.filter(({ name }) => name === 'CHANNEL_BRIDGE').filter((event) => event.get('Bridge-A-Unique-ID') === id || event.get('Bridge-B-Unique-ID') === id).at(-1);
    const other = bridge && [bridge.get('Bridge-A-Unique-ID'), bridge.get('Bridge-B-Unique-ID')].find((end) => end !== id);
    const now: Record<string, string | undefined> = bridge ? { variable_bridge_uuid: other, 'Caller-Channel-Bridged-Time': String(bridge.timestampUs) } : {};
    return {
      row: {
        uuid: id, created_epoch: of('Caller-Channel-Created-Time').slice(0, 10), callstate: own.some(({ name }) => name === 'CHANNEL_ANSWER') ? 'ACTIVE' : 'RINGING',
        call_uuid: bridge?.get('Bridge-A-Unique-ID') ?? last.get('Channel-Call-UUID') ?? id, initial_cid_num: of('Caller-Caller-ID-Number'), initial_dest: of('Caller-Destination-Number'), initial_context: of('Caller-Context'),
      },
      dump: { ...last, name: 'CHANNEL_DATA', subclass: '', coreId: last.coreId, switchName: 'pbx', sequence: last.sequence, timestampUs: last.timestampUs, receivedAtMs: last.receivedAtMs, get: (header) => now[header] ?? last.get(header) },
    };
  });
}

/**
 * Lost are the events from `from` to `to`; the survey asked then is answered before `answered`. `restart`: the second process knows
 * only what was kept. `told`: what another daemon, which heard everything, had kept by then. `lasts`: the link goes down
 * again before the survey is through.
 */
interface Gap { from: number; to: number; answered: number; restart: boolean; told?: readonly string[]; lasts?: 'until asked' | 'until answered' | undefined }

/** Plays a call with gaps in its events, each after the one before. */
function playWithGaps(events: readonly SwitchEvent[], gaps: readonly Gap[]): Notice[] {
  let calls = newCalls();
  const kept = new Map<string, string>();
  const notices: Notice[] = [];
  const keep = (told: Notice[]) => {
    notices.push(...told);
    for (const { flowId, state } of calls.takeKept()) if (state === null) kept.delete(flowId); else kept.set(flowId, state);
  };
  let at = 0;
  let nowMs = 0;
  const later = (event: SwitchEvent): SwitchEvent => {
    const { name, subclass, coreId, switchName, sequence, timestampUs } = event;
    return { name, subclass, coreId, switchName, sequence, timestampUs, receivedAtMs: Math.max(event.receivedAtMs, nowMs), get: (header) => event.get(header) };
  };
  for (const { from, to, answered, restart, told = [], lasts } of gaps) {
    for (const event of events.slice(at, from)) keep(calls.accept(later(event)));
    if (restart) {
      calls = newCalls();
      for (const state of kept.values()) calls.restore(state, Math.max(nowMs, events[from - 1]?.receivedAtMs ?? 0));
    }
    const channels = channelsAfter(events.slice(0, to));
    nowMs = Math.max(nowMs + 1, (events[to - 1]?.receivedAtMs ?? 0) + 1);
    const wanted = new Set(calls.toSight(channels.map(({ row }) => row)));
    calls.hold(nowMs);
    for (const event of events.slice(to, answered)) keep(calls.accept(later(event)));
    for (const state of told) calls.restore(state, nowMs);
    at = answered;
    if (lasts === 'until asked') { keep(calls.release(nowMs)); continue; }
    const dumps = new Map(channelsAfter(events.slice(0, answered)).map(({ row, dump }) => [row['uuid'], dump]));
    keep(calls.adopt(channels.filter(({ row }) => wanted.has(row['uuid']!)).flatMap(({ row }) => calls.sight(row, dumps.get(row['uuid'])) ?? []), nowMs));
    keep(calls.release(nowMs));
    if (lasts === 'until answered') continue;
    keep(calls.endMissing({ up: new Set(channels.map(({ row }) => row['uuid']!)), sinceMs: nowMs, heardUs: events[from - 1]?.timestampUs ?? 0, why: 'reconciled' }, nowMs));
  }
  for (const event of events.slice(at)) keep(calls.accept(later(event)));
  keep(settle(calls));
  expect(calls.openFlows).toBe(0);
  return notices;
}

/**
 * What nobody can know: of a leg, or of a flow whose root, was there neither before the gap nor after it, anything; nor of a flow
 * whose tenant only lost events named; of a leg that was gone after the gap, its answer; of a transfer into a call that was gone, that
 * it was one; of legs linked by a loopback pair that came and went, that they were.
 */
function unknowable(events: readonly SwitchEvent[], from: number, to: number, restart: boolean): (golden: Golden) => boolean {
  const seen = (event: SwitchEvent) => event.get('Unique-ID') ?? '';
  const heard = events.slice(0, from);
  const after = new Set(channelsAfter(events.slice(0, to)).map(({ row }) => row['uuid']!));
  const lost = events.slice(from, to);
  const told = [...events.slice(0, from), ...events.slice(to), ...channelsAfter(events.slice(0, to)).map(({ dump }) => dump)];
  const namedIn = (some: readonly SwitchEvent[]) => new Set(some.filter((event) => event.get('variable_domain_name'))
    .flatMap((event) => [seen(event), event.get('variable_originator') ?? '', event.get('variable_cc_member_session_uuid') ?? '']));
  const named = namedIn(told);
  // What has no tenant yet is not kept for a second process.
  const before = restart ? namedIn(heard) : new Set(heard.map(seen));
  const plumbingLost = isPlumbingLost(events, from, to);
  return ({ flow, leg, payload }) => {
    if (!named.has(flow) || !(before.has(flow) || after.has(flow)) || plumbingLost) return true;
    const transfer = lost.some((event) => event.get('Bridge-A-Unique-ID') === flow && event.get('Bridge-B-Unique-ID') === leg);
    if (after.has(leg) && (after.has(flow) || !transfer)) return false;
    return !before.has(leg) || transfer || (payload.state === 'answered' && lost.some((event) => event.name === 'CHANNEL_ANSWER' && isOf(leg)(event)));
  };
}

/** Whether legs of a loopback pair came and went unheard. */
function isPlumbingLost(events: readonly SwitchEvent[], from: number, to: number): boolean {
  const after = new Set(channelsAfter(events.slice(0, to)).map(({ row }) => row['uuid']));
  return events.slice(from, to).some((event) => isPlumbing(event) && !after.has(event.get('Unique-ID')));
}

const isPlumbing = (event: SwitchEvent) => event.name === 'CHANNEL_CREATE' && (event.get('Channel-Name') ?? '').startsWith('loopback/');

/** What a webhook is about, as its id has it: a flow announced late may name a leg by the leg's own id. */
const key = ({ flow, leg, payload: { direction, state } }: Golden) => `${flow} ${direction === 'outbound' || state === 'cdr' ? flow : leg} ${state}`;

describe('a gap in the events of a call', () => {
  const gap = fc.constantFrom(...names).chain((name) => {
    const { length } = recordings.get(name)!.events;
    return fc.record({ name: fc.constant(name), from: fc.nat(length), lost: fc.nat(length), pending: fc.oneof(fc.constant(0), fc.nat(length)), restart: fc.boolean() });
  });

  it('costs no webhook that anybody could know of, makes none twice, and tells late what it would have told', () => {
    fc.assert(fc.property(gap, ({ name, from, lost, pending, restart }) => {
      const { events, goldens } = recordings.get(name)!;
      const to = Math.min(events.length, from + lost);
      const hidden = unknowable(events, from, to, restart);
      const notices = playWithGaps(events, [{ from, to, answered: Math.min(events.length, to + pending), restart }]);
      const told = notices.map(({ flowId, subjectId, state }) => `${flowId} ${subjectId} ${state}`);
      // A new process may find the channel of a call that has ended and is about to go; the outbox knows the ids by then.
      if (!restart) expect(new Set(told).size).toBe(told.length);
      // Without a ringing there is no hangup either: of an outbound call that is told of the root.
      const silent = new Set(goldens.filter((golden) => golden.payload.state === 'ringing' && hidden(golden)).map(({ payload }) => payload.call_id));
      const must = goldens.filter((golden) => !hidden(golden) && !(golden.payload.state === 'hangup' && silent.has(golden.payload.call_id))).map(key);
      expect(must.filter((golden) => !told.includes(golden))).toEqual([]);
      const exact = new Map(goldens.map((golden) => [key(golden), golden.payload]));
      for (const { flowId, subjectId, state, payload } of notices.filter(({ state }) => state === 'ringing' || state === 'answered')) {
        const golden = exact.get(`${flowId} ${subjectId} ${state}`);
        if (golden?.call_id === payload.call_id) expect(payload).toEqual(golden);
      }
    }), { numRuns: 2_000 });
  });

  it('makes a daemon say nothing else than one that heard everything, once it has been told what that one knows', () => {
    fc.assert(fc.property(gap, ({ name, from, lost, pending, restart }) => {
      const { events } = recordings.get(name)!;
      const to = Math.min(events.length, from + lost);
      const answered = Math.min(events.length, to + pending);
      const { notices, kept } = heardWhole(events, to);
      if (events.slice(restart ? 0 : from, to).some(isPlumbing)) return; // which legs a loopback pair links only its own events tell
      const whole = new Map(notices.map((notice) => [idOf(notice), notice]));
      for (const notice of playWithGaps(events, [{ from, to, answered, restart, told: [...kept.values()] }])) {
        const same = whole.get(idOf(notice));
        expect({ id: idOf(notice), isTold: same !== undefined }).toEqual({ id: idOf(notice), isTold: true });
        if (!kept.has(notice.flowId)) continue; // it has ended meanwhile, and the outbox knows its ids
        const { payload, position } = same!;
        expect({ id: idOf(notice), callId: notice.payload.call_id, position: notice.position }).toEqual({ id: idOf(notice), callId: payload.call_id, position });
      }
    }), { numRuns: 2_000 });
  });

  it('ends all that was begun, once, however many gaps there are', () => {
    const gaps = fc.constantFrom(...names).chain((name) => {
      const cuts = fc.array(fc.nat(recordings.get(name)!.events.length), { minLength: 6, maxLength: 6 }).map((some) => some.sort((a, b) => a - b));
      return fc.record({ name: fc.constant(name), cuts, restarts: fc.array(fc.boolean(), { minLength: 2, maxLength: 2 }), lasts: fc.constantFrom('until asked', 'until answered', undefined) });
    });
    fc.assert(fc.property(gaps, ({ name, cuts, restarts, lasts }) => {
      const { events } = recordings.get(name)!;
      const notices = playWithGaps(events, restarts.map((restart, index) => ({ from: cuts[3 * index]!, to: cuts[3 * index + 1]!, answered: cuts[3 * index + 2]!, restart, lasts: index === 0 ? lasts : undefined })));
      // A new process may find the channel of a call that has ended and is about to go; the outbox knows the ids by then.
      if (!restarts.includes(true)) expect(new Set(notices.map(idOf)).size).toBe(notices.length);
      const begun = new Set(notices.map(({ flowId }) => flowId));
      const ended = new Set(notices.filter(({ state }) => state === 'cdr').map(({ flowId }) => flowId));
      expect([...begun].filter((flowId) => !ended.has(flowId))).toEqual([]);
    }), { numRuns: 1_500 });
  });
});

const idOf = ({ flowId, subjectId, state }: Notice) => `${flowId} ${subjectId} ${state}`;

/** What a daemon tells that hears everything, and what it had kept of open flows after the first `until` events. */
function heardWhole(events: readonly SwitchEvent[], until: number): { notices: Notice[]; kept: Map<string, string> } {
  const calls = newCalls();
  const kept = new Map<string, string>();
  const notices = events.flatMap((event, index) => {
    const told = calls.accept(event);
    if (index < until) for (const { flowId, state } of calls.takeKept()) if (state === null) kept.delete(flowId); else kept.set(flowId, state);
    return told;
  });
  return { notices: [...notices, ...settle(calls)], kept };
}

describe('a survey that finds out that nothing was lost', () => {
  /** Each flow's by itself, but for what depends on when a flow is found to ring many: by whose id, and from when on, a leg is told of. */
  const sayings = (notices: readonly Notice[]) => {
    const flows = new Map<string, object[]>();
    for (const { flowId, subjectId, state, occurredAtUs, position, payload } of notices) {
      const said = { subjectId, state, occurredAtUs, position, payload: { ...payload, call_id: '', time_started: '', duration: 0 } };
      flows.set(flowId, [...(flows.get(flowId) ?? []), said]);
    }
    return flows;
  };

  it.each(names)('changes nothing of %s but the moment, whenever it begins and ends', (name) => {
    const { events } = recordings.get(name)!;
    const whole = sayings(play(events).notices);
    for (let from = 0; from < events.length; from += 1) {
      for (let to = from + 1; to <= events.length; to += 1) {
        const calls = newCalls();
        const notices = events.slice(0, from).flatMap((event) => calls.accept(event));
        calls.hold(Infinity);
        notices.push(...events.slice(from, to).flatMap((event) => calls.accept(event)), ...calls.release(events[to - 1]!.receivedAtMs));
        notices.push(...events.slice(to).flatMap((event) => calls.accept(event)), ...settle(calls));
        expect({ from, to, notices: sayings(notices) }).toEqual({ from, to, notices: whole });
      }
    }
  });
});

it('ends everything when the switch has started anew, says so, and hears nothing of it any more', () => {
  const { events } = recordings.get('calls/06-inbound-ext-answered')!;
  const calls = newCalls();
  const told = events.slice(0, 8).flatMap((event) => calls.accept(event));
  const last = events[7]!;
  told.push(...calls.restarted(last.receivedAtMs + 1, last.timestampUs, last.receivedAtMs + 1), ...events.slice(8).flatMap((event) => calls.accept(event)), ...settle(calls));
  expect(told.map(({ state, synthetic }) => [state, synthetic])).toEqual([['ringing', undefined], ['answered', undefined], ['hangup', 'switch_restart'], ['cdr', 'switch_restart']]);
  expect(calls.openFlows).toBe(0);
});
