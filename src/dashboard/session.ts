import { asking, type Ask } from './api.js';

/** Who looks at the page: with which token, and whether it is an admin's. */
export interface Session { readonly token: string; readonly isAdmin: boolean; readonly ask: Ask }

/** Why nobody is signed in with a token. */
export type SignIn = { readonly kind: 'in'; readonly session: Session } | { readonly kind: 'wrong' } | { readonly kind: 'limited' } | { readonly kind: 'unreachable' };

const KEY = 'hookswitch.token';

/** The tab's token: gone with the tab, and for no other one. */
export const keptToken = (): string | undefined => sessionStorage.getItem(KEY) ?? undefined;
export const keepToken = (token: string): void => sessionStorage.setItem(KEY, token);
export const forgetToken = (): void => sessionStorage.removeItem(KEY);

/** Tries a token on the API, and finds out whose it is: only an admin may list tenants. */
export async function signIn(token: string): Promise<SignIn> {
  if (!/^[\x21-\x7e]+$/.test(token)) return { kind: 'wrong' }; // no header can carry it
  const ask = asking(token);
  const answer = await ask('GET', '/v1/admin/domain?limit=1');
  if (answer.kind === 'signed-out') return { kind: 'wrong' };
  if (answer.kind === 'refused' && answer.status === 429) return { kind: 'limited' };
  if (answer.kind === 'unreachable' || (answer.kind === 'refused' && answer.status !== 403)) return { kind: 'unreachable' };
  return { kind: 'in', session: { token, isAdmin: answer.kind === 'ok', ask } };
}
