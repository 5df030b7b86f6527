import { latest, type Answer } from './api.js';
import type { Call, DeliveryOfCall, DetailedDelivery } from './answers.js';
import { button } from './controls.js';
import { eventName, outcomeName, reasonText, stateBadge } from './labels.js';
import { happeningsOf, legsOf, type Happening } from './legs.js';
import { problemBox } from './problem.js';
import { h, type Child } from './render.js';
import { hashOf, type Route } from './route.js';
import type { Scope, View } from './scope.js';
import { sleep, throttled } from './sleep.js';
import { timeline } from './timeline.js';

type Failed = Exclude<Answer<never>, { kind: 'ok' }>;

const LOOK_MS = 3_000;
const SOON_MS = 400;

/** A delivery that was opened: its body and attempts, or why they could not be had. */
interface Opened { detail?: DetailedDelivery; failed?: Failed; retrying?: boolean; problem?: Failed | undefined }

/** One call: its legs on one axis of time, each webhook that it made, each attempt with what was sent and answered. */
export function openCall(scope: Scope, { id }: Route): View {
  let call: Call | undefined;
  let failed: Failed | undefined;
  const opened = new Map<string, Opened>();
  const ask = latest(scope.ask);

  async function look(): Promise<void> {
    const answer = await ask<Call>('GET', `/v1/call/${encodeURIComponent(id)}`);
    if (answer === undefined) return;
    if (answer.kind === 'ok') [call, failed] = [answer.data, undefined];
    else failed = answer;
    scope.redraw();
    await Promise.all([...opened.keys()].map((of) => open(of)));
  }

  async function keepLooking(): Promise<void> {
    do {
      await look();
      await sleep(LOOK_MS, scope.left);
    } while (!scope.left.aborted && goesOn(call));
  }

  async function open(of: string): Promise<void> {
    const known = opened.get(of) ?? {};
    opened.set(of, known);
    const answer = await scope.ask<DetailedDelivery>('GET', `/v1/delivery/${of}`);
    opened.set(of, { ...known, ...(answer.kind === 'ok' ? { detail: answer.data } : { failed: answer }) });
    scope.redraw();
  }

  async function retry(delivery: DeliveryOfCall): Promise<void> {
    const of = delivery.delivery_id;
    opened.set(of, { ...opened.get(of), retrying: true, problem: undefined });
    scope.redraw();
    const answer = await scope.ask('POST', `/v1/delivery/${of}/retry`);
    opened.set(of, { ...opened.get(of), retrying: false, problem: answer.kind === 'ok' ? undefined : answer });
    if (answer.kind === 'ok') scope.say('call.retried');
    await look();
    void keepLooking();
  }

  const soon = throttled(() => void look(), SOON_MS, scope.left);
  void keepLooking();
  return {
    title: () => scope.t('page.call'),
    onLine: ({ data }) => { if (call === undefined ? failed !== undefined : isAbout(call, data)) soon(); },
    render: () => [
      h('p', null, h('a', { href: hashOf('deliveries') }, scope.t('call.back'))),
      failed !== undefined && problemBox(failed, scope),
      failed?.kind === 'refused' && failed.status === 404 && h('p', null, scope.t('call.noneNote')),
      call === undefined ? failed === undefined && h('p', { role: 'status' }, scope.t('loading')) : shown(call, opened, { scope, open: (of) => void open(of), close: (of) => { opened.delete(of); }, retry: (delivery) => void retry(delivery) }),
    ],
  };
}

const goesOn = (call: Call | undefined) => call === undefined || call.deliveries.some(({ state }) => state === 'pending' || state === 'leased');

function isAbout({ flow_id: flow, deliveries }: Call, data: Readonly<Record<string, string | number | null>>): boolean {
  const ids = new Set([flow, ...deliveries.flatMap(({ call_id: call, delivery_id: id }) => [call, id])]);
  return [data['flow_id'], data['call_id'], data['id']].some((id) => typeof id === 'string' && ids.has(id));
}

interface Doing { scope: Scope; open: (id: string) => void; close: (id: string) => void; retry: (delivery: DeliveryOfCall) => void }

function shown({ flow_id: flow, from_number: from, to_number: to, deliveries }: Call, opened: ReadonlyMap<string, Opened>, doing: Doing): Child {
  const { t } = doing.scope;
  const isTest = deliveries.some(({ synthetic }) => synthetic === 'test');
  const legs = legsOf(deliveries);
  return [
    h('p', { class: 'lead' }, t('call.fromTo', { from, to })),
    isTest && h('p', { class: 'note' }, t('call.test')),
    h('p', { class: 'hint' }, t('call.id'), ' ', h('code', null, flow)),
    h('section', { class: 'card', 'aria-labelledby': 'legs' }, h('h2', { id: 'legs' }, t('call.legs')), legs.length === 0 ? h('p', null, t('call.noLegs')) : timeline(legs, Date.now(), doing.scope)),
    h('section', { class: 'card', 'aria-labelledby': 'webhooks' }, h('h2', { id: 'webhooks' }, t('call.webhooks')),
      h('ol', { class: 'happenings' }, happeningsOf(deliveries).map((one) => happening(one, opened, doing)))),
  ];
}

function happening({ key, event, at, deliveries }: Happening, opened: ReadonlyMap<string, Opened>, doing: Doing): Child {
  const { scope } = doing;
  const [first] = deliveries;
  return h('li', { key },
    h('h3', null, h('span', { class: `dot ${event}`, 'aria-hidden': 'true' }), eventName(event, scope), ' ', h('time', { datetime: new Date(at).toISOString() }, scope.format.moment(new Date(at).toISOString()))),
    h('p', { class: 'hint' }, scope.t('call.fromTo', { from: first!.from_number, to: first!.to_number })),
    deliveries.map((delivery) => sent(delivery, opened.get(delivery.delivery_id), doing)));
}

function sent(delivery: DeliveryOfCall, opened: Opened | undefined, { scope, open, close, retry }: Doing): Child {
  const { t, format } = scope;
  const { delivery_id: id, state, callback_url: url, attempts, due_at: due } = delivery;
  const waits = state === 'pending' || state === 'leased';
  const toggled = (event: Event) => { if ((event.target as HTMLDetailsElement).open) open(id); else close(id); };
  return h('div', { class: 'sent', key: id },
    h('div', { class: 'row' }, stateBadge(state, scope), h('code', null, url),
      !waits && button(t(state === 'delivered' ? 'call.again' : 'call.retry'), () => retry(delivery), { busy: opened?.retrying === true, 'aria-label': `${t(state === 'delivered' ? 'call.again' : 'call.retry')}: ${eventName(delivery.event, scope)}, ${url}` })),
    opened?.problem !== undefined && problemBox(opened.problem, scope),
    state === 'pending' && due !== undefined && attempts.length > 0 && h('p', { class: 'hint' }, t('call.due', { time: format.time(due) })),
    state === 'held' && h('p', { class: 'hint' }, t('call.held')),
    attempts.length === 0 ? h('p', { class: 'hint' }, t('call.noAttempt')) : h('ol', { class: 'attempts' }, attempts.map((one) => h('li', { key: String(one.number) },
      t('call.attempt', { number: one.number, time: format.moment(one.started_at), outcome: outcomeName(one.outcome, scope), span: format.span(one.total_ms ?? 0) }), ' ', h('span', { class: one.outcome === 'delivered' ? 'hint' : 'error' }, reasonText(one, scope))))),
    h('details', { ontoggle: toggled }, h('summary', null, t('call.details')), opened?.failed !== undefined && problemBox(opened.failed, scope), opened?.detail !== undefined && details(opened.detail, scope)));
}

function details({ payload, attempts, delivery_id: id }: DetailedDelivery, { t, format }: Scope): Child {
  return h('div', null,
    h('h4', null, t('call.request')), h('p', { class: 'hint' }, h('code', null, `webhook-id: ${id}`)),
    h('pre', { tabindex: '0' }, JSON.stringify(payload, null, 2)),
    attempts.map((one) => h('div', { key: String(one.number) },
      h('h4', null, t('call.response', { number: one.number })),
      h('p', { class: 'hint' }, [one.status === null ? one.reason ?? '' : t('call.status', { status: one.status }), ...Object.entries(one.timing).map(([name, ms]) => `${name.replace(/_ms$/, '').replace('_', ' ')} ${format.span(ms)}`)].join(' · ')),
      one.response === null || one.response === '' ? h('p', { class: 'hint' }, t('call.noBody')) : h('pre', { tabindex: '0' }, one.response))));
}
