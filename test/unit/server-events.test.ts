import { ServerEventReader } from '../../src/cli/server-events.js';

const STREAM = ': hello\nretry: 2000\n\nevent: notice\ndata: {"a":1}\n\n: \n\nid: 7\ndata: one\ndata:two\n\nevent: empty\n\n';
const EVENTS = [{ event: 'notice', data: '{"a":1}' }, { event: 'message', data: 'one\ntwo' }];

it.each([1, 2, 7, 1_000])('cuts a stream into events, in pieces of %d', (size) => {
  const reader = new ServerEventReader();
  const events = [];
  for (let at = 0; at < STREAM.length; at += size) events.push(...reader.push(STREAM.slice(at, at + size)));
  expect(events).toEqual(EVENTS);
});

it('gives up on what never ends', () => {
  const reader = new ServerEventReader();
  expect(() => { for (let chunk = 0; chunk < 20; chunk += 1) reader.push('x'.repeat(100_000)); }).toThrow('server-sent events');
});
