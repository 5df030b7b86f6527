import { h, type Child, type Props, type VNode } from './render.js';

/** A button that does something; `kind` is how much it matters. A busy one stays where the focus is, and does nothing. */
export function button(label: Child, onclick: () => void, { kind = 'plain', busy = false, ...rest }: Props & { kind?: 'main' | 'plain' | 'quiet' | 'danger'; busy?: boolean } = {}): VNode {
  return h('button', { type: 'button', class: `button ${kind}`, 'aria-disabled': busy ? 'true' : undefined, onclick: busy ? null : onclick, ...rest }, label);
}

export interface FieldProps { id: string; label: string; hint?: string | undefined; error?: string | undefined }

/** A label, what it labels, a hint, and what is wrong with it; tied together for those who listen. */
export function field({ id, label, hint, error }: FieldProps, control: (props: Props) => Child): VNode {
  const described = [hint !== undefined && `${id}-hint`, error !== undefined && `${id}-error`].filter(Boolean).join(' ');
  return h('div', { class: 'field' },
    h('label', { for: id }, label),
    control({ id, 'aria-describedby': described === '' ? undefined : described, 'aria-invalid': error === undefined ? undefined : 'true' }),
    hint !== undefined && h('p', { class: 'hint', id: `${id}-hint` }, hint),
    error !== undefined && h('p', { class: 'error', id: `${id}-error` }, error));
}

/** One of several. */
export function select(props: Props, value: string, options: readonly (readonly [string, string])[], onchange: (value: string) => void): VNode {
  return h('select', { ...props, onchange: (event: Event) => onchange((event.target as HTMLSelectElement).value) },
    options.map(([key, label]) => h('option', { key, value: key, selected: key === value }, label)));
}

/** A line of text. */
export function input(props: Props, value: string, oninput: (value: string) => void): VNode {
  return h('input', { type: 'text', autocomplete: 'off', spellcheck: 'false', ...props, value, oninput: (event: Event) => oninput((event.target as HTMLInputElement).value) });
}

/** A box to tick. */
export function checkbox(id: string, label: Child, checked: boolean, onchange: (checked: boolean) => void): VNode {
  return h('label', { class: 'check', for: id }, h('input', { type: 'checkbox', id, checked, onchange: (event: Event) => onchange((event.target as HTMLInputElement).checked) }), h('span', null, label));
}

/** A form that sends nothing by itself. */
export function form(props: Props, onsubmit: () => void, ...children: Child[]): VNode {
  return h('form', { novalidate: true, ...props, onsubmit: (event: Event) => { event.preventDefault(); onsubmit(); } }, children);
}

/** A table that becomes a list of cards on a phone. The roles stand there since its display changes. */
export function table(caption: string, heads: readonly string[], rows: readonly { key: string; cells: readonly Child[] }[]): VNode {
  return h('table', { role: 'table' },
    h('caption', { class: 'unseen' }, caption),
    h('thead', { role: 'rowgroup' }, h('tr', { role: 'row' }, heads.map((head) => h('th', { role: 'columnheader', scope: 'col' }, head)))),
    h('tbody', { role: 'rowgroup' }, rows.map(({ key, cells }) => h('tr', { role: 'row', key }, cells.map((cell, index) => h('td', { role: 'cell', 'data-label': heads[index] }, h('div', null, cell)))))));
}

/** Says that there is nothing, and what to do next. */
export function empty(title: string, advice: string, ...actions: Child[]): VNode {
  return h('div', { class: 'empty' }, h('p', { class: 'strong' }, title), h('p', null, advice), actions);
}

/** Something in brackets of colour: `kind` chooses it, the text says it. */
export const badge = (kind: 'good' | 'bad' | 'wait' | 'off', text: string): VNode => h('span', { class: `badge ${kind}` }, text);
