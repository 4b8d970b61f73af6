// One workload: who reaches it, it, and what it reaches.

/**
 * What is met hop by hop: for each hop the rows that were not met before, with what they are reached on and through whom.
 * @typedef {{row: number, cell: number, via: number}} Met
 * @param {number} start @param {boolean} outward @param {number} hops
 */
function chain(start, outward, hops) {
  const hidden = (/** @type {number} */ row) =>
    row < WORKLOADS ? state.shared === 'hide' && DATA.workloads[row].shared : !DATA.externals[row - WORKLOADS].shown;
  const open = new Set([...Array(WORKLOADS + DATA.externals.length).keys()].filter((row) => !hidden(row)));
  open.delete(start);
  /** @type {Met[][]} */
  const found = [];
  let edge = [start];
  for (let hop = 0; hop < hops && edge.length; hop += 1) {
    /** @type {Met[]} */
    const met = [];
    for (const via of edge) {
      if (via >= WORKLOADS) continue;
      for (const row of open) {
        const cell = outward ? workloadCell(via, row) : workloadCell(row, via);
        if (cell !== BLANK && cell !== NOTHING) {
          open.delete(row);
          met.push({ row, cell, via });
        }
      }
    }
    if (met.length === 0) break;
    found.push(met);
    edge = met.map(({ row }) => row);
  }
  return found;
}

/** The most rows that a column of the focus lists of a namespace; the rest is counted. */
const MOST_LISTED = 30;

/** A column of the focus. @param {number} it @param {boolean} outward @param {number} hops */
function focusColumn(it, outward, hops) {
  const column = make('section', {}, make('h3', {}, outward ? 'What it reaches' : 'Who reaches it'));
  const found = chain(it, outward, hops);
  if (found.length === 0) column.append(make('p', { class: 'faint' }, outward ? 'Nothing.' : 'Nobody.'));
  found.forEach((met, hop) => {
    if (hops > 1) column.append(make('p', { class: 'hop' }, hop === 0 ? 'Directly' : `After ${hop + 1} hops`));
    /** @type {Map<string, Met[]>} */
    const groups = new Map();
    for (const one of met) {
      const name = one.row < WORKLOADS ? DATA.namespaces[DATA.workloads[one.row].namespace].name : 'outside the cluster';
      groups.set(name, [...(groups.get(name) || []), one]);
    }
    for (const [name, rows] of groups) {
      const whole = state.whole === `${outward ? 'to' : 'from'} ${name}`;
      const shown = whole ? rows : rows.slice(0, MOST_LISTED);
      const list = make('ul');
      for (const { row, cell, via } of shown) {
        const [from, to] = outward ? [via, row] : [row, via];
        const label = row < WORKLOADS ? DATA.workloads[row].name : DATA.externals[row - WORKLOADS].name;
        const through = hop > 0 ? ` ${outward ? 'through' : 'by way of'} ${nameOf('workload', via)}` : '';
        const open = () => go({ view: 'matrix', level: 'workload', from: nameOf('workload', from), to: nameOf('workload', to) });
        const verdict = verdictOf('workload', from, to, cell);
        list.append(
          make(
            'li',
            {},
            make('span', {}, row < WORKLOADS ? make('button', { class: 'plain', click: () => go({ w: nameOf('workload', row) }) }, label) : label, through && make('span', { class: 'faint' }, through)),
            make('button', { class: `badge ${verdict}`, title: `${VERDICTS[verdict].word}: ${carriedText(cell)}. Opens the explanation.`, click: open }, `${VERDICTS[verdict].sign} ${carriedText(cell)}`)
          )
        );
      }
      if (rows.length > shown.length) {
        const more = () => go({ whole: `${outward ? 'to' : 'from'} ${name}` });
        list.append(make('li', {}, make('button', { class: 'plain', click: more }, `and ${rows.length - shown.length} more`)));
      }
      column.append(make('div', { class: 'card' }, make('h4', {}, `${name} (${rows.length})`), list));
    }
  });
  return column;
}

const ISOLATION = ['open: no policy isolates it', 'isolated', 'isolated in part', 'not decided by the input', 'beyond policies: host network', 'open but for what cluster-wide policies deny'];

/** What is known of the workload itself. @param {number} it */
function focusCard(it) {
  const card = make('div', { class: 'card it' }, make('h3', {}, nameOf('workload', it)));
  if (it >= WORKLOADS) {
    const { cidrs } = DATA.externals[it - WORKLOADS];
    card.append(make('p', {}, 'Addresses outside the cluster.'), make('p', { class: 'faint' }, cidrs.slice(0, 20).join(', '), cidrs.length > 20 && `, and ${cidrs.length - 20} more`));
    return card;
  }
  const workload = DATA.workloads[it];
  card.append(make('p', {}, `${workload.kind}, ${count(workload.pods, 'pod', 'pods')}`));
  card.append(make('p', {}, ...workload.labels.map((label) => make('span', { class: 'tag' }, DATA.labels[label]))));
  for (const [place, direction] of /** @type {[number, 'ingress' | 'egress'][]} */ ([[0, 'ingress'], [1, 'egress']])) {
    card.append(make('h4', {}, direction === 'ingress' ? 'Ingress' : 'Egress'), make('p', {}, ISOLATION[workload.isolation[place]]));
    const policies = new Set(workload.classes.flatMap(([id]) => DATA[direction][DATA.classes[id][1 - place]].policies.map(([policy]) => policy)));
    const list = make('ul');
    for (const number of policies) {
      const policy = DATA.policies[number];
      if (policy) list.append(placed(policy.name, policy.at));
    }
    card.append(list);
  }
  return card;
}

const focusView = {
  names: make('datalist', { id: 'workload-names' }),
  tools: make('form', { class: 'tools', 'aria-label': 'Focus', submit: (/** @type {Event} */ event) => event.preventDefault() }),
  body: make('div'),

  build() {
    for (let row = 0; row < Math.min(WORKLOADS, 5000); row += 1) this.names.append(make('option', { value: nameOf('workload', row) }));
    this.tools.append(
      field('w', 'Workload', { list: 'workload-names', placeholder: 'namespace/name', size: 34 }),
      this.names,
      select('hops', 'Hops', [['', '1'], ['2', '2'], ['3', '3'], ['4', '4']]),
      check('shared', 'hide', 'hide shared services')
    );
    byId('view-focus').append(this.tools, this.body);
  },

  show() {
    fill(this.tools);
    const it = rowNamed('workload', state.w);
    if (it === undefined) {
      const wanted = (state.w || '').toLowerCase();
      const near = [...rowsByName.workload.keys()].filter((name) => name.toLowerCase().includes(wanted)).slice(0, 60);
      const choose = near.map((name) => make('li', {}, make('button', { class: 'plain', click: () => go({ w: name }) }, name)));
      const text = !state.w ? 'Choose a workload.' : near.length ? `There is no workload \u201c${state.w}\u201d. These contain it:` : `There is no workload \u201c${state.w}\u201d.`;
      this.body.replaceChildren(make('p', {}, text), make('ul', {}, ...choose));
      return;
    }
    const hops = Number(state.hops || 1);
    const isPart = DATA.workloads.some(({ about }) => !about);
    const part = isPart && make('p', { class: 'notice' }, 'The page is about a part of the cluster: connections between others are not in it.');
    this.body.replaceChildren(part || '', make('div', { class: 'columns' }, focusColumn(it, false, hops), focusCard(it), focusColumn(it, true, hops)));
  },
};
