// Why a cell says what it says: the policies on both sides, their rules, and where they stand.

/**
 * A rule matches a peer for the subjects of a signature: 0 no, 1 yes, 2 perhaps, 3 in part.
 * @param {Rule} rule @param {Signature} signature @param {number} peer
 */
function matches(rule, signature, peer) {
  const list = rule.lists && signature.home !== undefined ? rule.lists[signature.home] : rule.list;
  return list === null ? 1 : valueAt(DATA.lists[list], peer, 0);
}

/** @param {string} text @param {string | null} at @param {string} [className] */
function placed(text, at, className) {
  return make('li', { class: className }, text, at && ' ', at && make('code', {}, at));
}

/**
 * One side of a connection.
 * @param {'ingress' | 'egress'} direction @param {string} name @param {number} workload @param {number} id the class
 * @param {number} peer
 */
function explainSide(direction, name, workload, id, peer) {
  const place = direction === 'egress' ? 0 : 1;
  const signature = DATA[direction][DATA.classes[id][place]];
  const isolation = DATA.workloads[workload].isolation[1 - place];
  const title = make('h4', {}, `${direction === 'egress' ? 'Out of' : 'Into'} ${name}`);
  const parts = [title];
  if (signature.policies.length === 0) {
    const why =
      isolation === 4
        ? 'It is on the host network, where no policy applies.'
        : `No policy isolates it for ${direction}: every port is open on this side.`;
    return make('section', {}, title, make('p', {}, why));
  }
  for (const [number, surely] of signature.policies) {
    const policy = DATA.policies[number];
    if (!policy) continue;
    const [rules, others] = [make('ul'), make('ul')];
    for (const rule of policy[direction]) {
      const match = matches(rule, signature, peer);
      const words = ['', '', ' (perhaps: the input does not decide it)', ' (matches some of the addresses)'];
      const action = rule.action === 'allow' ? '' : `${rule.action}: `;
      const item = placed(`${rule.path}: ${action}${rule.text}${words[match]}`, rule.at, ['miss', 'hit', 'maybe', 'maybe'][match]);
      (match ? rules : others).append(item);
    }
    if (others.children.length > 0) {
      const summary = make('summary', {}, count(others.children.length, 'rule does not match', 'rules do not match'));
      rules.append(make('li', {}, make('details', rules.children.length ? {} : { open: true }, summary, others)));
    }
    if (policy[direction].length === 0) rules.append(make('li', { class: 'miss' }, `no ${direction} rules: it admits nothing`));
    parts.push(make('p', {}, make('b', {}, policy.name), surely ? '' : ' perhaps applies', policy.at && ' ', policy.at && make('code', {}, policy.at)), rules);
  }
  return make('section', {}, ...parts);
}

/** What `podreach explain` is asked for the same. @param {Level} level @param {number} row */
function endpointArgument(level, row) {
  const rows = level === 'namespace' ? NAMESPACES : WORKLOADS;
  if (row >= rows) {
    const external = DATA.externals[row - rows];
    return external.cidrs[0];
  }
  if (level === 'namespace') return `'${DATA.namespaces[row].name}/*'`;
  const { name, namespace, kind } = DATA.workloads[row];
  return `${kind.toLowerCase()}/${DATA.namespaces[namespace].name}/${name.replace(/ \(.*\)$/, '')}`;
}

/** A port of a cell, or where one is to be written. @param {number} cell */
function portArgument(cell) {
  const carried = carriedSets[cell].find((ports) => ports !== NOTHING);
  const first = carried === undefined ? null : /^\d+(-\d+)?\/[A-Z]+/.exec(portsText(carried));
  return first ? first[0] : 'PORT';
}

/** The panel about a cell. @param {Level} level @param {number} from @param {number} to */
function explanation(level, from, to) {
  const cell = level === 'namespace' ? spaceCell(from, to) : workloadCell(from, to);
  const [source, destination] = [nameOf(level, from), nameOf(level, to)];
  const parts = [
    make('button', { class: 'close', click: () => go({ from: '', to: '' }) }, 'Close'),
    make('h3', {}, `${source} \u2192 ${destination}`),
  ];
  if (cell === BLANK) return [...parts, make('p', {}, `${blankText(level, from, to)}.`)];
  const verdict = verdictOf(level, from, to, cell);
  parts.push(make('p', {}, badge(verdict), ' ', carriedText(cell)));
  const rows = level === 'namespace' ? NAMESPACES : WORKLOADS;
  if (level === 'namespace') {
    const inside = (/** @type {number} */ row) => (row < rows ? nameOf(level, row) : '');
    parts.push(
      make(
        'p',
        {},
        make('button', { click: () => go({ level: 'workload', rows: inside(from), columns: inside(to), from: '', to: '' }) }, 'Show these workloads')
      )
    );
  } else if (exempt.has(from * 0x4000000 + to)) {
    parts.push(make('p', {}, 'Some of these pods share a node: connections from the host network of a pod\u2019s own node are never blocked.'));
  }
  if (level === 'workload') parts.push(...explainWorkloads(from, to));
  parts.push(
    make('h4', {}, 'On the command line'),
    make('pre', {}, `podreach explain -f INPUT ${endpointArgument(level, from)} ${endpointArgument(level, to)} --port ${portArgument(cell)}`)
  );
  for (const row of [from, to]) {
    if (row >= rows) {
      parts.push(make('h4', {}, nameOf(level, row)), make('p', {}, DATA.externals[row - rows].cidrs.slice(0, 40).join(', '), DATA.externals[row - rows].cidrs.length > 40 && ', ...'));
    }
  }
  return parts;
}

/** The most pairs of classes that are explained one by one. */
const MOST_EXPLAINED = 4;

/** @param {number} from @param {number} to */
function explainWorkloads(from, to) {
  const classes = (/** @type {number} */ row) => (row < WORKLOADS ? DATA.workloads[row].classes.map(([id]) => id) : [CLASSES + row - WORKLOADS]);
  const parts = [];
  const pairs = classes(from).flatMap((a) => classes(to).map((b) => /** @type {[number, number]} */ ([a, b])));
  for (const [a, b] of pairs.slice(0, MOST_EXPLAINED)) {
    if (pairs.length > 1 && a < CLASSES && b < CLASSES) parts.push(make('p', {}, `Between some of the pods: ${carriedText(classCell(a, b))}`));
    if (a < CLASSES) parts.push(explainSide('egress', nameOf('workload', from), from, a, b));
    if (b < CLASSES) parts.push(explainSide('ingress', nameOf('workload', to), to, b, a));
  }
  if (pairs.length > MOST_EXPLAINED) parts.push(make('p', {}, `${pairs.length - MOST_EXPLAINED} more kinds of pairs: policies tell the pods of these workloads apart.`));
  return parts;
}
