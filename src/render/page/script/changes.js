// What differs, for the page of a what-if or a diff.

/** Signs of changes, and the classes they are drawn with. @type {Record<string, {sign: string, word: string, look: string}>} */
const CHANGES = {
  more: { sign: '+', word: 'newly allowed', look: 'more' },
  less: { sign: '\u2212', word: 'no longer allowed', look: 'less' },
  other: { sign: '~', word: 'other ports than before', look: 'other' },
  unknown: { sign: '?', word: 'no longer certain', look: 'doubt' },
};

/** The most names of a change that are listed. */
const MOST_NAMED = 12;

/** @param {Changes} changes @param {number[]} parties */
function partyNames(changes, parties) {
  const names = parties.map((party) => {
    const { name, presence } = changes.parties[party];
    return presence === 'stays' ? name : `${name} (${presence})`;
  });
  const more = names.length - MOST_NAMED;
  return more > 1 ? `${names.slice(0, MOST_NAMED).join(', ')} and ${more} more` : names.join(', ');
}

/** @param {Changes} changes @param {ChangeBox} box */
function changeCard(changes, { sign, from, to, before, after, because }) {
  const { sign: mark, word, look } = CHANGES[sign];
  return make(
    'li',
    { class: 'change', 'data-sign': sign },
    make('p', { class: 'ends' }, make('span', { class: `sign ${look}`, title: word }, mark), `${partyNames(changes, from)} \u2192 ${partyNames(changes, to)}`),
    make('p', {}, `${word}: `, make('span', { class: 'badge' }, carriedText(before)), ' \u2192 ', make('span', { class: 'badge' }, carriedText(after))),
    because.length > 0 && make('p', { class: 'faint' }, `because ${because.map((cause) => changes.causes[cause]).join(', ')}`)
  );
}

/** A cell that did not change. Addresses of a change may be several ranges of the matrix. @param {Changes} changes @param {number} from @param {number} to */
function unchanged({ level, parties }, from, to) {
  const [source, destination] = [parties[from], parties[to]];
  if (source.rows.length === 0 || destination.rows.length === 0) return blank('gone');
  /** @type {Set<number>} */
  const cells = new Set();
  for (const row of source.rows) for (const column of destination.rows) cells.add(cellAt(level, row, column));
  const cell = blend(cells);
  const [row, column] = [source.rows[0], destination.rows[0]];
  if (cell === BLANK) return blank(blankText(level, row, column));
  const verdict = verdictOf(level, row, column, cell);
  const since = source.presence === 'new' || destination.presence === 'new' ? 'now' : 'as before';
  return { sign: VERDICTS[verdict].sign, classes: `${verdict} aside`, label: `${since}: ${carriedText(cell)}` };
}

const changesView = {
  grid: new Grid('What differs', 'from \u2193 to \u2192'),
  list: make('ul', { class: 'findings' }),
  detail: make('p', { class: 'status', role: 'status' }),
  tools: make('form', { class: 'tools', 'aria-label': 'Filters', submit: (/** @type {Event} */ event) => event.preventDefault() }),
  /** Boxes by pair of parties. @type {Map<number, ChangeBox>} */
  boxes: new Map(),

  build() {
    const changes = DATA.changes;
    if (!changes) return;
    /** @type {HTMLElement} */ (document.querySelector('[data-view="changes"]')?.parentElement).hidden = false;
    const notice = byId('changed');
    notice.hidden = false;
    notice.append(make('p', {}, make('b', {}, changes.headline)), make('p', {}, make('a', { href: '#changes' }, 'See what changes'), '. The other views show the cluster after the change.'));
    for (const box of changes.boxes) {
      for (const from of box.from) for (const to of box.to) if (from !== to || changes.parties[from].itself) this.boxes.set(from * 0x4000000 + to, box);
    }
    this.tools.append(select('change', 'Show', [['', 'every change'], ...Object.entries(CHANGES).map(([key, { word }]) => /** @type {[string, string]} */ ([key, word]))]));
    byId('view-changes').append(
      make('p', {}, make('b', {}, changes.headline)),
      ...(changes.edits.length ? [make('ul', {}, ...changes.edits.map((edit) => make('li', {}, make('code', {}, edit))))] : []),
      ...changes.warnings.map((warning) => make('p', { class: 'notice' }, warning)),
      this.tools,
      this.grid.element,
      make('ul', { class: 'legend' }, ...Object.values(CHANGES).map(({ sign, word, look }) => make('li', {}, make('span', { class: `chip ${look}`, 'aria-hidden': 'true' }, sign), word)), make('li', {}, 'faint: as before')),
      this.detail,
      this.list
    );
  },

  show() {
    const changes = DATA.changes;
    if (!changes) return;
    fill(this.tools);
    const shown = changes.boxes.filter(({ sign }) => !state.change || sign === state.change);
    const rows = [...new Set(shown.flatMap(({ from }) => from))].sort((a, b) => a - b);
    const columns = [...new Set(shown.flatMap(({ to }) => to))].sort((a, b) => a - b);
    const nameAt = (/** @type {number} */ party) => partyNames(changes, [party]);
    /** @param {number} from @param {number} to @returns {Drawn} */
    const draw = (from, to) => {
      const box = this.boxes.get(from * 0x4000000 + to);
      if (!box) return unchanged(changes, from, to);
      const { sign, look, word } = CHANGES[box.sign];
      const faint = state.change && box.sign !== state.change ? ' aside' : '';
      return { sign, classes: `${look}${faint}`, label: `${word}, before ${carriedText(box.before)}, now ${carriedText(box.after)}` };
    };
    this.grid.selected = '';
    this.grid.set({
      rows,
      columns,
      name: nameAt,
      group: (party) => changes.parties[party].name.split('/')[0],
      draw,
      head: () => {},
      open: (from, to) => {
        this.detail.textContent = `${nameAt(from)} \u2192 ${nameAt(to)}: ${draw(from, to).label}`;
        this.grid.select(from, to);
        this.grid.focus();
      },
    });
    this.grid.element.hidden = shown.length === 0;
    this.detail.textContent = count(shown.length, 'change, alike pairs taken together', 'changes, alike pairs taken together');
    this.list.replaceChildren(...shown.map((box) => changeCard(changes, box)));
  },
};
