import { button, field, form, input } from './controls.js';
import { h, type Child } from './render.js';
import type { SignIn } from './session.js';
import type { Translate, Word } from './words.js';

export interface SignInDeps {
  t: () => Translate;
  redraw: () => void;
  /** Tries the token; the page goes away where it is good. */
  enter: (token: string) => Promise<SignIn>;
  /** Why somebody who was signed in is here. */
  because?: Word | undefined;
}

const WHY: Readonly<Record<Exclude<SignIn['kind'], 'in'>, Word>> = { wrong: 'signIn.wrong', limited: 'signIn.limited', unreachable: 'problem.unreachable' };

/** Asks for a token. */
export function createSignIn({ t: speaking, redraw, enter, because }: SignInDeps): () => Child {
  let token = '';
  let busy = false;
  let error = because;

  async function submit(): Promise<void> {
    if (busy) return;
    const given = token.trim();
    error = given === '' ? 'signIn.empty' : undefined;
    busy = given !== '';
    redraw();
    if (!busy) return;
    const { kind } = await enter(given);
    busy = false;
    if (kind !== 'in') error = WHY[kind];
    redraw();
    if (kind !== 'in') document.getElementById('token')?.focus();
  }

  return () => {
    const t = speaking();
    return h('main', { class: 'sign-in', id: 'main' }, h('div', { class: 'card' },
      h('h1', { tabindex: '-1' }, t('signIn.title')),
      h('p', null, t('signIn.what')),
      form({}, () => void submit(),
        field({ id: 'token', label: t('signIn.token'), hint: t('signIn.kept'), error: error === undefined ? undefined : t(error) },
          (props) => input({ ...props, type: 'password', autofocus: true, shown: (element) => element.focus() }, token, (value) => { token = value; })),
        button(busy ? t('signIn.busy') : t('signIn.enter'), () => {}, { kind: 'main', type: 'submit', busy })),
      h('p', { class: 'unseen', role: 'alert' }, error === undefined ? '' : t(error)),
      h('details', null, h('summary', null, t('signIn.none')), h('p', null, t('signIn.how')), h('pre', { tabindex: '0' }, 'npx hookswitch token create --domain acme.example\nnpx hookswitch token create --admin'))));
  };
}
