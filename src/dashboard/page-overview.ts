import { latest, type Answer } from './api.js';
import type { Failure, FlowNow, Overview, SwitchNow, Trouble } from './answers.js';
import { chart } from './chart.js';
import { badge, empty, table } from './controls.js';
import { eventName, outcomeName, reasonText } from './labels.js';
import { problemBox } from './problem.js';
import { h, type Child } from './render.js';
import { hashOf } from './route.js';
import type { Scope, View } from './scope.js';
import { sleep, throttled } from './sleep.js';

const LOOK_MS = 5_000;
const SOON_MS = 2_000;

/** How the daemon does: for the operator, looked at every few seconds and whenever something was sent. */
export function openOverview(scope: Scope): View {
  let overview: Overview | undefined;
  let failed: Exclude<Answer<never>, { kind: 'ok' }> | undefined;
  const ask = latest(scope.ask);

  async function look(): Promise<void> {
    const answer = await ask<Overview>('GET', '/v1/admin/overview');
    if (answer === undefined) return;
    if (answer.kind === 'ok') [overview, failed] = [answer.data, undefined];
    else failed = answer;
    scope.redraw();
  }

  async function keepLooking(): Promise<void> {
    while (!scope.left.aborted) {
      if (document.visibilityState === 'visible' || overview === undefined) await look();
      await sleep(LOOK_MS, scope.left);
    }
  }

  const soon = throttled(() => void look(), SOON_MS, scope.left);
  void keepLooking();
  return {
    title: () => scope.t('page.overview'),
    onLine: soon,
    render: () => [failed !== undefined && problemBox(failed, scope), overview === undefined ? failed === undefined && h('p', { role: 'status' }, scope.t('loading')) : shown(overview, scope)],
  };
}

function shown(overview: Overview, scope: Scope): Child {
  const { t } = scope;
  const part = (id: string, title: string, content: Child) => h('section', { class: 'card', 'aria-labelledby': id, key: id }, h('h2', { id }, title), content);
  return [
    figures(overview, scope),
    part('charts', t('overview.charts'), charts(overview, scope)),
    part('trouble', t('overview.trouble'), troubles(overview.trouble, scope)),
    part('switches', t('overview.switches'), h('div', { class: 'tiles' }, overview.switches.map((one) => switchCard(one, overview.at, scope)))),
    part('flows', t('overview.flows'), flows(overview, scope)),
    part('failures', t('overview.failures'), failures(overview.failures, scope)),
  ];
}

function figures({ at, flows: { open }, deliveries }: Overview, { t, format }: Scope): Child {
  const ms = (value: number | null) => (value === null ? '–' : format.span(value));
  const figure = (label: string, value: string, note: string) => h('div', { class: 'figure' }, h('dt', null, label), h('dd', null, value), h('dd', { class: 'hint' }, note));
  const { waiting, oldest_waiting_at: oldest, success_rate: success } = deliveries;
  return h('dl', { class: 'figures' },
    figure(t('overview.open'), format.number(open), t('overview.openNote')),
    figure(t('overview.perSecond'), format.number(deliveries.per_second, 1), t('overview.lastMinute')),
    figure(t('overview.success'), success === null ? '–' : format.percent(success), success === null ? t('overview.nothingSent') : t('overview.lastMinute')),
    figure(t('overview.latency'), ms(deliveries.p50_ms), t('overview.slowest', { span: ms(deliveries.p99_ms) })),
    figure(t('overview.waiting'), waiting === null ? '?' : format.number(waiting), waiting === null ? t('overview.noDatabase') : oldest === null ? t('overview.nothingWaits') : t('overview.oldest', { span: format.since(oldest, Date.parse(at)) })));
}

function charts({ deliveries: { series, step_seconds: seconds, per_second, p50_ms, p99_ms } }: Overview, { t, format }: Scope): Child {
  const ends = [format.time(series[0]?.at ?? new Date().toISOString()), t('overview.now')] as const;
  const ms = (value: number | null) => (value === null ? '–' : format.span(value));
  return h('div', { class: 'charts' },
    h('div', null, h('h3', null, t('overview.sentChart')), chart([
      { name: t('overview.delivered'), kind: 'one', values: series.map(({ delivered }) => delivered / seconds) },
      { name: t('overview.failed'), kind: 'two', values: series.map(({ failed }) => failed / seconds) },
    ], { form: 'bars', summary: t('overview.sentSummary', { rate: format.number(per_second, 1) }), figure: (value) => format.number(value, 2), ends })),
    h('div', null, h('h3', null, t('overview.latencyChart')), chart([
      { name: t('overview.half'), kind: 'one', values: series.map(({ p50_ms: value }) => value) },
      { name: t('overview.most'), kind: 'two', values: series.map(({ p99_ms: value }) => value) },
    ], { form: 'lines', summary: t('overview.latencySummary', { half: ms(p50_ms), most: ms(p99_ms) }), figure: (value) => format.brief(value), ends })));
}

function switchCard(one: SwitchNow, at: string, { t, format }: Scope): Child {
  const ago = (moment: string | null) => (moment === null ? '–' : t('ago', { span: format.since(moment, Date.parse(at)) }));
  const rows: readonly (readonly [string, string])[] = [
    [t('switch.upSince'), one.up_since === null ? '–' : format.moment(one.up_since)],
    [t('switch.events'), t('switch.eventsValue', { rate: format.number(one.events_per_second, 1), all: format.number(one.events) })],
    [t('switch.lag'), one.lag_ms === null ? '–' : format.span(one.lag_ms)],
    [t('switch.heartbeat'), ago(one.last_heartbeat_at)],
    [t('switch.reconciliations'), format.number(one.reconciliations)],
    [t('switch.lost'), format.number(one.lost)],
  ];
  return h('div', { class: 'tile', key: one.name },
    h('h3', null, one.name, ' ', badge(one.up ? 'good' : 'bad', t(one.up ? 'switch.up' : 'switch.down'))),
    !one.up && h('p', null, t('switch.downAdvice')),
    h('dl', { class: 'pairs' }, rows.map(([label, value]) => h('div', null, h('dt', null, label), h('dd', null, value)))));
}

function troubles(list: readonly Trouble[], scope: Scope): Child {
  const { t, format } = scope;
  if (list.length === 0) return empty(t('trouble.none'), t('trouble.noneNote'));
  const state = ({ breaker, next_probe_ms: next }: Trouble) => (breaker === 'open' ? [badge('bad', t('trouble.open')), ' ', t('trouble.next', { span: format.span(next ?? 0) })] : breaker === 'probing' ? badge('wait', t('trouble.probing')) : badge('wait', t('trouble.failing')));
  return [h('p', null, t('trouble.note')), table(t('overview.trouble'), [t('head.tenant'), t('head.url'), t('head.state'), t('trouble.failures'), t('head.reason')],
    list.map((one) => ({ key: one.callback_url, cells: [one.domain_name, h('code', null, one.callback_url), state(one), format.number(one.failures), reasonText({ status: null, reason: one.last_failure }, scope)] })))];
}

function flows({ at, flows: { open, shown: list } }: Overview, { t, format }: Scope): Child {
  if (list.length === 0) return empty(t('flows.none'), t('flows.noneNote'));
  const who = (flow: FlowNow) => t('call.fromTo', { from: flow.from_number, to: flow.to_number });
  return [list.length < open && h('p', null, t('flows.some', { shown: format.number(list.length), open: format.number(open) })),
    table(t('overview.flows'), [t('head.call'), t('flows.reached'), t('head.tenant'), t('flows.switch'), t('flows.since'), t('head.state')], list.map((flow) => ({
      key: flow.flow_id,
      cells: [h('a', { href: hashOf('call', flow.flow_id) }, who(flow)), flow.reached.join(', ') || '–', flow.domain_name || '–', flow.switch, t('flows.sinceValue', { time: format.time(flow.since), span: format.since(flow.since, Date.parse(at)) }),
        flow.answered_at === null ? badge('wait', t('flows.rings')) : badge('good', t('flows.talks'))],
    })))];
}

function failures(list: readonly Failure[], scope: Scope): Child {
  const { t, format } = scope;
  if (list.length === 0) return empty(t('failures.none'), t('failures.noneNote'));
  return table(t('overview.failures'), [t('head.time'), t('head.tenant'), t('head.event'), t('head.url'), t('head.reason'), t('head.outcome')], list.slice(0, 20).map((one) => ({
    key: `${one.delivery_id} ${one.attempt}`,
    cells: [format.moment(one.at), one.domain_name, h('a', { href: hashOf('call', one.call_id) }, eventName(one.event, scope)), h('code', null, one.callback_url), reasonText(one, scope), t('failures.attempt', { outcome: outcomeName(one.outcome, scope), number: one.attempt })],
  })));
}
