import { h, type VNode } from './render.js';

/** One row of figures over time; null where there is none. `kind` chooses its colour. */
export interface Series { readonly name: string; readonly kind: 'one' | 'two'; readonly values: readonly (number | null)[] }

export interface ChartOptions {
  /** What it shows, in one sentence with its latest figures: for those who do not see it. */
  readonly summary: string;
  readonly form: 'bars' | 'lines';
  /** Writes a figure of the axis. */
  readonly figure: (value: number) => string;
  /** What the first and the last moment are called. */
  readonly ends: readonly [string, string];
}

const [WIDTH, HEIGHT, LEFT, TOP, BOTTOM] = [640, 200, 64, 12, 28];
const PLOT = { width: WIDTH - LEFT - 8, height: HEIGHT - TOP - BOTTOM };
const LINES = 4;

/** A chart of a few rows of figures over the same moments: bars upon each other, or lines. */
export function chart(rows: readonly Series[], { summary, form, figure, ends }: ChartOptions): VNode {
  const count = Math.max(1, ...rows.map(({ values }) => values.length));
  const sums = Array.from({ length: count }, (_, index) => rows.reduce((sum, { values }) => sum + (values[index] ?? 0), 0));
  const top = roundUp(Math.max(0, ...(form === 'bars' ? sums : rows.flatMap(({ values }) => values.map((value) => value ?? 0)))));
  const y = (value: number) => TOP + PLOT.height * (1 - value / top);
  return h('figure', { class: 'chart' },
    h('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: 'img', 'aria-label': summary },
      Array.from({ length: LINES + 1 }, (_, index) => (top * index) / LINES).map((value) => [
        h('line', { class: 'grid', x1: LEFT, x2: WIDTH - 8, y1: y(value), y2: y(value) }),
        h('text', { class: 'axis', x: LEFT - 8, y: y(value) + 4, 'text-anchor': 'end' }, figure(value)),
      ]),
      h('text', { class: 'axis', x: LEFT, y: HEIGHT - 6 }, ends[0]),
      h('text', { class: 'axis', x: WIDTH - 8, y: HEIGHT - 6, 'text-anchor': 'end' }, ends[1]),
      form === 'bars' ? bars(rows, count, y) : rows.map((row) => line(row, count, y))),
    h('figcaption', null, rows.map(({ name, kind }) => h('span', { class: `legend ${kind}` }, name))));
}

function bars(rows: readonly Series[], count: number, y: (value: number) => number): VNode[] {
  const width = PLOT.width / count;
  const below = new Array<number>(count).fill(0);
  return rows.flatMap(({ kind, values }) => values.flatMap((value, index) => {
    if (value === null || value === 0) return [];
    const [from, to] = [below[index]!, below[index]! + value];
    below[index] = to;
    return [h('rect', { class: kind, x: LEFT + index * width + width * 0.12, width: width * 0.76, y: y(to), height: Math.max(1, y(from) - y(to)) })];
  }));
}

/** Where figures are missing the line breaks; one that stands alone is a dot. */
function line({ kind, values }: Series, count: number, y: (value: number) => number): VNode[] {
  const x = (index: number) => LEFT + ((index + 0.5) * PLOT.width) / count;
  const known = values.map((value, index) => (value === null ? null : ([x(index), y(value)] as const)));
  const path = known.map((point, index) => (point === null ? '' : `${index > 0 && known[index - 1] !== null ? 'L' : 'M'}${point[0].toFixed(1)} ${point[1].toFixed(1)}`)).join('');
  const alone = known.filter((point, index) => point !== null && (known[index - 1] ?? null) === null && (known[index + 1] ?? null) === null);
  return [h('path', { class: `stroke ${kind}`, d: path }), ...alone.map((point) => h('circle', { class: kind, cx: point![0], cy: point![1], r: 2.5 }))];
}

/** The next figure that reads well: 1, 2 or 5 and noughts, so that the quarters of it do, too. */
export function roundUp(value: number): number {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 4, 8, 10].map((step) => step * power).find((step) => step >= value) ?? 10 * power;
}
