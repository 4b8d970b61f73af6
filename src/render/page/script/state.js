// Where the reader is: the view and its filters, kept in the address so that every view is a link.

/** @typedef {{view: string} & Record<string, string>} State */

const VIEWS = ['overview', 'matrix', 'focus', 'flows', 'findings', 'changes'];

/** @returns {State} */
function readState() {
  const [view, query] = location.hash.replace(/^#/, '').split('?');
  /** @type {State} */
  const state = { view: VIEWS.includes(view) ? view : DATA.changes && !view ? 'changes' : 'overview' };
  for (const [key, value] of new URLSearchParams(query || '')) state[key] = value;
  return state;
}

/** @type {State} */
let state = readState();

/** The address of a state; what is empty is left out. @param {State} of */
function addressOf(of) {
  const query = new URLSearchParams();
  for (const key of Object.keys(of).sort()) if (key !== 'view' && of[key]) query.set(key, of[key]);
  const text = query.toString();
  return `#${of.view}${text ? `?${text}` : ''}`;
}

/** Goes where the state is changed to so. @param {Record<string, string>} change @param {boolean} [quietly] without an entry in the history */
function go(change, quietly) {
  const next = addressOf({ ...state, ...change });
  if (next === location.hash) return;
  if (quietly) {
    history.replaceState(null, '', next);
    show();
  } else {
    location.hash = next;
  }
}
