import { envelope, envelopeRest } from '../../src/webhook/envelope.js';
import { createDatabase, type TestDatabase } from '../support/postgres.js';
import { startReceiver } from '../support/receiver.js';
import { startDeliveries } from './harness.js';
import { promiseTo } from './promise.js';

let database: TestDatabase;
beforeAll(async () => { database = await createDatabase(); });
afterAll(() => database.drop());

it('a body of version 2 is stored without its sequence and sent with it, the same at each attempt; one of version 1 is sent as it is', async () => {
  const receiver = await startReceiver();
  receiver.answerWith(503);
  const { deliveries, stop } = await startDeliveries(database);
  const [first, second] = [promiseTo(receiver.url, 'flow', 1), promiseTo(receiver.url, 'flow', 2)];
  const body = envelope(second.id, envelopeRest({ type: 'cdr', occurredAtUs: 7, data: { a: 'ễ' } }));
  deliveries.add([first, { ...second, body }]);
  await receiver.received(3);
  await stop();
  await receiver.close();
  const { rows } = await database.pool.query<{ body: string }>('select body from delivery order by position');
  expect(rows.map((row) => row.body)).toEqual([first.body, body]);
  expect(receiver.posts.map((post) => [post.headers['x-hookswitch-sequence'], post.body])).toEqual([
    ['1', first.body], ['1', first.body],
    ['2', `{"id":"${second.id}","sequence":2,"type":"cdr","occurred_at":"1970-01-01T00:00:00.000007Z","data":{"a":"ễ"}}`],
  ]);
});
