// Any origin will do: only what stays on it is a path of this site.
const HERE = 'http://here.invalid';

/**
 * A path of this site, or the front page: a link must not send people elsewhere.
 *
 * The browser's own parser decides, because it reads more ways out than one would think of:
 * `//host`, `/\host`, `/<tab>/host`, `https:host`. What it made of the path is what is returned.
 *
 * @param {unknown} next the `next` of the query, decoded
 * @returns {string}
 */
export function ownPath(next) {
  if (typeof next !== 'string' || !URL.canParse(next, HERE)) return '/';
  const url = new URL(next, HERE);
  // `/.//host` is on this site until it is parsed once more.
  if (url.origin !== HERE || url.pathname.startsWith('//')) return '/';
  return url.pathname + url.search + url.hash;
}
