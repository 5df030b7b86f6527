/** Which page is shown, and what of it. It stands behind the # of the address, which no server ever sees; the token never does. */
export interface Route { readonly page: PageName; readonly id: string; readonly query: Readonly<Record<string, string>> }

export const PAGES = ['overview', 'subscriptions', 'deliveries', 'call'] as const;

export type PageName = (typeof PAGES)[number];

/** Reads `#/call/<id>?name=value`; what is none of ours is the home page. */
export function routeOf(hash: string, home: PageName): Route {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?', 2);
  const [name = '', id = ''] = path.split('/', 2);
  const page = PAGES.find((known) => known === name);
  return { page: page ?? home, id: page === undefined ? '' : decoded(id), query: Object.fromEntries(new URLSearchParams(query)) };
}

/** The address of a page; values that are empty are left out. */
export function hashOf(page: PageName, id = '', query: Readonly<Record<string, string>> = {}): string {
  const set = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== ''));
  return `#/${page}${id === '' ? '' : `/${encodeURIComponent(id)}`}${set.size === 0 ? '' : `?${set.toString()}`}`;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a stray % that somebody typed
  }
}
