import type { Answer, FieldError } from './api.js';
import type { Subscription } from './answers.js';
import { button, checkbox, field, form, input, select } from './controls.js';
import { EVENTS, eventName } from './labels.js';
import { errorOf, problemBox } from './problem.js';
import { h, type Child } from './render.js';
import type { Scope } from './scope.js';
import type { Word } from './words.js';

type Failed = Exclude<Answer<never>, { kind: 'ok' }>;

export interface FormDeps {
  readonly scope: Scope;
  /** The one to change; undefined for new ones. */
  readonly of?: Subscription | undefined;
  readonly done: (said: Word) => void;
  readonly cancel: () => void;
}

/** Asks where webhooks shall go: for new subscriptions, one for each event that is ticked, or for one that is there. */
export function createSubscriptionForm({ scope, of, done, cancel }: FormDeps): () => Child {
  const wish = { url: of?.callback_url ?? '', key: of?.callback_apikey ?? '', events: new Set<string>(of === undefined ? ['ringing', 'answered', 'hangup', 'cdr'] : [of.event_name]), domain: '', format: of?.format ?? 'v1', rate: String(of?.rate_per_second ?? '') };
  let failed: Failed | undefined;
  let busy = false;

  /** One after the other: what was refused for one event would be for the next, too. */
  async function add(): Promise<Failed | undefined> {
    if (wish.events.size === 0) return refused('event', 'Is required.');
    for (const event of EVENTS.filter((name) => wish.events.has(name))) {
      const answer = await scope.ask('POST', '/v1/event', { event, callback_url: wish.url.trim(), callback_apikey: wish.key, ...(scope.isAdmin && { domain: wish.domain.trim() }) });
      if (answer.kind !== 'ok') return answer;
    }
    return undefined;
  }

  async function change({ event_domain_uuid: id, callback_apikey: key }: Subscription): Promise<Failed | undefined> {
    const rate = wish.rate.trim() === '' ? null : Number(wish.rate);
    const answer = await scope.ask('PATCH', `/v1/event/${id}`, { callback_url: wish.url.trim(), format: wish.format, rate_per_second: rate, ...(wish.key !== (key ?? '') && { callback_apikey: wish.key }) });
    return answer.kind === 'ok' ? undefined : answer;
  }

  async function submit(): Promise<void> {
    if (busy) return;
    [busy, failed] = [true, undefined];
    scope.redraw();
    failed = await (of === undefined ? add() : change(of));
    busy = false;
    scope.redraw();
    if (failed === undefined) return done(of === undefined ? 'form.added' : 'form.changed');
    requestAnimationFrame(() => { requestAnimationFrame(() => { document.querySelector<HTMLElement>('[aria-invalid]')?.focus(); }); });
  }

  const id = (name: string) => `${of?.event_domain_uuid ?? 'new'}-${name}`;
  return () => {
    const { t } = scope;
    const errors: readonly FieldError[] = failed?.kind === 'refused' ? failed.errors : [];
    const wrong = (name: string) => errorOf(errors, name, scope);
    return form({ class: 'subscription-form', 'aria-label': t(of === undefined ? 'form.add' : 'form.change') }, () => void submit(),
      h('h3', null, t(of === undefined ? 'form.add' : 'form.change')),
      failed !== undefined && problemBox(failed, scope),
      scope.isAdmin && of === undefined && field({ id: id('domain'), label: t('field.domain'), hint: t('form.domainHint'), error: wrong('domain') }, (props) => input(props, wish.domain, (value) => { wish.domain = value; })),
      field({ id: id('url'), label: t('field.url'), hint: t('form.urlHint'), error: wrong('callback_url') }, (props) => input({ ...props, type: 'url', placeholder: 'https://example.com/calls' }, wish.url, (value) => { wish.url = value; })),
      of === undefined && h('fieldset', null, h('legend', null, t('field.events')),
        EVENTS.map((name) => checkbox(id(name), [h('strong', null, eventName(name, scope)), ' – ', t(`eventNote.${name}`)], wish.events.has(name), (on) => { if (on) wish.events.add(name); else wish.events.delete(name); scope.redraw(); })),
        wrong('event') !== undefined && h('p', { class: 'error' }, wrong('event'))),
      field({ id: id('key'), label: t('field.key'), hint: t('form.keyHint'), error: wrong('callback_apikey') }, (props) => input({ ...props, type: 'password' }, wish.key, (value) => { wish.key = value; })),
      of !== undefined && field({ id: id('format'), label: t('field.format'), hint: t('form.formatHint') }, (props) => select(props, wish.format, [['v1', t('form.v1')], ['v2', t('form.v2')]], (value) => { wish.format = value as 'v1' | 'v2'; })),
      of !== undefined && field({ id: id('rate'), label: t('field.rate'), hint: t('form.rateHint'), error: wrong('rate_per_second') }, (props) => input({ ...props, inputmode: 'numeric' }, wish.rate, (value) => { wish.rate = value; })),
      h('div', { class: 'line' }, button(t(of === undefined ? 'form.submitAdd' : 'form.submitChange'), () => {}, { kind: 'main', type: 'submit', busy }), button(t('cancel'), cancel)));
  };
}

const refused = (field: string, message: string): Failed => ({ kind: 'refused', status: 400, detail: '', errors: [{ field, message }] });
