// The switch, in a process of its own: plays new calls to the daemon on command.
import { randomUUID } from 'node:crypto';
import { systemClock } from '../dist/clock.js';
import { ReplayedSwitch } from '../dist/esl/replay.js';
import { copyOf, loadTemplates, sizeOf, TENANTS } from './calls.mjs';

const [password] = process.argv.slice(2);
const now = () => performance.timeOrigin + performance.now();
const templates = await loadTemplates();
const pbx = new ReplayedSwitch({ clock: systemClock, password, coreId: randomUUID() });
let copies = 0;
let tenants = TENANTS;
let unheard = new Set();
let prepared = [];
let flow = newFlow();
let playing = false;

/** So many webhooks may be owed: far more than the daemon has in hand at once, so that it is never idle, and 60 MB of events. */
const MOST_OWED = 2_000;

/** What was written since the last `begin`, and what of it has come out at the other end. */
function newFlow() {
  return { owed: 0, received: 0, wake: () => {} };
}

/** The next new call: every template and every tenant in turn, and after each round the next tenant for each template. */
function nextCall() {
  const tenant = tenants[(copies + Math.floor(copies / templates.length)) % tenants.length];
  const call = copyOf(templates[copies % templates.length], tenant);
  copies += 1;
  return unheard.has(tenant) ? { ...call, released: [] } : call;
}

/** Resolves when the daemon's socket can take more. */
const write = (bytes) => Promise.all([...pbx.clients].filter(({ wanted }) => !wanted.isEmpty).map((client) => client.write(bytes)));

/** Writes a whole call, as soon as the daemon is not too far behind. */
async function writeCall({ bytes, released }) {
  while (flow.owed - flow.received > MOST_OWED) await new Promise((resolve) => { flow.wake = resolve; });
  flow.owed += released.length;
  await write(bytes);
}

const commands = {
  begin() {
    flow = newFlow();
    return {};
  },

  /** From now on calls are of these tenants, and none of the webhooks to those `unheard` will come out. */
  tenants({ names = TENANTS, unheard: some = [] }) {
    tenants = names;
    unheard = new Set(some);
    return {};
  },

  /** Builds so many rounds in memory, before any clock starts. */
  prepare({ rounds }) {
    prepared = Array.from({ length: rounds * templates.length }, nextCall);
    const one = sizeOf(templates);
    return { events: rounds * one.events, webhooks: rounds * one.webhooks, bytes: rounds * one.bytes };
  },

  /** The webhooks of so many calls, as [id, domain, body], for who needs no switch. */
  bodies({ webhooksAtLeast }) {
    const webhooks = [];
    for (let call = 0; webhooks.length < webhooksAtLeast; call += 1) {
      for (const { payload } of templates[call % templates.length].goldens) webhooks.push([`${call} ${payload.call_id} ${payload.state}`, TENANTS[call % TENANTS.length], JSON.stringify(payload)]);
    }
    return { webhooks };
  },

  /** Writes what is prepared as fast as the daemon delivers it. */
  async full() {
    const startedAtMs = now();
    for (const call of prepared) await writeCall(call);
    await pbx.sent();
    prepared = [];
    return { startedAtMs, sentAtMs: now() };
  },

  /** Writes at least so many events of calls made on the way, as fast as the daemon delivers them. */
  async stream({ events: atLeast }) {
    let [events, webhooks] = [0, 0];
    for (; events < atLeast;) {
      const call = nextCall();
      await writeCall(call);
      events += call.frames.length;
      webhooks += call.released.length;
    }
    await pbx.sent();
    return { events, webhooks };
  },

  /** Writes so many calls as fast as the daemon reads them. */
  async calls({ calls }) {
    let webhooks = 0;
    for (let written = 0; written < calls; written += 1) {
      const call = nextCall();
      await write(call.bytes);
      webhooks += call.released.length;
    }
    await pbx.sent();
    return { webhooks };
  },

  /** Writes the beginnings of so many calls, up to the first webhook of each. */
  async begun({ calls }) {
    const template = templates.find(({ goldens }) => goldens[0].payload.direction === 'inbound' && goldens.length === 4);
    for (let opened = 0; opened < calls; opened += 1) {
      const { frames } = copyOf(template, TENANTS[opened % TENANTS.length]);
      await write(Buffer.concat(frames.slice(0, 3).map(({ bytes }) => bytes)));
    }
    await pbx.sent();
    return {};
  },

  /** Calls that have been answered and are up, of which nobody has been told: a caller and an extension each. Resolves with the webhooks that they owe by now. */
  open({ calls }) {
    const template = templates.find(({ goldens }) => goldens[0].payload.direction === 'inbound' && goldens.length === 4);
    const owed = [];
    for (let opened = 0; opened < calls; opened += 1) {
      const { frames, released } = copyOf(template, TENANTS[opened % TENANTS.length]);
      const begun = frames.slice(0, frames.findIndex(({ event }) => event.endsWith('CHANNEL_HANGUP')));
      for (const { bytes } of begun) pbx.channels.note(bytes);
      owed.push(...released.filter(([, event]) => begun.some((frame) => frame.event === event)).map(([webhook]) => webhook));
    }
    return { channels: pbx.channels.count, owed: owed.length };
  },

  /** Writes one event every `1000 / perSecond` ms, ten calls at a time. Resolves with when the event behind each webhook was written. */
  async paced({ perSecond, seconds }) {
    const writtenAtMs = new Map();
    const released = [];
    const running = Array.from({ length: 10 }, () => []);
    const total = perSecond * seconds;
    const startedAtMs = now();
    for (let index = 0; index < total || running.some(({ length }) => length > 0); index += 1) {
      const call = running[index % running.length];
      if (call.length === 0 && index >= total) continue; // calls that have begun are played to their end
      if (call.length === 0) {
        const { frames, released: pairs } = nextCall();
        call.push(...frames);
        released.push(...pairs);
      }
      const { event, bytes } = call.shift();
      const aheadMs = startedAtMs + index * 1_000 / perSecond - now();
      if (aheadMs > 0) await systemClock.sleep(aheadMs);
      writtenAtMs.set(event, now());
      await write(bytes);
    }
    return { written: released.map(([webhook, event]) => [webhook, writtenAtMs.get(event)]) };
  },
};

process.on('message', async ({ command, received, ...given }) => {
  if (command !== undefined) {
    playing = true;
    const answer = await commands[command](given);
    playing = false;
    return process.send({ answer });
  }
  flow.received = received;
  flow.wake();
});
process.on('disconnect', () => process.exit());

/** Tells of every login, for a daemon that is started is not yet one that listens. */
async function announce() {
  for (let nth = 1; ; nth += 1) {
    const { socket } = await pbx.subscriptions.wait(nth);
    socket.once('close', () => { if (playing) throw new Error('The daemon dropped its link, so the figure would be wrong'); });
    process.send({ subscribed: nth });
  }
}

process.send({ port: await pbx.listen() });
void announce();
