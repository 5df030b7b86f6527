import type { SwitchEvent } from '../../src/calls/event.js';
import { asGolden, byFlow, eventsOf, goldensOf, LOAD, play, recordedCalls, type Golden } from '../support/goldens.js';

const names = await recordedCalls();

/** A small seeded generator (mulberry32), so that a failing order can be played again. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Swaps each event with the next one of its leg, where both were made within 50 ms, as several event threads do. */
function swapNeighbours(events: readonly SwitchEvent[], random: () => number): SwitchEvent[] {
  const swapped = [...events];
  const last = new Map<string, number>();
  for (const [index, event] of events.entries()) {
    const leg = event.get('Unique-ID') ?? '';
    const before = last.get(leg);
    last.set(leg, index);
    if (before === undefined || event.timestampUs - events[before]!.timestampUs > 50_000 || random() < 0.5) continue;
    swapped[index] = events[before]!;
    swapped[before] = event;
    last.delete(leg);
  }
  return swapped;
}

/** Merges several recordings into one stream at random, each in its own order. */
function interleave(recordings: readonly (readonly SwitchEvent[])[], random: () => number): SwitchEvent[] {
  const rest = recordings.map((events) => [...events]);
  const merged: SwitchEvent[] = [];
  for (let left = rest.filter((events) => events.length > 0); left.length > 0; left = left.filter((events) => events.length > 0)) {
    merged.push(left[Math.floor(random() * left.length)]!.shift()!);
  }
  return merged;
}

/** The comparison for events out of order: the same webhooks, each leg's in order, the cdr of a flow last. */
function expectSameWebhooks(actual: Golden[], expected: Golden[]): void {
  const sorted = (webhooks: Golden[]) => webhooks.map((webhook) => JSON.stringify(webhook)).sort();
  expect(sorted(actual)).toEqual(sorted(expected));
  const rank = ['ringing', 'answered', 'hangup', 'cdr'];
  for (const webhooks of Object.values(byFlow(actual))) {
    const told = new Map<string, number>();
    for (const { payload } of webhooks) {
      const now = rank.indexOf(payload.state);
      expect(now).toBeGreaterThan(told.get(payload.state === 'cdr' ? 'cdr' : payload.call_id) ?? -1);
      told.set(payload.call_id, now);
    }
    const cdrs = webhooks.flatMap(({ payload }, index) => (payload.state === 'cdr' ? [index] : []));
    expect(cdrs).toEqual([webhooks.length - 1]);
  }
}

describe('each recorded call gives exactly its webhooks', () => {
  it.each(names)('%s', async (name) => {
    const { notices } = play(await eventsOf(name));
    expect(byFlow(notices.map(asGolden))).toEqual(byFlow(await goldensOf(name)));
  });
});

describe('the same webhooks when neighbouring events of a leg are swapped', () => {
  it.each(names)('%s', async (name) => {
    const events = await eventsOf(name);
    const goldens = await goldensOf(name);
    for (let seed = 1; seed <= 50; seed += 1) {
      const { notices } = play(swapNeighbours(events, seeded(seed)));
      expectSameWebhooks(notices.map(asGolden), goldens);
    }
  });
});

it('keeps calls apart when their events are interleaved on one link', async () => {
  const recordings = await Promise.all(names.map(eventsOf));
  const goldens = (await Promise.all(names.map(goldensOf))).flat();
  for (let seed = 1; seed <= 20; seed += 1) {
    const { notices } = play(interleave(recordings, seeded(seed)));
    expect(byFlow(notices.map(asGolden))).toEqual(byFlow(goldens));
  }
});

it('mends the order of a switch with eight event threads', async () => {
  const { notices, calls } = play(await eventsOf(LOAD));
  expectSameWebhooks(notices.map(asGolden), await goldensOf(LOAD));
  expect(calls.openFlows).toBe(0);
});

it('counts a call that no event gives a tenant, once, and says nothing of it', async () => {
  const { notices, unattributed } = play(await eventsOf('calls/26-unknown-did'));
  expect(notices).toEqual([]);
  expect(unattributed).toHaveLength(1);
});

it('lets go of every leg of an ended call', async () => {
  const { calls } = play((await Promise.all(names.map(eventsOf))).flat());
  expect({ open: calls.openFlows, known: calls.legsKnown }).toEqual({ open: 0, known: 0 });
});
