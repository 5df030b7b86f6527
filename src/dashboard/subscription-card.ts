import type { Answer } from './api.js';
import type { Subscription } from './answers.js';
import { badge, button } from './controls.js';
import { eventName } from './labels.js';
import { problemBox } from './problem.js';
import { h, type Child } from './render.js';
import { createReplaying } from './replay.js';
import { hashOf } from './route.js';
import type { Scope } from './scope.js';
import { createSubscriptionForm } from './subscription-form.js';
import type { Word } from './words.js';

type Failed = Exclude<Answer<never>, { kind: 'ok' }>;

/** One subscription and all that can be done with it; what is open in it stays so while the list is read anew. */
export interface SubscriptionCard { render(subscription: Subscription): Child }

interface Secret { secret: string; previous_valid_until: string | null }

/** See `SubscriptionCard`. `changed` has the list read anew. */
export function createSubscriptionCard(scope: Scope, id: string, changed: () => Promise<void>): SubscriptionCard {
  let failed: Failed | undefined;
  let busy = false;
  let editing: (() => Child) | undefined;
  let asking: 'rotate' | 'remove' | undefined;
  let secret: Secret | undefined;
  let testCall: string | undefined;
  let held = 0;
  const replaying = createReplaying(scope, () => { held = 0; scope.redraw(); });

  /** Does one thing at a time, and says what went wrong with it. */
  async function act<T>(method: 'GET' | 'POST' | 'PATCH' | 'DELETE', path: string, then: (data: T) => void | Promise<void>, body?: object): Promise<void> {
    if (busy) return;
    [busy, failed, asking] = [true, undefined, undefined];
    scope.redraw();
    const answer = await scope.ask<T>(method, `/v1/event/${id}${path}`, body);
    busy = false;
    if (answer.kind === 'ok') await then(answer.data); else failed = answer;
    scope.redraw();
  }

  const enable = (enabled: boolean) => act<{ held?: number }>('PATCH', '', async (answer) => {
    held = answer.held ?? 0;
    scope.say(enabled ? 'subscription.enabledNow' : 'subscription.disabledNow');
    await changed();
  }, { enabled });
  const test = () => act<{ flow_id: string }>('POST', '/test', ({ flow_id: flow }) => { testCall = flow; scope.say('subscription.tested'); });
  const show = () => act<Secret>('GET', '/secret', (data) => { secret = data; });
  const rotate = () => act<Secret>('POST', '/secret', (data) => { secret = data; scope.say('subscription.rotated'); }, {});
  const remove = () => act('DELETE', '', async () => { scope.say('subscription.removed'); await changed(); });

  function edit(of: Subscription): void {
    editing = createSubscriptionForm({
      scope, of,
      done: (said) => { editing = undefined; scope.say(said); void changed(); },
      cancel: () => { editing = undefined; scope.redraw(); },
    });
    scope.redraw();
  }

  const does: Actions = {
    test: () => void test(), enable: (enabled) => void enable(enabled), edit, toggleSecret: () => { if (secret === undefined) void show(); else { secret = undefined; scope.redraw(); } },
    ask: (what) => { asking = what; scope.redraw(); }, rotate: () => void rotate(), remove: () => void remove(),
  };

  return {
    render: (of) => [
      h('div', { class: 'row' }, h('h2', null, eventName(of.event_name, scope)), of.enabled ? badge('good', scope.t('subscription.on')) : badge('off', scope.t('subscription.off')), scope.isAdmin && h('span', { class: 'hint' }, of.domain_name)),
      h('p', { class: 'url' }, h('code', null, of.callback_url)),
      h('p', { class: 'hint' }, facts(of, scope)),
      !of.enabled && h('p', { class: 'note' }, of.disabled_reason === null ? scope.t('subscription.offNote') : scope.t('subscription.offBecause', { reason: of.disabled_reason })),
      failed !== undefined && problemBox(failed, scope),
      testCall !== undefined && h('p', { class: 'note good' }, scope.t('subscription.testedNote'), ' ', h('a', { href: hashOf('call', testCall) }, scope.t('subscription.watch'))),
      held > 0 && h('div', { class: 'note' }, h('p', null, scope.t('subscription.heldNote', { held: scope.format.number(held) })),
        button(scope.t('subscription.sendHeld'), () => void replaying.begin({ subscription: id, states: ['held'], ...(scope.isAdmin && { domain: of.domain_name }) }), { kind: 'main', busy: replaying.isRunning() })),
      replaying.render(),
      secret !== undefined && secretBox(secret, scope),
      editing === undefined ? actions(of, { busy, hasSecret: secret !== undefined }, does, scope) : editing(),
      asking !== undefined && question(asking, does, scope),
    ],
  };
}

interface Actions {
  test(this: void): void;
  enable(this: void, enabled: boolean): void;
  edit(this: void, of: Subscription): void;
  toggleSecret(this: void): void;
  ask(this: void, what: 'rotate' | 'remove' | undefined): void;
  rotate(this: void): void;
  remove(this: void): void;
}

function actions(of: Subscription, { busy, hasSecret }: { busy: boolean; hasSecret: boolean }, does: Actions, scope: Scope): Child {
  const { t } = scope;
  const named = `${eventName(of.event_name, scope)}, ${of.callback_url}`;
  const act = (word: Word, onclick: () => void, kind: 'plain' | 'danger' = 'plain') => button(t(word), onclick, { kind, busy, 'aria-label': `${t(word)}: ${named}`, key: word });
  return h('div', { class: 'line' },
    of.enabled ? act('subscription.test', does.test) : act('subscription.enable', () => does.enable(true)),
    act('subscription.edit', () => does.edit(of)),
    act(hasSecret ? 'subscription.hide' : 'subscription.secret', does.toggleSecret),
    act('subscription.rotate', () => does.ask('rotate')),
    of.enabled && act('subscription.disable', () => does.enable(false)),
    act('subscription.remove', () => does.ask('remove'), 'danger'),
    h('a', { href: hashOf('deliveries', '', { subscription: of.event_domain_uuid }), 'aria-label': `${t('subscription.deliveries')}: ${named}` }, t('subscription.deliveries')));
}

/** What cannot be undone is asked about first. */
function question(asking: 'rotate' | 'remove', does: Actions, { t }: Scope): Child {
  const [word, yes] = asking === 'rotate' ? (['subscription.rotateAsk', 'subscription.rotateYes'] as const) : (['subscription.removeAsk', 'subscription.removeYes'] as const);
  return h('div', { class: 'note', role: 'group', 'aria-label': t(word) }, h('p', null, t(word)),
    h('div', { class: 'line' }, button(t(yes), does[asking], { kind: asking === 'remove' ? 'danger' : 'main', shown: (element) => element.focus() }), button(t('cancel'), () => does.ask(undefined))));
}

function facts({ callback_apikey: key, format: shape, rate_per_second: rate, created_at: at }: Subscription, { t, format }: Scope): string {
  return [
    t(key === null ? 'subscription.keyLocked' : key === '' ? 'subscription.noKey' : 'subscription.hasKey'), t(shape === 'v2' ? 'form.v2' : 'form.v1'),
    ...(rate === null ? [] : [t('subscription.rate', { rate: format.number(rate) })]), t('subscription.since', { time: format.moment(at) }),
  ].join(' · ');
}

function secretBox({ secret, previous_valid_until: until }: Secret, { t, format, say }: Scope): Child {
  const copy = () => void navigator.clipboard.writeText(secret).then(() => say('subscription.copied'), () => say('subscription.notCopied'));
  return h('div', { class: 'note' }, h('p', null, t('subscription.secretNote')), h('p', { class: 'url' }, h('code', { class: 'secret' }, secret)),
    until !== null && h('p', null, t('subscription.previous', { time: format.moment(until) })), button(t('subscription.copy'), copy));
}
