import { readFileSync } from 'node:fs';

const STYLE = readFileSync(new URL('style.css', import.meta.url), 'utf8').replace(/\s*\n\s*/g, ' ').trim();
const COLUMN = 132;
const MARGIN = 20;
const HEAD = 46;
const ROW = 34;
const CARD = { width: 286, height: 42, row: 52 };
const HEADS = ['call', 'ringing', 'answered', 'hangup', 'cdr'];
const YOURS = ['Your server', 'Máy chủ của bạn'];

/** The picture as SVG, in language 0 (English) or 1 (Vietnamese): parties side by side, time downwards, and at the right each webhook as a card. */
export function draw(call, language) {
  const at = new Map(call.columns.map(({ id }, index) => [id, MARGIN + COLUMN / 2 + index * COLUMN]));
  const cardX = MARGIN + call.columns.length * COLUMN + 12;
  const flowLines = call.flows.map(flowLine);
  const top = 34 + flowLines.length * 20 + 8;
  const body = [];
  let y = top + HEAD + 22;
  for (const step of call.steps) {
    const height = step.kind === 'webhook' ? CARD.row : ROW;
    body.push(...drawStep(step, { y: y + height / 2, at, cardX, language }));
    y += height;
  }
  const width = cardX + CARD.width + MARGIN;
  const height = y + 14;
  const lines = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="t d">`,
    `<title id="t">${escape(call.title[language])}</title>`,
    `<desc id="d">${escape(inWords(call, language))}</desc>`,
    `<style>${STYLE}</style>`,
    `<defs>${HEADS.map((of) => `<marker id="${of}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto"><path class="head ${of}" d="M0 0 8 4 0 8z"/></marker>`).join('')}</defs>`,
    `<rect class="paper" width="${width}" height="${height}" rx="10"/>`,
    `<text class="title" x="${MARGIN}" y="26">${escape(call.title[language])}</text>`,
    ...flowLines.map((text, index) => `<text class="fields" x="${MARGIN}" y="${46 + index * 20}">${escape(text)}</text>`),
    ...call.columns.flatMap((column) => drawParty(column, { x: at.get(column.id), top, bottom: y, language })),
    `<rect class="yours" x="${cardX}" y="${top}" width="${CARD.width}" height="${y - top + 4}" rx="8"/>`,
    `<text class="party" x="${cardX + CARD.width / 2}" y="${top + 28}">${escape(YOURS[language])}</text>`,
    ...body,
    '</svg>',
  ];
  return `${lines.join('\n')}\n`;
}

function drawParty({ id, number, role }, { x, top, bottom, language }) {
  const label = id === 'pbx' ? `<text class="party" x="${x}" y="${top + 28}">${escape(number)}</text>`
    : `<text class="party" x="${x}" y="${top + 20}">${escape(number)}<tspan class="leg" dx="6">${escape(id)}</tspan></text><text class="role" x="${x}" y="${top + 36}">${escape(role[language])}</text>`;
  return [`<line class="life" x1="${x}" y1="${top + HEAD}" x2="${x}" y2="${bottom}"/>`, `<rect class="box" x="${x - COLUMN / 2 + 6}" y="${top}" width="${COLUMN - 12}" height="${HEAD}" rx="8"/>`, label];
}

function drawStep(step, { y, at, cardX, language }) {
  if (step.kind === 'webhook') return drawCard(step, { y, from: at.get('pbx'), cardX });
  const label = escape(step.label[language]);
  if (step.kind === 'meanwhile') return [`<text class="meanwhile" x="${(MARGIN + cardX) / 2}" y="${y + 4}">${label}</text>`];
  const [from, to] = [at.get(step.from), at.get(step.to)];
  const side = Math.sign(to - from);
  const middle = (from + to) / 2;
  if (step.kind === 'talk') {
    return [`<line class="talk" x1="${from}" y1="${y + 6}" x2="${to}" y2="${y + 6}"/>`, `<text class="label" x="${middle}" y="${y}">${label}</text>`];
  }
  return [`<line class="${step.kind}" x1="${from}" y1="${y + 6}" x2="${to - side}" y2="${y + 6}" marker-end="url(#call)"/>`, `<text class="label" x="${middle}" y="${y}">${label}</text>`];
}

function drawCard({ state, fields }, { y, from, cardX }) {
  const top = y - CARD.height / 2;
  const { call_id: id, ...rest } = fields;
  const more = Object.entries(rest).map(([name, value]) => `${name} ${value}`).join(' · ');
  return [
    `<line class="post ${state}" x1="${from}" y1="${y}" x2="${cardX + 7}" y2="${y}" marker-end="url(#${state})"/>`,
    `<rect class="card ${state}" x="${cardX + 8}" y="${top}" width="${CARD.width - 16}" height="${CARD.height}" rx="6"/>`,
    `<text class="state ${state}" x="${cardX + 18}" y="${top + 17}">${escape(state)}</text>`,
    `<text class="id" x="${cardX + CARD.width - 18}" y="${top + 17}">call_id <tspan class="leg">${escape(id)}</tspan></text>`,
    `<text class="more" x="${cardX + 18}" y="${top + 33}">${escape(more)}</text>`,
  ];
}

function flowLine({ leg, fields }) {
  return [`${leg}:`, ...Object.entries(fields).map(([name, value]) => `${name} ${value === '' ? '""' : value}`)].join('  ');
}

/** The same for whoever cannot see it. */
function inWords(call, language) {
  return call.steps.map((step) => {
    if (step.kind === 'webhook') return `${step.state} (${Object.entries(step.fields).map(([name, value]) => `${name} ${value}`).join(', ')})`;
    return step.kind === 'meanwhile' ? step.label[language] : `${step.from} → ${step.to}: ${step.label[language]}`;
  }).join('. ');
}

function escape(text) {
  return text.replace(/[&<>"]/g, (sign) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[sign]);
}
