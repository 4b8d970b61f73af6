// What podreach says of a cluster on the command line: what the page must say, too.

import { lines } from './podreach.js';

/** What the page calls an end, for those that have a name. Kinds tell workloads of one name apart. */
function end({ workload, kind, namespace, cidrs }) {
  return cidrs ? cidrs.join() : namespace ?? `${kind} ${workload}`;
}

/** What is carried, as `matrix` writes it, by pair of ends. */
export function flows(level, ...args) {
  const all = {};
  for (const { from, to, ports, some = {}, unknown = {} } of lines('matrix', ...args, '--by', level)) {
    all[`${end(from)} -> ${end(to)}`] = { ports, some, unknown };
  }
  return all;
}

/** The same, worked out by the page's script; runs in the page. */
export function flowsOfPage(level) {
  const rows = (level === 'namespace' ? NAMESPACES : WORKLOADS) + DATA.externals.length;
  const count = rows - DATA.externals.length;
  const end = (row) => {
    if (row >= count) return DATA.externals[row - count].cidrs.join();
    if (level === 'namespace') return DATA.namespaces[row].name;
    const { kind, namespace, name } = DATA.workloads[row];
    // Workloads of one name are told apart by a kind in brackets.
    return `${kind} ${DATA.namespaces[namespace].name}/${name.replace(/ \(.*\)$/, '')}`;
  };
  const names = Array.from({ length: rows }, (_, row) => end(row));
  const ports = (place) => {
    const found = {};
    const set = portSets[place];
    for (let i = 0; i < set.length; i += 2) {
      const protocol = PROTOCOLS[Math.floor(set[i] / SPAN)];
      const [first, last] = [set[i] % SPAN, set[i + 1] % SPAN];
      const span = first === last ? `${first}` : `${first}-${last}`;
      found[protocol] = found[protocol] ? `${found[protocol]},${span}` : span;
    }
    return found;
  };
  const all = {};
  for (let from = 0; from < rows; from += 1) {
    for (let to = 0; to < rows; to += 1) {
      const cell = level === 'namespace' ? spaceCell(from, to) : workloadCell(from, to);
      if (cell === BLANK || cell === NOTHING) continue;
      const [every, some, unknown] = carriedSets[cell].map(ports);
      all[`${names[from]} -> ${names[to]}`] = { ports: every, some, unknown };
    }
  }
  return all;
}

/** The cells that the page leaves blank, and those of which there is nothing to say: a pod and itself, and what is not about the namespace; runs in the page. */
export function blanksOfPage([level, namespace]) {
  const list = level === 'namespace' ? DATA.namespaces : DATA.workloads;
  const rows = Array.from({ length: list.length + DATA.externals.length }, (_, row) => row);
  const spaceOf = (row) => (level === 'namespace' ? list[row].name : DATA.namespaces[list[row].namespace].name);
  const isAbout = (row) => row < list.length && (!namespace || spaceOf(row) === namespace);
  const pairs = (keep) => rows.flatMap((from) => rows.filter((to) => keep(from, to)).map((to) => `${nameOf(level, from)} -> ${nameOf(level, to)}`));
  return {
    blank: pairs((from, to) => cellAt(level, from, to) === BLANK),
    expected: pairs((from, to) => (!isAbout(from) && !isAbout(to)) || (from === to && list[from].pods === 1)),
  };
}
