// Every flow that the filters keep, as a table that can be sorted and taken away.

/** @typedef {{from: Int32Array, to: Int32Array, cell: Int32Array, length: number}} Flows */

/** The most pairs that are looked through at once. */
const MOST_PAIRS = 16e6;

/** The flows that the filters keep, by source and destination. @param {Level} level @returns {Flows | null} null if there are too many pairs */
function listFlows(level) {
  const { sources, destinations, keeps } = filtered(level);
  if (sources.length * destinations.length > MOST_PAIRS) return null;
  const closed = (state.verdict || '').split(',').includes('none');
  /** @type {{from: number[], to: number[], cell: number[]}} */
  const found = { from: [], to: [], cell: [] };
  const byPlace = (/** @type {number} */ a, /** @type {number} */ b) => a - b;
  for (const from of [...sources].sort(byPlace)) {
    for (const to of [...destinations].sort(byPlace)) {
      const cell = cellAt(level, from, to);
      if (cell === BLANK || (cell === NOTHING && !closed) || !keeps(from, to, cell)) continue;
      found.from.push(from);
      found.to.push(to);
      found.cell.push(cell);
    }
  }
  return { from: Int32Array.from(found.from), to: Int32Array.from(found.to), cell: Int32Array.from(found.cell), length: found.from.length };
}

const COLUMNS = ['from', 'to', 'ports', 'verdict'];
const LINE = 30;

/** The order of the flows. @param {Level} level @param {Flows} flows */
function sortedFlows(level, flows) {
  const [column, way] = (state.sort || 'from').split(' ');
  const order = new Int32Array(flows.length);
  for (let i = 0; i < order.length; i += 1) order[i] = i;
  /** @type {(i: number) => number} */
  let key = (i) => flows.from[i];
  if (column === 'to') key = (i) => flows.to[i];
  if (column === 'ports') {
    const texts = [...new Set(flows.cell)].sort((a, b) => carriedText(a).localeCompare(carriedText(b), 'en', { numeric: true }));
    const places = new Map(texts.map((cell, i) => [cell, i]));
    key = (i) => places.get(flows.cell[i]) || 0;
  }
  if (column === 'verdict') key = (i) => ALL_VERDICTS.indexOf(verdictOf(level, flows.from[i], flows.to[i], flows.cell[i]));
  const keys = Int32Array.from(order, (i) => key(i));
  const sign = way === 'down' ? -1 : 1;
  return order.sort((a, b) => sign * (keys[a] - keys[b]) || a - b);
}

/** A field of a CSV: quoted where it must be, and never a formula. @param {string} text */
function csvField(text) {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replace(/"/g, '""')}"` : safe;
}

const flowsView = {
  filters: filters(),
  status: make('p', { class: 'status', role: 'status' }),
  heads: make('div', { class: 'line heads', role: 'row' }),
  sheet: make('div', { class: 'sheet', role: 'presentation' }),
  list: make('div', { class: 'list', role: 'table', 'aria-label': 'Flows', tabindex: 0 }),
  pending: 0,
  key: '',
  /** @type {Level} */
  level: 'workload',
  /** @type {Flows} */
  flows: { from: new Int32Array(), to: new Int32Array(), cell: new Int32Array(), length: 0 },
  order: new Int32Array(),

  build() {
    this.filters.append(make('button', { type: 'button', id: 'csv', click: () => this.save() }, 'Save as CSV'));
    for (const column of COLUMNS) {
      const click = () => go({ sort: state.sort === column || (column === 'from' && !state.sort) ? `${column} down` : column === 'from' ? '' : column }, true);
      this.heads.append(make('div', { role: 'columnheader' }, make('button', { type: 'button', click }, column[0].toUpperCase() + column.slice(1))));
    }
    this.list.append(this.heads, this.sheet);
    this.list.addEventListener('scroll', () => {
      this.pending ||= requestAnimationFrame(() => {
        this.pending = 0;
        this.draw();
      });
    });
    addEventListener('beforeprint', () => this.draw(this.flows.length <= 2000));
    byId('view-flows').append(this.filters, this.status, this.list);
  },

  show() {
    fill(this.filters);
    const key = FILTERS.concat('sort').map((name) => state[name] || '').join('\n');
    if (key !== this.key) {
      this.key = key;
      this.level = levelOf();
      const flows = listFlows(this.level);
      this.flows = flows || { from: new Int32Array(), to: new Int32Array(), cell: new Int32Array(), length: 0 };
      this.order = sortedFlows(this.level, this.flows);
      this.status.textContent = flows
        ? count(flows.length, 'flow', 'flows')
        : 'There are too many pairs to list them all: choose a namespace, or list by namespace.';
      const [sorted, way] = (state.sort || 'from').split(' ');
      [...this.heads.children].forEach((head, i) => {
        const is = COLUMNS[i] === sorted;
        head.setAttribute('aria-sort', is ? (way === 'down' ? 'descending' : 'ascending') : 'none');
        const button = /** @type {HTMLElement} */ (head.firstElementChild);
        button.textContent = COLUMNS[i][0].toUpperCase() + COLUMNS[i].slice(1) + (is ? (way === 'down' ? ' \u2193' : ' \u2191') : '');
      });
      this.sheet.style.height = `${this.flows.length * LINE}px`;
      this.list.setAttribute('aria-rowcount', String(this.flows.length + 1));
      this.list.scrollTop = 0;
    }
    this.draw();
  },

  /** @param {boolean} [whole] */
  draw(whole) {
    const first = whole ? 0 : Math.max(0, Math.floor(this.list.scrollTop / LINE) - 5);
    const end = whole ? this.flows.length : Math.min(this.flows.length, first + Math.ceil(this.list.clientHeight / LINE) + 10);
    const lines = [];
    for (let i = first; i < end; i += 1) {
      const [from, to, ports, verdict] = this.fields(this.order[i]);
      const open = () => go({ view: 'matrix', level: this.level, from, to });
      const line = make(
        'div',
        { class: 'line', role: 'row', 'aria-rowindex': i + 2 },
        make('div', { role: 'cell', title: from }, from),
        make('div', { role: 'cell', title: to }, to),
        make('div', { role: 'cell', title: ports }, ports),
        make('div', { role: 'cell' }, make('button', { class: `badge ${verdict}`, tabindex: 0, click: open, 'aria-label': `${VERDICTS[verdict].word}: explain ${from} to ${to}` }, `${VERDICTS[verdict].sign} ${VERDICTS[verdict].word}`))
      );
      line.style.top = `${i * LINE}px`;
      lines.push(line);
    }
    this.sheet.replaceChildren(...lines);
  },

  /** @param {number} i @returns {[string, string, string, Verdict]} */
  fields(i) {
    const [from, to, cell] = [this.flows.from[i], this.flows.to[i], this.flows.cell[i]];
    return [nameOf(this.level, from), nameOf(this.level, to), carriedText(cell), verdictOf(this.level, from, to, cell)];
  },

  csv() {
    const lines = ['from,to,ports,verdict'];
    for (const i of this.order) {
      const [from, to, ports, verdict] = this.fields(i);
      lines.push([from, to, ports, VERDICTS[verdict].word].map(csvField).join());
    }
    return `${lines.join('\r\n')}\r\n`;
  },

  save() {
    const url = URL.createObjectURL(new Blob([this.csv()], { type: 'text/csv' }));
    const link = make('a', { href: url, download: 'flows.csv' });
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 10000);
  },
};
