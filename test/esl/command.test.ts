import { systemClock } from '../../src/clock.js';
import { openCommands, type Commands } from '../../src/esl/command.js';
import { fixtureBytes } from '../support/recording.js';
import { CORE_ID, PASSWORD, startSwitch, type TestSwitch } from '../support/switch.js';
import { manualClock } from './manual-clock.js';

let fake: TestSwitch;
let commands: Commands | undefined;
beforeEach(async () => { fake = await startSwitch(); });
afterEach(async () => {
  await commands?.close();
  await fake.close();
});

const open = (clock = systemClock) => (commands = openCommands({ host: '127.0.0.1', port: fake.port, password: PASSWORD, clock }));

it('answers questions in turn, and asks for no events', async () => {
  const channels = fixtureBytes('protocol/snapshot/show-channels-json.txt').toString();
  fake.replay.answers.set('show channels as json', channels);
  const opened = open();
  expect(await Promise.all([opened.api('show channels as json', 1_000), opened.api('global_getvar core_uuid', 1_000), opened.api('uuid_dump nosuch json', 1_000)])).toEqual([
    { kind: 'ok', text: channels }, { kind: 'ok', text: CORE_ID }, { kind: 'refused', reason: '-ERR No such channel!' },
  ]);
  expect(fake.received()).toEqual([`auth ${PASSWORD}\n\napi show channels as json\n\napi global_getvar core_uuid\n\napi uuid_dump nosuch json\n\n`]);
});

it('gives an answer of any text as it is', async () => {
  const texts = ['', '100% of %zz', 'Content-Type: of something\n\nelse', 'Nguyễn Văn Á', 'x'.repeat(300_000)];
  texts.forEach((text, index) => fake.replay.answers.set(`ask ${index}`, text));
  const opened = open();
  for (const [index, text] of texts.entries()) expect(await opened.api(`ask ${index}`, 1_000)).toEqual({ kind: 'ok', text });
});

it.each([
  ['reject-password', 'wrong-password'], ['acl-rejection', 'acl-rejected'],
] as const)('says why it cannot ask: %s', async (behaviour, reason) => {
  fake.behave(behaviour);
  expect(await open().api('status', 1_000)).toEqual({ kind: 'lost', reason });
});

it('fails what is open and what is asked later when the switch goes away', async () => {
  const opened = open();
  expect(await opened.api('status', 1_000)).toMatchObject({ kind: 'ok' });
  fake.freeze();
  const asked = opened.api('status', 1_000);
  const later = opened.api('status', 1_000);
  await fake.hangUp();
  expect(await Promise.all([asked, later])).toEqual([{ kind: 'lost', reason: 'closed' }, { kind: 'lost', reason: 'closed' }]);
  expect(await opened.api('status', 1_000)).toEqual({ kind: 'lost', reason: 'closed' });
});

it('ends at a missed deadline, since a late answer would belong to no question', async () => {
  const { clock, asleep, advance } = manualClock();
  const opened = open(clock);
  expect(await opened.api('status', 1_000)).toMatchObject({ kind: 'ok' });
  fake.freeze();
  const asked = opened.api('status', 1_500);
  await asleep(1_500);
  advance(1_500);
  expect(await asked).toEqual({ kind: 'lost', reason: 'silent' });
  expect(await opened.api('status', 1_500)).toEqual({ kind: 'lost', reason: 'silent' });
});

it('refuses to send two lines', async () => {
  await expect(open().api('status\n\nexit', 1_000)).rejects.toThrow('one line');
});

it('fails open questions when it is closed', async () => {
  fake.behave('silent');
  const opened = open();
  const asked = opened.api('status', 1_000);
  await opened.close();
  expect(await asked).toEqual({ kind: 'lost', reason: 'closed-by-us' });
});
