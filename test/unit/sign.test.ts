import { createHmac, randomBytes } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { keysAt, newSecret, sign, SigningKey } from '../../src/webhook/sign.js';

const now = new Date();
const timestamp = String(Math.floor(now.getTime() / 1_000));
const ID = '6d0a1c1e-6a43-8f6a-9a3b-58c02c3a1f0e';
const [current, before] = [newSecret(), newSecret()];
const keys = { current: SigningKey.of(current)!, previous: { key: SigningKey.of(before)!, untilMs: now.getTime() + 1_000 } };

const verify = (secret: string, body: Buffer | string, signature: string, rest: Record<string, string> = {}) => new Webhook(secret).verify(
  body, { 'webhook-id': ID, 'webhook-timestamp': timestamp, 'webhook-signature': signature, ...rest });

it.each(['{"state":"ringing"}', '{"from":"Zoë ключ 電話 \u{1F4DE}"}', '{}', `{"x":"${'y'.repeat(60_000)}"}`])('is verified by the official library: %.40s', (text) => {
  const body = Buffer.from(text);
  expect(verify(current, body, sign({ id: ID, timestamp, body }, [keys.current]))).toEqual(JSON.parse(text));
});

it('signs the bytes of the body as they are, also those that are no UTF-8', () => {
  const body = Buffer.from([0xff, 0x00, 0x80]);
  const right = createHmac('sha256', Buffer.from(current.slice(6), 'base64')).update(Buffer.concat([Buffer.from(`${ID}.${timestamp}.`), body])).digest('base64');
  expect(sign({ id: ID, timestamp, body }, [keys.current])).toBe(`v1,${right}`);
});

it('gives the signature of the specification\'s example', () => {
  const body = Buffer.from('{"test": 2432232314}');
  const example = SigningKey.of('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw')!;
  expect(sign({ id: 'msg_p5jXN8AQM9LWM0D4loKWxJek', timestamp: '1614265330', body }, [example])).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
});

it('is verified with either secret while two are valid', () => {
  const body = Buffer.from('{"a":1}');
  const both = sign({ id: ID, timestamp, body }, keysAt(keys, now));
  expect(both).toMatch(/^v1,[^ ,]{44} v1,[^ ,]{44}$/);
  for (const secret of [current, before]) expect(verify(secret, body, both)).toEqual({ a: 1 });
  expect(() => verify(newSecret(), body, both)).toThrow('No matching signature');
});

it.each([[-1, 2], [999, 2], [1_000, 1], [86_400_000, 1]])('%i ms after the rotation there are %i signatures', (afterMs, count) => {
  expect(keysAt(keys, new Date(now.getTime() + afterMs))).toEqual([keys.current, keys.previous.key].slice(0, count));
});

it.each([
  ['another body', { body: Buffer.from('{"a":2}') }],
  ['another id', { id: 'x' }],
  ['another time', { timestamp: String(Number(timestamp) + 1) }],
])('holds for nothing else: %s', (_what, change) => {
  const body = Buffer.from('{"a":1}');
  expect(() => verify(current, body, sign({ id: ID, timestamp, body, ...change }, [keys.current]))).toThrow('No matching signature');
});

it.each([
  ['24 bytes', `whsec_${randomBytes(24).toString('base64')}`, true], ['64 bytes', `whsec_${randomBytes(64).toString('base64')}`, true],
  ['23 bytes', `whsec_${randomBytes(23).toString('base64')}`, false], ['65 bytes', `whsec_${randomBytes(65).toString('base64')}`, false],
  ['no prefix', randomBytes(32).toString('base64'), false], ['base64url', `whsec_${'-_'.repeat(22)}`, false], ['nothing', '', false],
])('a secret of %s is one: %s %s', (_what, secret, good) => {
  expect(SigningKey.of(secret) !== undefined).toBe(good);
});

it('a new secret is whsec_ and 32 random bytes', () => {
  expect(newSecret()).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
  expect(newSecret()).not.toBe(newSecret());
});
