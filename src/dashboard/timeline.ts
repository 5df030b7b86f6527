import { spanOf, type LegShown } from './legs.js';
import { h, type VNode } from './render.js';
import type { Scope } from './scope.js';

const [WIDTH, ROW, TOP, BAR] = [640, 44, 8, 14];

/** The legs of a call under each other, each ringing and then talking, on one axis of time. What is drawn is said in words as well. */
export function timeline(legs: readonly LegShown[], nowMs: number, { t, format }: Pick<Scope, 't' | 'format'>): VNode {
  const { fromMs, toMs } = spanOf(legs, nowMs);
  const x = (at: number) => ((at - fromMs) / (toMs - fromMs)) * WIDTH;
  const height = TOP + legs.length * ROW + 20;
  return h('figure', { class: 'timeline' },
    h('svg', { viewBox: `0 0 ${WIDTH} ${height}`, role: 'img', 'aria-label': legs.map((leg) => inWords(leg, { t, format })).join(' ') },
      legs.map((leg, index) => bar(leg, { x, toMs, y: TOP + index * ROW, t })),
      h('text', { class: 'axis', x: 0, y: height - 4 }, format.time(new Date(fromMs).toISOString())),
      h('text', { class: 'axis', x: WIDTH, y: height - 4, 'text-anchor': 'end' }, format.time(new Date(toMs).toISOString()))),
    h('figcaption', null, h('span', { class: 'legend ring' }, t('call.ringing')), h('span', { class: 'legend talk' }, t('call.talking'))),
    h('ul', { class: 'legs' }, legs.map((leg) => h('li', { key: leg.id }, inWords(leg, { t, format })))));
}

interface Place { x: (at: number) => number; y: number; toMs: number; t: Scope['t'] }

function bar({ from, to, rangAt, answeredAt, endedAt }: LegShown, { x, y, toMs, t }: Place): VNode[] {
  const begun = rangAt ?? answeredAt ?? endedAt ?? toMs;
  const ended = endedAt ?? toMs;
  const rect = (kind: string, one: number, other: number) => h('rect', { class: kind, x: x(one), y: y + 18, width: Math.max(3, x(other) - x(one)), height: BAR, rx: 4 });
  return [
    h('text', { class: 'label', x: Math.min(x(begun), WIDTH * 0.55), y: y + 12 }, t('call.fromTo', { from, to })),
    rect('ring', begun, answeredAt ?? ended),
    ...(answeredAt === undefined ? [] : [rect('talk', answeredAt, ended)]),
  ];
}

function inWords({ from, to, rangAt, answeredAt, endedAt }: LegShown, { t, format }: Pick<Scope, 't' | 'format'>): string {
  const time = (at: number) => format.time(new Date(at).toISOString());
  const said = [
    rangAt === undefined ? undefined : t('call.rangAt', { time: time(rangAt) }),
    answeredAt === undefined ? undefined : t('call.answeredAt', { time: time(answeredAt) }),
    endedAt === undefined ? t('call.goesOn') : t('call.endedAt', { time: time(endedAt) }),
    answeredAt === undefined || endedAt === undefined ? undefined : t('call.talked', { span: format.span(endedAt - answeredAt) }),
  ];
  return `${t('call.fromTo', { from, to })}: ${said.filter((text) => text !== undefined).join(', ')}.`;
}
