import type { FlowRecord } from '../../src/db/outbox.js';
import { Incoming, type Item } from '../../src/delivery/incoming.js';
import { promiseTo } from './promise.js';

const record: FlowRecord = { switchName: 'pbx', flowId: 'f', coreId: 'c', position: 1, state: '{}' };

/** An item of so many deliveries, and a record where it is asked for. */
const item = (deliveries: number, flow?: FlowRecord): Item => ({
  promises: Array.from({ length: deliveries }, (_, index) => ({ delivery: promiseTo('http://a', 'f', index), ttlMs: null, expiresAtMs: null })), ...(flow && { flow }),
});

function filled(...items: Item[]): Incoming {
  const incoming = new Incoming({ maxBuffered: 1_000 });
  for (const each of items) incoming.add(each);
  return incoming;
}

describe('what comes in', () => {
  it('is handed out in its order, in whole items', () => {
    const items = [item(2), item(3, record), item(0, record), item(4)];
    const incoming = filled(...items);
    expect(incoming.head(6)).toEqual(items.slice(0, 2));
    expect(incoming.head(7)).toEqual(items.slice(0, 3));
    expect(incoming.head(100)).toEqual(items);
  });

  it('is handed out one by one where a single item is more than was asked for', () => {
    expect(filled(item(5), item(1)).head(3)).toHaveLength(1);
  });

  it('is behind what is older', () => {
    const [old, fresh] = [item(1), item(2)];
    const incoming = filled(fresh);
    incoming.addFirst([old]);
    expect(incoming.all()).toEqual([old, fresh]);
    expect(incoming.size).toBe(3);
  });

  it('is counted by deliveries and records, and told when it is done with', () => {
    const done: string[] = [];
    const incoming = filled({ ...item(2, record), onDone: () => { done.push('first'); } }, { ...item(1), onDone: () => { done.push('second'); } });
    expect(incoming.size).toBe(4);
    incoming.remove(incoming.head(3));
    expect([incoming.size, done]).toEqual([1, ['first']]);
  });

  it('can be taken apart down to single parts, the last of which tells that all are done with', () => {
    const done: string[] = [];
    const incoming = filled({ ...item(2, record), onDone: () => { done.push('done'); } });
    expect([incoming.splitFirst(), incoming.all().length, incoming.splitFirst()]).toEqual([true, 3, false]);
    incoming.remove(incoming.head(2));
    expect(done).toEqual([]);
    incoming.remove(incoming.head(1));
    expect([done, incoming.size]).toEqual([['done'], 0]);
  });
});

it('has no room from the bound on until half of it, and says each change once', () => {
  const said: boolean[] = [];
  const incoming = new Incoming({ maxBuffered: 10, onRoom: (hasRoom) => { said.push(hasRoom); } });
  for (let count = 0; count < 12; count += 1) incoming.add(item(1));
  expect([incoming.hasRoom, incoming.size, said]).toEqual([false, 12, [false]]);
  incoming.remove(incoming.head(7));
  expect([incoming.hasRoom, incoming.size]).toEqual([false, 5]);
  incoming.remove(incoming.head(1));
  expect([incoming.hasRoom, said]).toEqual([true, [false, true]]);
  incoming.addFirst(Array.from({ length: 6 }, () => item(1)));
  expect(said).toEqual([false, true, false]);
});
