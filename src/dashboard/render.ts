/** What the page shall show at a place: an element, a text, or nothing. */
export type Child = VNode | string | number | false | null | undefined | readonly Child[];

/** Attributes as HTML has them; `on…` a handler, `key` tells brothers apart, `shown` is called once with the element when it is there. */
export interface Props {
  readonly key?: string;
  readonly shown?: (element: HTMLElement) => void;
  readonly [name: string]: unknown;
}

/** An element as it shall be. */
export interface VNode { readonly tag: string; readonly props: Props; readonly children: readonly (VNode | string)[] }

interface Mounted { readonly node: Element | Text; readonly is: VNode | string; readonly children: Mounted[] }

const SVG = 'http://www.w3.org/2000/svg';
const FORM_STATE = new Set(['value', 'checked']);
const mountedAt = new WeakMap<Element, Mounted[]>();

/** An element with its children. What is not there is kept as an empty place, so that what comes after it stays the same element. */
export function h(tag: string, props: Props | null, ...children: Child[]): VNode {
  return { tag, props: props ?? {}, children: flat(children) };
}

function flat(children: readonly Child[]): (VNode | string)[] {
  return children.flatMap((child): (VNode | string)[] => {
    if (Array.isArray(child)) return flat(child as readonly Child[]);
    if (child === false || child === null || child === undefined) return [''];
    return [typeof child === 'number' ? String(child) : child as VNode | string];
  });
}

/** Makes what is in `root` look as wanted by changing only what differs: focus, selection and scrolling stay where they are. */
export function render(root: Element, ...wanted: Child[]): void {
  mountedAt.set(root, patchChildren(root, mountedAt.get(root) ?? [], flat(wanted), false));
}

function mount(is: VNode | string, inSvg: boolean): Mounted {
  if (typeof is === 'string') return { node: document.createTextNode(is), is, children: [] };
  const svg = inSvg || is.tag === 'svg';
  const node = svg ? document.createElementNS(SVG, is.tag) : document.createElement(is.tag);
  const children = patchChildren(node, [], is.children, svg);
  setProps(node, {}, is.props);
  if (is.props.shown) queueMicrotask(() => is.props.shown?.(node as HTMLElement));
  return { node, is, children };
}

function update(old: Mounted, is: VNode | string, inSvg: boolean): Mounted {
  if (typeof is === 'string') {
    if (old.is !== is) (old.node as Text).data = is;
    return { ...old, is };
  }
  const node = old.node as Element;
  const children = patchChildren(node, old.children, is.children, inSvg || is.tag === 'svg');
  setProps(node, (old.is as VNode).props, is.props);
  return { node, is, children };
}

function patchChildren(parent: Element, old: readonly Mounted[], wanted: readonly (VNode | string)[], inSvg: boolean): Mounted[] {
  const keyed = new Map(old.flatMap((mounted) => (keyOf(mounted.is) === undefined ? [] : [[keyOf(mounted.is), mounted] as const])));
  const plain = old.filter(({ is }) => keyOf(is) === undefined);
  let place = 0;
  const pairs = wanted.map((is) => {
    const key = keyOf(is);
    const candidate = key === undefined ? plain[place++] : keyed.get(key);
    return { is, from: candidate !== undefined && kindOf(candidate.is) === kindOf(is) ? candidate : undefined };
  });
  const kept = new Set(pairs.map(({ from }) => from));
  for (const mounted of old) if (!kept.has(mounted)) mounted.node.remove();
  const next = pairs.map(({ is, from }) => (from === undefined ? mount(is, inSvg) : update(from, is, inSvg)));
  for (const [index, { node }] of next.entries()) if (parent.childNodes[index] !== node) parent.insertBefore(node, parent.childNodes[index] ?? null);
  return next;
}

const keyOf = (is: VNode | string) => (typeof is === 'string' ? undefined : is.props.key);
const kindOf = (is: VNode | string) => (typeof is === 'string' ? '' : is.tag);

function setProps(node: Element, before: Props, now: Props): void {
  for (const name of Object.keys(before)) if (!(name in now)) setProp(node, name, undefined);
  for (const [name, value] of Object.entries(now)) {
    if (FORM_STATE.has(name) ? Reflect.get(node, name) !== value : before[name] !== value) setProp(node, name, value);
  }
}

function setProp(node: Element, name: string, value: unknown): void {
  if (name === 'key' || name === 'shown') return;
  if (name.startsWith('on')) Reflect.set(node, name, value ?? null);
  else if (FORM_STATE.has(name)) Reflect.set(node, name, value ?? '');
  else if (value === undefined || value === null || value === false) node.removeAttribute(name);
  else node.setAttribute(name, value === true ? '' : `${value as string | number}`);
}
