// The matrix: namespace by namespace, or workload by workload.

/** Above this many workloads the page opens with namespaces. */
const MOST_AT_ONCE = 150;

/** The most cells that are looked through to leave out empty rows. */
const MOST_LOOKED_THROUGH = 9e6;

/** @returns {Level} */
function levelOf() {
  if (state.level === 'namespace' || state.level === 'workload') return state.level;
  return WORKLOADS > MOST_AT_ONCE ? 'namespace' : 'workload';
}

/** @param {Level} level */
function rowCount(level) {
  return level === 'namespace' ? NAMESPACES : WORKLOADS;
}

/** @param {Level} level @param {number} from @param {number} to */
function cellAt(level, from, to) {
  return level === 'namespace' ? spaceCell(from, to) : workloadCell(from, to);
}

/** `443`, `53/UDP`, `8000-8100`, `udp`: a set of ports; undefined if it is not one. @param {string} text */
function portsNamed(text) {
  const found = /^(?:(\d+)(?:-(\d+))?)?\/?([a-z]+)?$/i.exec(text.trim());
  if (!found || !text.trim()) return undefined;
  const [, first, last, protocol] = found;
  const which = protocol ? [PROTOCOLS.indexOf(protocol.toUpperCase())] : first ? [0] : [];
  const [from, to] = [Number(first || 1), Number(last || first || SPAN - 1)];
  if (which.length === 0 || which.includes(-1) || from > to || from < 1 || to >= SPAN) return undefined;
  return portsPlace(which.flatMap((i) => [i * SPAN + from, i * SPAN + to]));
}

/** Whether the labels of a row meet `app=web, tier`: all of the parts, as text that they contain. @param {Level} level @param {number} row @param {string} wanted */
function hasLabels(level, row, wanted) {
  if (row >= rowCount(level)) return false;
  const labels = (level === 'namespace' ? DATA.namespaces : DATA.workloads)[row].labels.map((label) => DATA.labels[label]);
  return wanted
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean)
    .every((part) => labels.some((label) => (part.includes('=') ? label === part : label.includes(part))));
}

/** Which rows, columns and cells the filters of the state keep. @param {Level} level */
function filtered(level) {
  const rows = rowCount(level);
  const ports = state.port ? portsNamed(state.port) : undefined;
  const verdicts = (state.verdict || '').split(',').filter(Boolean);
  const isInternet = (/** @type {number} */ row) => row >= rows && DATA.externals[row - rows].internet;
  const namespaceOf = (/** @type {number} */ row) =>
    row >= rows ? '' : level === 'namespace' ? DATA.namespaces[row].name : DATA.namespaces[DATA.workloads[row].namespace].name;
  const query = (state.q || '').toLowerCase();
  const found = (/** @type {number} */ row) => nameOf(level, row).toLowerCase().includes(query);
  const isMeant = (/** @type {number} */ row) =>
    (!state.ns || namespaceOf(row) === state.ns) && (!query || found(row)) && (!state.label || hasLabels(level, row, state.label));
  const isNarrow = Boolean(state.ns || query || state.label);
  const hidden = (/** @type {number} */ row) =>
    row >= rows ? !DATA.externals[row - rows].shown : state.shared === 'hide' && level === 'workload' && DATA.workloads[row].shared;
  const all = [...Array(rows + DATA.externals.length).keys()].filter((row) => !hidden(row));
  const inside = (/** @type {string | undefined} */ namespace) => (/** @type {number} */ row) => !namespace || namespaceOf(row) === namespace;
  const sources = all.filter(inside(state.rows)).filter((row) => !state.internet || isInternet(row));
  const destinations = all.filter(inside(state.columns)).filter((row) => !state.internet || row < rows);
  /** @type {Set<number>} */
  const meant = new Set(all.filter(isMeant));
  /** @param {number} from @param {number} to @param {number} cell */
  const keeps = (from, to, cell) => {
    if (isNarrow && !meant.has(from) && !meant.has(to)) return false;
    if (cell === BLANK) return false;
    if (ports !== undefined) {
      const [every, some, unknown] = carriedSets[cell];
      if (both(either(either(every, some), unknown), ports) === NOTHING) return false;
    }
    return verdicts.length === 0 || verdicts.includes(verdictOf(level, from, to, cell));
  };
  // Without a filter on cells only addresses that nothing flows from or to are left out.
  const isFiltered = isNarrow || ports !== undefined || verdicts.length > 0;
  const wanted = (/** @type {number} */ from, /** @type {number} */ to) => {
    const cell = cellAt(level, from, to);
    return keeps(from, to, cell) && (verdicts.includes('none') || cell !== NOTHING);
  };
  const look = sources.length * destinations.length <= MOST_LOOKED_THROUGH;
  const kept = look ? occupied(sources, destinations, wanted) : [sources, destinations];
  const keep = (/** @type {number[]} */ list, /** @type {number[]} */ busy) => {
    const set = new Set(busy);
    return list.filter((row) => set.has(row) || (!isFiltered && row < rows));
  };
  return {
    sources: ordered(level, keep(sources, kept[0])),
    destinations: ordered(level, keep(destinations, kept[1])),
    keeps,
    isFiltered,
    wrongPort: Boolean(state.port) && ports === undefined,
  };
}

/** The rows and columns that some wanted cell stands in. @param {number[]} rows @param {number[]} columns @param {(row: number, column: number) => boolean} wanted */
function occupied(rows, columns, wanted) {
  const busy = new Uint8Array(columns.length);
  const kept = [];
  let free = columns.length;
  for (const row of rows) {
    let hit = false;
    for (let j = 0; j < columns.length && (!hit || free > 0); j += 1) {
      if (hit && busy[j]) continue;
      if (wanted(row, columns[j])) {
        hit = true;
        if (!busy[j]) {
          busy[j] = 1;
          free -= 1;
        }
      }
    }
    if (hit) kept.push(row);
  }
  return [kept, columns.filter((_, j) => busy[j])];
}

/** The most rows of a namespace that are put in order by who calls whom. */
const MOST_IN_ORDER = 300;

/**
 * Within a namespace those who call stand before those who are called, so that most flows are above the diagonal, and
 * rows that policies treat alike stand together; or all by name. @param {Level} level @param {number[]} rows
 */
function ordered(level, rows) {
  if (state.order === 'name') return rows;
  const inside = rowCount(level);
  const groupOf = (/** @type {number} */ row) => (row >= inside ? Infinity : level === 'namespace' ? 0 : DATA.workloads[row].namespace);
  /** @type {Map<number, number[]>} */
  const groups = new Map();
  for (const row of rows) {
    const group = groupOf(row);
    if (!groups.has(group)) groups.set(group, []);
    groups.get(group)?.push(row);
  }
  return [...groups.keys()].sort((a, b) => a - b).flatMap((group) => inOrder(level, groups.get(group) || []));
}

/** @param {Level} level @param {number[]} rows */
function inOrder(level, rows) {
  if (rows.length > MOST_IN_ORDER || rows.some((row) => row >= rowCount(level))) return rows;
  /** How many more of the others it reaches than reach it, where policies have a say. @param {number} row */
  const lead = (row) => {
    let sum = 0;
    for (const other of rows) {
      if (other !== row) sum += isByRule(level, row, other) - isByRule(level, other, row);
    }
    return sum;
  };
  const leads = new Map(rows.map((row) => [row, lead(row)]));
  const patterns = new Map(rows.map((row) => [row, rows.map((other) => (other === row ? '' : `${cellAt(level, row, other)}/${cellAt(level, other, row)}`)).join()]));
  const compare = (/** @type {string} */ a, /** @type {string} */ b) => (a < b ? -1 : a > b ? 1 : 0);
  return [...rows].sort(
    (a, b) => (leads.get(b) || 0) - (leads.get(a) || 0) || compare(patterns.get(a) || '', patterns.get(b) || '') || a - b
  );
}

/** @param {Level} level @param {number} from @param {number} to */
function isByRule(level, from, to) {
  const cell = cellAt(level, from, to);
  return Number(cell !== BLANK && cell !== NOTHING && verdictOf(level, from, to, cell) !== 'default');
}

const ALL_VERDICTS = /** @type {Verdict[]} */ (Object.keys(VERDICTS));

/** The filters that matrix and flows share. */
function filters() {
  const names = make('datalist', { id: `names-${Math.random().toString(36).slice(2)}` });
  for (const { name } of DATA.namespaces.slice(0, 2000)) names.append(make('option', { value: name }));
  const verdicts = make('fieldset', { class: 'verdicts' }, make('legend', {}, 'Verdict'));
  for (const verdict of ALL_VERDICTS) {
    verdicts.append(
      make(
        'button',
        {
          type: 'button',
          'data-verdict': verdict,
          'aria-pressed': 'false',
          'aria-label': VERDICTS[verdict].word,
          title: VERDICTS[verdict].meaning,
          click: () => {
            const on = new Set((state.verdict || '').split(',').filter(Boolean));
            if (!on.delete(verdict)) on.add(verdict);
            go({ verdict: ALL_VERDICTS.filter((one) => on.has(one)).join() });
          },
        },
        VERDICTS[verdict].sign
      )
    );
  }
  return make(
    'form',
    { class: 'tools', role: 'search', 'aria-label': 'Filters', submit: (/** @type {Event} */ event) => event.preventDefault() },
    select('level', 'By', [['', 'as fits'], ['namespace', 'namespace'], ['workload', 'workload']]),
    field('q', 'Search', { type: 'search', placeholder: 'name' }),
    field('ns', 'Namespace', { list: names.id, placeholder: 'any' }),
    names,
    field('label', 'Label', { placeholder: 'app=web' }),
    field('port', 'Port', { placeholder: '443, 53/UDP', size: 9 }),
    verdicts,
    check('internet', 'yes', 'only from the internet'),
    check('shared', 'hide', 'hide shared services'),
    make('button', { type: 'button', click: () => go(Object.fromEntries(FILTERS.map((key) => [key, '']))) }, 'Reset')
  );
}

const FILTERS = ['q', 'ns', 'label', 'port', 'verdict', 'internet', 'shared', 'rows', 'columns', 'level'];

const matrixView = {
  filters: filters(),
  status: make('p', { class: 'status', role: 'status' }),
  within: make('p', { class: 'status' }),
  order: select('order', 'Order', [['', 'callers first'], ['name', 'by name']]),
  grid: new Grid('Who can reach whom', 'from \u2193 to \u2192'),
  panel: make('aside', { class: 'panel', 'aria-label': 'Why', 'aria-live': 'polite', hidden: true }),

  build() {
    this.filters.append(this.order);
    byId('view-matrix').append(
      this.filters,
      this.within,
      this.status,
      make('div', { class: 'split' }, make('div', { class: 'wide' }, this.grid.element, legend(ALL_VERDICTS)), this.panel)
    );
  },

  show() {
    fill(this.filters);
    const level = levelOf();
    const { sources, destinations, keeps, isFiltered, wrongPort } = filtered(level);
    const [from, to] = [rowNamed(level, state.from), rowNamed(level, state.to)];
    const isOpen = from !== undefined && to !== undefined;
    this.panel.hidden = !isOpen;
    if (isOpen) this.panel.replaceChildren(...explanation(level, from, to));
    this.grid.selected = isOpen ? `${from},${to}` : '';
    this.grid.set({
      rows: sources,
      columns: destinations,
      name: (row) => nameOf(level, row),
      group: (row) => (level === 'namespace' ? String(row >= NAMESPACES) : row >= WORKLOADS ? '' : String(DATA.workloads[row].namespace)),
      draw: (row, column) => {
        const cell = cellAt(level, row, column);
        if (cell === BLANK) return blank(blankText(level, row, column));
        const verdict = verdictOf(level, row, column, cell);
        const ports = verdict === 'some' ? shortPorts(cell) : '';
        const faint = isFiltered && !keeps(row, column, cell) ? ' aside' : '';
        return {
          sign: ports || VERDICTS[verdict].sign,
          classes: `${verdict}${ports ? ' ports' : ''}${faint}`,
          label: `${VERDICTS[verdict].word}${verdict === 'none' ? '' : `, ${carriedText(cell)}`}`,
        };
      },
      head: (row) => {
        if (level === 'workload') go({ view: 'focus', w: nameOf('workload', row) });
        else if (row < NAMESPACES) go({ level: 'workload', rows: nameOf(level, row), columns: '', from: '', to: '' });
      },
      open: (row, column) => go({ from: nameOf(level, row), to: nameOf(level, column) }),
    });
    if (isOpen) this.grid.select(from, to);
    const what = level === 'namespace' ? 'namespaces and ranges of addresses' : 'workloads and ranges of addresses';
    this.status.textContent = wrongPort
      ? `\u201c${state.port}\u201d is no port: write 443, 53/UDP, 8000-8100 or UDP`
      : `${count(sources.length, 'source', 'sources')} by ${count(destinations.length, 'destination', 'destinations')}: ${what}. A cell opens its explanation, a name opens ${level === 'namespace' ? 'its workloads' : 'its focus'}.`;
    const parts = [state.rows && `from ${state.rows}`, state.columns && `to ${state.columns}`].filter(Boolean);
    this.within.replaceChildren();
    if (parts.length) {
      this.within.append(
        `Only ${parts.join(' ')}. `,
        make('button', { class: 'plain', click: () => go({ rows: '', columns: '', level: 'namespace', from: '', to: '' }) }, 'Back to namespaces')
      );
    }
  },
};
