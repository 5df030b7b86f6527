import type { FlowRecord } from '../../src/db/outbox.js';
import { createDatabase, type TestDatabase } from '../support/postgres.js';
import { startReceiver, type Receiver } from '../support/receiver.js';
import { startDeliveries, type Harness } from './harness.js';
import { promiseTo } from './promise.js';

let db: TestDatabase;
let receiver: Receiver;
let harness: Harness;
beforeAll(async () => { db = await createDatabase(); });
afterAll(() => db.drop());
beforeEach(async () => {
  await db.pool.query('truncate delivery, daemon, open_flow');
  receiver = await startReceiver();
  harness = await startDeliveries(db, { name: 'pbx-1', maxBatch: 10 });
});
afterEach(async () => { await harness.stop(); await receiver.close(); });

const record = (flowId: string, position: number, isOver = false): FlowRecord =>
  ({ switchName: 'pbx', flowId, coreId: 'core', position, state: isOver ? null : JSON.stringify({ position }) });
const kept = async () => (await db.pool.query('select owner, flow_id, position from open_flow order by flow_id')).rows as object[];

it('what is known of a flow is kept with each of its events, until it has ended', async () => {
  const { deliveries } = harness;
  for (let position = 1; position <= 3; position += 1) deliveries.add([promiseTo(receiver.url, 'x', position)], record('x', position));
  deliveries.add([], record('y', 0));
  await deliveries.flushed();
  expect(await kept()).toEqual([{ owner: 'pbx-1', flow_id: 'x', position: 3 }, { owner: 'pbx-1', flow_id: 'y', position: 0 }]);
  deliveries.add([promiseTo(receiver.url, 'x', 4)], record('x', 4, true));
  await deliveries.flushed();
  expect(await kept()).toEqual([{ owner: 'pbx-1', flow_id: 'y', position: 0 }]);
  await receiver.received(4);
});

it('over many statements every flow ends as its last event says', async () => {
  const { deliveries } = harness;
  for (let position = 1; position <= 6; position += 1) {
    for (let flow = 0; flow < 40; flow += 1) deliveries.add([promiseTo(receiver.url, `flow ${flow}`, position)], record(`flow ${flow}`, position, position === 6 && flow % 2 === 0));
  }
  await deliveries.flushed();
  const rows = await kept();
  expect(rows).toHaveLength(20);
  expect(rows.every((row) => (row as FlowRecord).position === 6)).toBe(true);
});

it('a record that Postgres refuses keeps neither its deliveries nor other flows from being stored', async () => {
  const { deliveries } = harness;
  deliveries.add([promiseTo(receiver.url, 'a', 1)], record('a', 1));
  deliveries.add([promiseTo(receiver.url, 'b', 1), promiseTo(receiver.url, 'b', 2)], { ...record('b', 2), state: 'nul \0' });
  deliveries.add([promiseTo(receiver.url, 'c', 1)], record('c', 1));
  await receiver.received(4);
  await deliveries.flushed();
  expect(await kept()).toMatchObject([{ flow_id: 'a' }, { flow_id: 'c' }]);
});

it('a record that brings no delivery is kept soon, though nothing else comes', async () => {
  await harness.stop();
  let onRoom: ((hasRoom: boolean) => void) | undefined;
  const committed = new Promise<void>((resolve) => { onRoom = (hasRoom) => { if (hasRoom) resolve(); }; });
  harness = await startDeliveries(db, { name: 'pbx-1', maxBuffered: 1, deps: { onRoom: (hasRoom) => onRoom?.(hasRoom) } });
  harness.deliveries.add([], record('alone', 1));
  await committed;
  expect(await kept()).toEqual([{ owner: 'pbx-1', flow_id: 'alone', position: 1 }]);
});
