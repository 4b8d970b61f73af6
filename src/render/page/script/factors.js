// The matrix, worked out from its factors: any cell when it is asked for.

/**
 * @typedef {{policies: [number, number][], home?: number, usual: number, others: number[]}} Signature
 * @typedef {{name: string, labels: number[], pods: number, isolation: [number, number], about: boolean}} Namespace
 * @typedef {{name: string, kind: string, namespace: number, labels: number[], pods: number, classes: [number, number][],
 *   isolation: [number, number], about: boolean, shared: boolean}} Workload
 * @typedef {{name: string, cidrs: string[], family: number, internet: boolean, shown: boolean}} Addresses
 * @typedef {{path: string, at: string | null, text: string, action: string, list: number | null, lists?: number[]}} Rule
 * @typedef {{name: string, at: string | null, ingress: Rule[], egress: Rule[]}} Policy
 * @typedef {{name: string, rows: number[], presence: 'stays' | 'new' | 'gone', itself: boolean}} Party
 * @typedef {{sign: string, from: number[], to: number[], before: number, after: number, because: number[]}} ChangeBox
 * @typedef {{level: 'namespace' | 'workload', headline: string, edits: string[], warnings: string[], parties: Party[], boxes: ChangeBox[],
 *   causes: string[]}} Changes
 * @typedef {{ports: Record<string, string>[], sides: [number, number, number, number, number, number][], ingress: Signature[],
 *   egress: Signature[], classes: [number, number][], labels: string[], namespaces: Namespace[], workloads: Workload[],
 *   externals: Addresses[], exempt: [number, number, number][], carried: [number, number, number, number][],
 *   spaces: {rows: number[][], of: number[]}, policies: (Policy | null)[], lists: number[][], changes?: Changes}} Data
 */

/** @type {Data} */
const DATA = JSON.parse(/** @type {HTMLElement} */ (document.getElementById('data')).textContent || '{}');

const PROTOCOLS = ['TCP', 'UDP', 'SCTP'];

/** Ports of a protocol start at its place times this. */
const SPAN = 65536;

/** The places of no ports and of every port. */
const NOTHING = 0;
const EVERYTHING = 1;

/**
 * Sets of ports, each once: sorted ranges `[first, last, first, last, ...]` of numbers that hold the protocol, too.
 * @type {number[][]}
 */
const portSets = [];
/** @type {Map<string, number>} */
const portPlaces = new Map();

/** @param {number[]} ranges */
function portsPlace(ranges) {
  const key = ranges.join();
  let place = portPlaces.get(key);
  if (place === undefined) {
    place = portSets.push(ranges) - 1;
    portPlaces.set(key, place);
  }
  return place;
}

/** The ranges of `80,443,8000-8100` for a protocol. @param {number} protocol @param {string} text */
function rangesOf(protocol, text) {
  const ranges = [];
  for (const span of text.split(',')) {
    const [first, last] = span.split('-').map(Number);
    ranges.push(protocol * SPAN + first, protocol * SPAN + (last === undefined ? first : last));
  }
  return ranges;
}

for (const ports of DATA.ports) {
  portsPlace(PROTOCOLS.flatMap((name, i) => (ports[name] ? rangesOf(i, ports[name]) : [])));
}

/**
 * What holds of two sets together: a sweep over where either begins or ends.
 * @param {number[]} a @param {number[]} b @param {(inA: boolean, inB: boolean) => boolean} keep
 */
function combine(a, b, keep) {
  const result = [];
  let [i, j, on] = [0, 0, false];
  while (i < a.length || j < b.length) {
    // Ends of ranges are where the next number begins.
    const nextA = i < a.length ? a[i] + (i % 2) : Infinity;
    const nextB = j < b.length ? b[j] + (j % 2) : Infinity;
    const at = Math.min(nextA, nextB);
    if (nextA === at) i += 1;
    if (nextB === at) j += 1;
    const now = keep(i % 2 === 1, j % 2 === 1);
    if (now !== on) {
      result.push(now ? at : at - 1);
      on = now;
    }
  }
  return result;
}

/** @param {(inA: boolean, inB: boolean) => boolean} keep @returns {(a: number, b: number) => number} */
function operation(keep) {
  /** @type {Map<number, number>} */
  const known = new Map();
  return (a, b) => {
    const key = a * 0x4000000 + b;
    let place = known.get(key);
    if (place === undefined) {
      place = portsPlace(combine(portSets[a], portSets[b], keep));
      known.set(key, place);
    }
    return place;
  };
}

const both = operation((a, b) => a && b);
const either = operation((a, b) => a || b);
const without = operation((a, b) => a && !b);

/** What ports are called: `5432/TCP, 53/UDP`. @param {number} place */
function portsText(place) {
  if (place === NOTHING) return 'nothing';
  if (place === EVERYTHING) return 'every port';
  /** @type {string[]} */
  const texts = [];
  const set = portSets[place];
  for (let i = 0; i < set.length; i += 2) {
    const protocol = Math.floor(set[i] / SPAN);
    const [first, last] = [set[i] % SPAN, set[i + 1] % SPAN];
    const whole = first <= 1 && last === SPAN - 1;
    const ports = first === last ? `${first}` : `${first}-${last}`;
    texts.push(whole ? `all ${PROTOCOLS[protocol]}` : `${ports}/${PROTOCOLS[protocol]}`);
  }
  return texts.join(', ');
}

/** What is carried, each once. @type {[number, number, number, number][]} */
const carriedSets = DATA.carried;
/** @type {Map<string, number>} */
const carriedPlaces = new Map(carriedSets.map((carried, i) => [carried.join(), i]));

/** @param {number} every @param {number} some @param {number} unknown @param {number} restricted */
function carriedPlace(every, some, unknown, restricted) {
  const key = `${every},${some},${unknown},${restricted}`;
  let place = carriedPlaces.get(key);
  if (place === undefined) {
    place = carriedSets.push([every, some, unknown, restricted]) - 1;
    carriedPlaces.set(key, place);
  }
  return place;
}

const CLASSES = DATA.classes.length;
const PEERS = CLASSES + DATA.externals.length;

/** Runs `[gap, length, value, ...]` as a list by number; `usual` elsewhere. @param {number[]} runs @param {number} usual @param {number} size */
function spread(runs, usual, size) {
  const all = new Int32Array(size).fill(usual);
  let at = 0;
  for (let i = 0; i < runs.length; i += 3) {
    at += runs[i];
    all.fill(runs[i + 2], at, at + runs[i + 1]);
    at += runs[i + 1];
  }
  return all;
}

/** The value that runs have at a number. @param {number[]} runs @param {number} number @param {number} usual */
function valueAt(runs, number, usual) {
  let at = 0;
  for (let i = 0; i < runs.length; i += 3) {
    at += runs[i];
    if (number < at) return usual;
    at += runs[i + 1];
    if (number < at) return runs[i + 2];
  }
  return usual;
}

/** How many spread lists are kept: about 64 MiB of them. */
const KEPT = Math.max(64, Math.floor((16 << 20) / Math.max(PEERS, 1)));

/** @param {Signature[]} signatures @returns {(signature: number) => Int32Array} */
function spreader(signatures) {
  /** @type {Map<number, Int32Array>} */
  const kept = new Map();
  return (id) => {
    let all = kept.get(id);
    if (!all) {
      if (kept.size >= KEPT) kept.clear();
      const { others, usual } = signatures[id];
      all = spread(others, usual, PEERS);
      kept.set(id, all);
    }
    return all;
  };
}

const egressSides = spreader(DATA.egress);
const ingressSides = spreader(DATA.ingress);

/** The side of addresses, which have no policies: everything, within their family. */
const OUTSIDE = { 4: DATA.sides.push([1, 1, 1, 0, 0, 0]) - 1, 6: DATA.sides.push([0, 0, 0, 1, 1, 1]) - 1 };

/** What may flow if these are the sides, `[surely and whatever is said, surely, perhaps]`, by pair of sides. @type {Map<number, number[]>} */
const joined = new Map();

/** @param {number} egress @param {number} ingress @returns {number[]} */
function join(egress, ingress) {
  const key = egress * 0x4000000 + ingress;
  let bounds = joined.get(key);
  if (!bounds) {
    const [from, to] = [DATA.sides[egress], DATA.sides[ingress]];
    bounds = [0, 1, 2].map((bound) => either(both(from[bound], to[bound]), both(from[bound + 3], to[bound + 3])));
    joined.set(key, bounds);
  }
  return bounds;
}

/** What is carried if all pairs have these sides. @type {Map<number, number>} */
const carriedOf = new Map();

/** @param {number} egress @param {number} ingress */
function carriedBetween(egress, ingress) {
  const key = egress * 0x4000000 + ingress;
  let place = carriedOf.get(key);
  if (place === undefined) {
    const [plain, must, may] = join(egress, ingress);
    place = carriedPlace(must, NOTHING, without(may, must), without(must, plain));
    carriedOf.set(key, place);
  }
  return place;
}

/** Cells that the factors do not tell. @type {Map<number, number>} */
const exempt = new Map(DATA.exempt.map(([from, to, carried]) => [from * 0x4000000 + to, carried]));

/** Nothing to say: one pod and itself, or two ends that the page is not about (`-n`, `-l`). It is never about addresses. */
const BLANK = -1;

/** @param {{about: boolean}[]} list @param {number} from @param {number} to */
function isAbout(list, from, to) {
  return Boolean(list[from]?.about || list[to]?.about);
}

const WORKLOADS = DATA.workloads.length;
const NAMESPACES = DATA.namespaces.length;

/**
 * The cell between two rows of the matrix by workload: a place in `carriedSets`, or BLANK. Externals come after workloads.
 * @param {number} from @param {number} to
 */
function workloadCell(from, to) {
  if (!isAbout(DATA.workloads, from, to)) return BLANK;
  if (from >= WORKLOADS) return outsideCell(from - WORKLOADS, to, true);
  if (to >= WORKLOADS) return outsideCell(to - WORKLOADS, from, false);
  const [source, destination] = [DATA.workloads[from], DATA.workloads[to]];
  if (exempt.size) {
    const place = exempt.get(from * 0x4000000 + to);
    if (place !== undefined) return place;
  }
  if (source.classes.length === 1 && destination.classes.length === 1) {
    const [[a, pods], [b]] = [source.classes[0], destination.classes[0]];
    return from === to && pods === 1 ? BLANK : classCell(a, b);
  }
  /** @type {Set<number>} */
  const cells = new Set();
  for (const [a, pods] of source.classes) {
    for (const [b] of destination.classes) {
      if (!(from === to && a === b && pods === 1)) cells.add(classCell(a, b));
    }
  }
  return blend(cells);
}

/** @param {number} from @param {number} to */
function classCell(from, to) {
  return carriedBetween(egressSides(DATA.classes[from][0])[to], ingressSides(DATA.classes[to][1])[from]);
}

/** @param {number} external @param {number} workload @param {boolean} inward */
function outsideCell(external, workload, inward) {
  const { classes } = DATA.workloads[workload];
  const outside = OUTSIDE[/** @type {4 | 6} */ (DATA.externals[external].family)];
  /** @type {Set<number>} */
  const cells = new Set();
  for (const [id] of classes) {
    const side = (inward ? ingressSides(DATA.classes[id][1]) : egressSides(DATA.classes[id][0]))[CLASSES + external];
    cells.add(inward ? carriedBetween(outside, side) : carriedBetween(side, outside));
  }
  return blend(cells);
}

/** Cells put together. @param {Set<number>} cells */
function blend(cells) {
  if (cells.size === 0) return BLANK;
  const [first, ...rest] = cells;
  if (rest.length === 0) return first;
  let [every, any, unknown, restricted] = carriedSets[first];
  any = either(any, every);
  for (const cell of rest) {
    const [must, part, doubt, bound] = carriedSets[cell];
    every = both(every, must);
    any = either(any, either(must, part));
    unknown = either(unknown, doubt);
    restricted = either(restricted, bound);
  }
  return carriedPlace(every, without(any, every), without(unknown, any), restricted);
}

/** @type {Map<number, Int32Array>} */
const spaceRows = new Map();

/** The cell between two rows of the matrix by namespace. Externals come after namespaces. @param {number} from @param {number} to */
function spaceCell(from, to) {
  if (!isAbout(DATA.namespaces, from, to)) return BLANK;
  let row = spaceRows.get(from);
  if (!row) {
    row = spread(DATA.spaces.rows[DATA.spaces.of[from]], NOTHING, NAMESPACES + DATA.externals.length);
    spaceRows.set(from, row);
  }
  const cell = row[to];
  const one = from === to && cell === NOTHING && DATA.namespaces[from].pods === 1;
  return one ? BLANK : cell;
}
