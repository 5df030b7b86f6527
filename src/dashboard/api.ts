/** What came of a request. `refused` is the API's own answer, `unreachable` no answer at all, `signed-out` a token that does not work (any more). */
export type Answer<T> =
  | { readonly kind: 'ok'; readonly status: number; readonly data: T }
  | { readonly kind: 'refused'; readonly status: number; readonly detail: string; readonly errors: readonly FieldError[]; readonly replayId?: string }
  | { readonly kind: 'signed-out' }
  | { readonly kind: 'unreachable' };

/** What is wrong with one field, in the API's words. */
export interface FieldError { readonly field: string; readonly message: string }

/** Asks the API. Never rejects. */
export type Ask = <T>(method: 'GET' | 'POST' | 'PATCH' | 'DELETE', path: string, body?: object) => Promise<Answer<T>>;

interface Problem { detail?: string; title?: string; errors?: FieldError[]; replay_id?: string }

/** How long an answer may take: the server gives up before. */
const PATIENCE_MS = 15_000;

/** Asks with this token, which goes nowhere but into the header. */
export function asking(token: string): Ask {
  return async <T>(method: string, path: string, body?: object): Promise<Answer<T>> => {
    try {
      const response = await fetch(path, {
        method, cache: 'no-store', credentials: 'omit', signal: AbortSignal.timeout(PATIENCE_MS),
        headers: { authorization: `Bearer ${token}`, ...(body !== undefined && { 'content-type': 'application/json' }) },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      if (response.status === 401) return { kind: 'signed-out' };
      const answer: unknown = await response.json();
      if (response.ok) return { kind: 'ok', status: response.status, data: answer as T };
      const { detail = '', title = '', errors = [], replay_id: replayId } = answer as Problem;
      return { kind: 'refused', status: response.status, detail: detail === '' ? title : detail, errors, ...(replayId !== undefined && { replayId }) };
    } catch {
      return { kind: 'unreachable' }; // no connection, too slow, or something in between that speaks no JSON
    }
  };
}

/** Of questions that overlap, only the one asked last is answered; the others come back as undefined, for what they tell is not asked any more. */
export function latest(ask: Ask): <T>(...question: Parameters<Ask>) => Promise<Answer<T> | undefined> {
  let asked = 0;
  return async <T>(...question: Parameters<Ask>) => {
    asked += 1;
    const mine = asked;
    const answer = await ask<T>(...question);
    return mine === asked ? answer : undefined;
  };
}

/** A path's query from what is set in it; '' where nothing is. */
export function queryOf(values: Readonly<Record<string, string | undefined>>): string {
  const set = Object.entries(values).filter((entry): entry is [string, string] => entry[1] !== undefined && entry[1] !== '');
  return set.length === 0 ? '' : `?${new URLSearchParams(set).toString()}`;
}
