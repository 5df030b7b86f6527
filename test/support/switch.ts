import { systemClock } from '../../src/clock.js';
import { ReplayedSwitch } from '../../src/esl/replay.js';
import type { ReplayClient } from '../../src/esl/replay-client.js';
import { rejectionFrame, replyFrame } from '../../src/esl/wire.js';

/**
 * How the switch treats whoever connects next. `silent` accepts and says nothing; `slow-login` greets when `release()` is called;
 * `no-subscription-reply` logs in and then ignores `event`.
 */
export type Behaviour = 'well' | 'reject-password' | 'acl-rejection' | 'silent' | 'slow-login' | 'no-subscription-reply' | 'refuse-subscription';

export type TestSwitch = Awaited<ReturnType<typeof startSwitch>>;

export const PASSWORD = 'a-long-secret';
export const CORE_ID = '3db3e94d-2b68-4759-a17e-09d8c1609f32';

/** A replayed switch on a real port that also fails on demand. */
export async function startSwitch({ port = 0 } = {}) {
  let frozen = false;
  let treatment: Behaviour = 'well';
  const held: ReplayClient[] = [];
  const replay = new ReplayedSwitch({
    clock: systemClock, password: PASSWORD, coreId: CORE_ID,
    accept(client) {
      if (frozen || treatment === 'silent') return true;
      if (treatment === 'slow-login') return held.push(client) > 0;
      if (treatment !== 'acl-rejection') return false;
      void client.write(rejectionFrame()).then(() => client.dismiss('goodbye'));
      return true;
    },
    intercept(client, command) {
      if (frozen) return true;
      if (treatment === 'reject-password' && command.startsWith('auth ')) {
        void client.write(replyFrame('-ERR invalid')).then(() => client.dismiss('goodbye'));
        return true;
      }
      if (treatment === 'refuse-subscription' && command.startsWith('event ')) {
        void client.write(replyFrame('-ERR no keywords supplied'));
        return true;
      }
      return treatment === 'no-subscription-reply' && command.startsWith('event ');
    },
  });
  await replay.listen(port);
  const all = <T>(act: (client: ReplayClient) => T): T[] => [...replay.clients].map(act);

  return {
    replay,
    port: replay.port,
    /** Everything that the listeners now connected have sent, byte for byte, in the order of their connecting. */
    received: () => all((client) => client.received),
    /** The nth connection since the start, also one that is past; the next one by default. So with the two below. */
    connected: (nth?: number) => replay.connections.wait(nth),
    loggedIn: (nth?: number) => replay.logins.wait(nth),
    subscribed: (nth?: number) => replay.subscriptions.wait(nth),
    sent: () => replay.sent(),
    behave(next: Behaviour) { treatment = next; },
    release() { for (const client of held.splice(0)) client.greet(); },
    /** Bytes as they are, to everyone: frames, halves of frames, garbage. */
    raw: (bytes: Buffer | string) => Promise.all(all((client) => client.write(Buffer.from(bytes)))),
    dismiss: (why: 'goodbye' | 'shutting-down') => Promise.all(all((client) => client.dismiss(why))),
    /** FIN after everything written. */
    async hangUp() {
      await replay.sent();
      all(({ socket }) => socket.end());
    },
    /** FIN after the first `bytes` of a frame. */
    async cutAfter(frame: Buffer, bytes: number) {
      await Promise.all(all((client) => client.write(frame.subarray(0, bytes))));
      all(({ socket }) => socket.end());
    },
    reset() { all(({ socket }) => socket.resetAndDestroy()); },
    /** Half-open from now on: connected, but it neither answers nor sends anything, not even a FIN. */
    freeze() {
      frozen = true;
      all(({ wanted }) => wanted.clear());
    },
    thaw() { frozen = false; },
    close: () => replay.close(),
  };
}
