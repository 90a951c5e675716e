// Which page is shown: it stands behind the # of the address, so that every view can be kept as a bookmark without help of the server.
import { useEffect, useState } from 'preact/hooks';

export interface Route {
  /** Parts of the path: ['devices', 'north', 'mill-3']. */
  readonly path: readonly string[];
  readonly query: URLSearchParams;
}

/** @param hash of the address, with or without # */
export function routeOf(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#?\/?/, '').split('?', 2);
  return { path: path.split('/').filter(Boolean).map(decoded), query: new URLSearchParams(query) };
}

/** Address of a page; what is undefined or empty is left out of the query. */
export function href(path: readonly string[], query: Readonly<Record<string, string | undefined>> = {}): string {
  const given = Object.entries(query).filter((entry): entry is [string, string] => Boolean(entry[1]));
  const search = new URLSearchParams(given).toString();
  return `#/${path.map(encodeURIComponent).join('/')}${search && `?${search}`}`;
}

/** Replaces the address without a new entry in the history: for filters that change while one types. */
export function replaceRoute(address: string): void {
  history.replaceState(null, '', address);
  dispatchEvent(new HashChangeEvent('hashchange'));
}

export function useRoute(): Route {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const follow = () => setHash(location.hash);
    addEventListener('hashchange', follow);
    follow(); // The address may have changed since it was drawn: effects run after the picture is on the screen.
    return () => removeEventListener('hashchange', follow);
  }, []);
  return routeOf(hash);
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch (error) {
    if (error instanceof URIError) return part;
    throw error;
  }
}
