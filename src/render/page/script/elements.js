// Small things the views are made of. Names reach the page as text and never as markup.

/**
 * @param {string} tag @param {Record<string, any>} [attributes] properties that are functions become listeners
 * @param {...(Node | string | null | undefined | false)} children
 * @returns {HTMLElement}
 */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') element.addEventListener(name, value);
    else if (value === true) element.setAttribute(name, '');
    else if (value !== false && value !== undefined && value !== null) element.setAttribute(name, String(value));
  }
  for (const child of children) if (child || child === '') element.append(child);
  return element;
}

/** @param {string} id */
function byId(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}

/** What a cell says, by what it carries and whether policies restrict it. */
const VERDICTS = {
  none: { sign: '\u00b7', word: 'closed', meaning: 'closed: no port' },
  some: { sign: '\u25d0', word: 'some ports', meaning: 'some ports, which stand in the cell if there is room' },
  partly: { sign: '\u25d2', word: 'some pods', meaning: 'some ports between some of the pods' },
  open: { sign: '\u25cf', word: 'open by rule', meaning: 'every port, by rules' },
  default: { sign: '\u25cb', word: 'open by default', meaning: 'every port, because no policy restricts it' },
  unknown: { sign: '?', word: 'unknown', meaning: 'the input does not decide some port' },
};

/** @typedef {keyof typeof VERDICTS} Verdict */

/** The isolation of a row: ingress and egress. Addresses are open. @param {Level} level @param {number} row @returns {[number, number]} */
function isolationOf(level, row) {
  const list = level === 'namespace' ? DATA.namespaces : DATA.workloads;
  return row < list.length ? list[row].isolation : [0, 0];
}

/** @typedef {'workload' | 'namespace'} Level */

/** @param {Level} level @param {number} from @param {number} to @param {number} cell @returns {Verdict} */
function verdictOf(level, from, to, cell) {
  const [every, some, unknown] = carriedSets[cell];
  if (unknown !== NOTHING) return 'unknown';
  if (some !== NOTHING) return 'partly';
  if (every === NOTHING) return 'none';
  if (every !== EVERYTHING) return 'some';
  // Neither isolated nor undecided: no policy, or a pod beyond the reach of policies.
  const free = (/** @type {number} */ isolation) => isolation === 0 || isolation === 4;
  return free(isolationOf(level, from)[1]) && free(isolationOf(level, to)[0]) ? 'default' : 'open';
}

/** Why a cell is blank. @param {Level} level @param {number} from @param {number} to */
function blankText(level, from, to) {
  const list = level === 'namespace' ? DATA.namespaces : DATA.workloads;
  if (isAbout(list, from, to)) return 'One pod and itself';
  if (from >= list.length && to >= list.length) return 'Both ends are outside the cluster';
  return 'Not looked at: the page is about another part of the cluster';
}

/** What is carried, in words. @param {number} cell */
function carriedText(cell) {
  const [every, some, unknown, restricted] = carriedSets[cell];
  const parts = [];
  if (every !== NOTHING) parts.push(portsText(every));
  if (some !== NOTHING) parts.push(`${portsText(some)} between some of the pods`);
  if (unknown !== NOTHING) parts.push(`${portsText(unknown)} unknown`);
  if (restricted !== NOTHING) parts.push(`${portsText(restricted)} restricted`);
  return parts.join('; ') || 'nothing';
}

/** The ports of a cell if they are few enough to stand in it. @param {number} cell */
function shortPorts(cell) {
  const text = portsText(carriedSets[cell][0]).replace(/\/TCP/g, '');
  return text.length <= 5 ? text : '';
}

/** @param {Level} level @param {number} row */
function nameOf(level, row) {
  const count = level === 'namespace' ? NAMESPACES : WORKLOADS;
  if (row >= count) return DATA.externals[row - count].name;
  if (level === 'namespace') return DATA.namespaces[row].name;
  const workload = DATA.workloads[row];
  return `${DATA.namespaces[workload.namespace].name}/${workload.name}`;
}

/** Rows by name, to find what an address names. @type {Record<Level, Map<string, number>>} */
const rowsByName = { workload: new Map(), namespace: new Map() };

/** @param {Level} level @param {string | undefined} name @returns {number | undefined} */
function rowNamed(level, name) {
  const rows = rowsByName[level];
  if (rows.size === 0) {
    const count = (level === 'namespace' ? NAMESPACES : WORKLOADS) + DATA.externals.length;
    for (let row = 0; row < count; row += 1) rows.set(nameOf(level, row), row);
  }
  return name === undefined ? undefined : rows.get(name);
}

/** @param {Verdict} verdict @param {string} [text] */
function badge(verdict, text) {
  return make('span', { class: `badge ${verdict}` }, text || VERDICTS[verdict].word);
}

/** @param {number} number @param {string} one @param {string} many */
function count(number, one, many) {
  return `${number.toLocaleString('en')} ${number === 1 ? one : many}`;
}

/** A field of a form that changes one part of the state. @param {string} label @param {HTMLElement} field @param {string} key */
function labelled(label, field, key) {
  field.setAttribute('name', key);
  return make('label', {}, label, field);
}

/** @param {string} key @param {string} label @param {[string, string][]} options */
function select(key, label, options) {
  const field = make('select', { change: (/** @type {any} */ event) => go({ [key]: event.target.value }) });
  for (const [value, text] of options) field.append(make('option', { value }, text));
  return labelled(label, field, key);
}

/** @param {string} key @param {string} label @param {Record<string, any>} [attributes] */
function field(key, label, attributes = {}) {
  let timer = 0;
  const input = make('input', {
    type: 'text',
    spellcheck: 'false',
    autocomplete: 'off',
    input: (/** @type {any} */ event) => {
      clearTimeout(timer);
      timer = setTimeout(() => go({ [key]: event.target.value.trim() }, true), 180);
    },
    ...attributes,
  });
  return labelled(label, input, key);
}

/** @param {string} key @param {string} value what the key is if it is checked @param {string} label */
function check(key, value, label) {
  const box = make('input', {
    type: 'checkbox',
    name: key,
    value,
    change: (/** @type {any} */ event) => go({ [key]: event.target.checked ? value : '' }),
  });
  return make('label', { class: 'check' }, box, label);
}

/** Makes the fields of a form say what the state says. @param {HTMLElement} form */
function fill(form) {
  for (const element of form.querySelectorAll('[name]')) {
    const input = /** @type {HTMLInputElement} */ (element);
    const value = state[input.name] || '';
    if (input.type === 'checkbox') input.checked = value === input.value;
    else if (document.activeElement !== input || input.tagName === 'SELECT') input.value = value;
  }
  for (const element of form.querySelectorAll('[data-verdict]')) {
    const on = (state.verdict || '').split(',').includes(element.getAttribute('data-verdict') || '');
    element.setAttribute('aria-pressed', String(on));
  }
}
