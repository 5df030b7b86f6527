import type { Answer } from './api.js';
import type { Replay } from './answers.js';
import { problemBox } from './problem.js';
import { h, type Child } from './render.js';
import type { Scope } from './scope.js';
import { sleep } from './sleep.js';

/** What is to be sent once more; see `POST /v1/replay`. */
export type ReplayWish = Readonly<Record<string, string | readonly string[] | undefined>>;

/** A replay from the wish to its end, and how far it has come. */
export interface Replaying {
  begin(wish: ReplayWish): Promise<void>;
  isRunning(): boolean;
  render(): Child;
}

const LOOK_MS = 1_000;

/** See `Replaying`. Where one is running already, that one is followed instead, and the viewer told so. `onEnd` is called when it has finished. */
export function createReplaying(scope: Scope, onEnd: () => void): Replaying {
  let replay: Replay | undefined;
  let failed: Exclude<Answer<never>, { kind: 'ok' }> | undefined;
  let beginning = false;

  async function follow(id: string): Promise<void> {
    while (!scope.left.aborted) {
      const answer = await scope.ask<Replay>('GET', `/v1/replay/${id}`);
      if (answer.kind === 'ok') replay = answer.data;
      else if (answer.kind !== 'unreachable') failed = answer;
      scope.redraw();
      if (answer.kind === 'ok' && answer.data.state === 'finished') return onEnd();
      if (answer.kind === 'refused' || answer.kind === 'signed-out') return;
      await sleep(LOOK_MS, scope.left);
    }
  }

  return {
    isRunning: () => beginning || replay?.state === 'running',
    async begin(wish) {
      [replay, failed, beginning] = [undefined, undefined, true];
      scope.redraw();
      const answer = await scope.ask<{ replay_id: string }>('POST', '/v1/replay', wish);
      beginning = false;
      if (answer.kind === 'ok') return await follow(answer.data.replay_id);
      failed = answer;
      scope.redraw();
      if (answer.kind === 'refused' && answer.replayId !== undefined) await follow(answer.replayId);
    },
    render: () => [failed !== undefined && problemBox(failed, scope), replay !== undefined && progress(replay, scope)],
  };
}

function progress({ state, matched, replayed }: Replay, { t, format }: Scope): Child {
  const counts = { sent: format.number(replayed), all: matched === null ? '?' : format.number(matched) };
  const text = state === 'finished' ? (replayed === 0 ? t('replay.nothing') : t('replay.finished', { sent: counts.sent })) : t('replay.running', counts);
  const share = state === 'finished' ? { value: 1, max: 1 } : matched === null ? {} : { value: replayed, max: Math.max(1, matched) };
  return h('div', { class: 'replay' }, h('label', { for: 'replay-progress', role: 'status' }, text), h('progress', { id: 'replay-progress', 'data-state': state, max: share.max, ...(share.value !== undefined && { value: share.value }) }));
}
