// A large table of which only the visible part exists. Rows are sources, columns are destinations.

/**
 * @typedef {{sign: string, classes: string, label: string}} Drawn
 * @typedef {{
 *   rows: number[], columns: number[],
 *   name: (row: number) => string, group: (row: number) => string,
 *   draw: (row: number, column: number) => Drawn,
 *   head: (row: number) => void, open: (row: number, column: number) => void,
 * }} Table
 */

/** A cell with nothing in it. @param {string} label @returns {Drawn} */
function blank(label) {
  return { sign: '', classes: 'blank', label };
}

/** The width and the height of a cell, in pixels. */
const WIDE = 36;
const HIGH = 26;
const MORE = 4;

class Grid {
  /** @param {string} label @param {string} corner */
  constructor(label, corner) {
    this.corner = corner;
    /** @type {Table} */
    this.table = { rows: [], columns: [], name: String, group: String, draw: () => blank(''), head: () => {}, open: () => {} };
    /** The cell that has the focus, and the one that is selected, by place. @type {[number, number]} */
    this.active = [0, 0];
    this.selected = '';
    this.whole = false;
    this.sheet = make('div', { class: 'sheet', role: 'presentation' });
    this.element = make('div', { class: 'grid', role: 'grid', 'aria-label': label, scroll: () => this.schedule() }, this.sheet);
    this.element.addEventListener('keydown', (event) => this.key(event));
    this.element.addEventListener('click', (event) => this.click(event));
    this.pending = 0;
    this.drawn = '';
    new ResizeObserver(() => this.schedule()).observe(this.element);
    addEventListener('beforeprint', () => this.print(true));
    addEventListener('afterprint', () => this.print(false));
  }

  /** @param {boolean} whole */
  print(whole) {
    if (this.table.rows.length * this.table.columns.length > 10000) return;
    this.whole = whole;
    this.drawn = '';
    this.draw();
  }

  /** @param {Table} table */
  set(table) {
    this.table = table;
    this.names = { rows: table.rows.map(table.name), columns: table.columns.map(table.name) };
    const longest = (/** @type {string[]} */ names) => names.reduce((most, name) => Math.max(most, name.length), 8);
    this.left = Math.min(300, 22 + longest(this.names.rows) * 7.8);
    this.top = Math.min(220, 22 + longest(this.names.columns) * 7.8);
    this.active = [
      Math.max(0, Math.min(this.active[0], table.rows.length - 1)),
      Math.max(0, Math.min(this.active[1], table.columns.length - 1)),
    ];
    this.element.setAttribute('aria-rowcount', String(table.rows.length + 1));
    this.element.setAttribute('aria-colcount', String(table.columns.length + 1));
    this.sheet.style.width = `${this.left + table.columns.length * WIDE}px`;
    this.sheet.style.height = `${this.top + table.rows.length * HIGH}px`;
    this.drawn = '';
    this.draw();
  }

  schedule() {
    if (!this.pending) {
      this.pending = requestAnimationFrame(() => {
        this.pending = 0;
        this.draw();
      });
    }
  }

  draw() {
    const { rows, columns } = this.table;
    const { scrollTop, scrollLeft, clientHeight, clientWidth } = this.element;
    if (!this.whole && clientHeight === 0) return;
    /** @param {number} at @param {number} size @param {number} cell @param {number} count */
    const seen = (at, size, cell, count) =>
      this.whole ? [0, count] : [Math.max(0, Math.floor(at / cell) - MORE), Math.min(count, Math.ceil((at + size) / cell) + MORE)];
    const [top, bottom] = seen(scrollTop, clientHeight, HIGH, rows.length);
    const [left, right] = seen(scrollLeft, clientWidth, WIDE, columns.length);
    const drawn = [top, bottom, left, right, this.selected].join();
    if (drawn === this.drawn) return this.activate();
    this.drawn = drawn;
    const focused = this.element.contains(document.activeElement) && document.activeElement?.classList.contains('cell');
    const lines = [this.heads(left, right)];
    for (let i = top; i < bottom; i += 1) lines.push(this.row(i, left, right));
    this.sheet.replaceChildren(...lines);
    this.activate();
    if (focused) this.focus();
  }

  /** The Tab key stops at the active cell only; one that was scrolled out of sight passes that on to the first in sight. */
  activate() {
    if (!this.cell()) {
      const { scrollTop, scrollLeft } = this.element;
      const within = (/** @type {number} */ at, /** @type {number} */ size) => Math.max(0, Math.min(Math.ceil(at), size - 1));
      this.active = [within(scrollTop / HIGH, this.table.rows.length), within(scrollLeft / WIDE, this.table.columns.length)];
    }
    this.sheet.querySelector('[tabindex="0"]')?.setAttribute('tabindex', '-1');
    this.cell()?.setAttribute('tabindex', '0');
  }

  /** @param {number} left @param {number} right */
  heads(left, right) {
    const { columns, group } = this.table;
    const corner = make('div', { class: 'corner', role: 'columnheader', 'aria-colindex': 1 }, this.corner);
    corner.style.width = `${this.left}px`;
    corner.style.height = `${this.top}px`;
    const line = make('div', { class: 'row heads', role: 'row', 'aria-rowindex': 1 }, corner);
    line.style.height = `${this.top}px`;
    line.style.width = `${(this.left || 0) + columns.length * WIDE}px`;
    for (let j = left; j < right; j += 1) {
      const begins = j > 0 && group(columns[j]) !== group(columns[j - 1]);
      const name = this.names?.columns[j] || '';
      const head = make(
        'div',
        { class: `colhead${begins ? ' first' : ''}`, role: 'columnheader', 'aria-colindex': j + 2, title: name },
        make('button', { tabindex: -1, 'data-head': columns[j] }, name)
      );
      head.style.left = `${(this.left || 0) + j * WIDE}px`;
      head.style.height = `${this.top}px`;
      line.append(head);
    }
    return line;
  }

  /** @param {number} i @param {number} left @param {number} right */
  row(i, left, right) {
    const { rows, columns, group, draw } = this.table;
    const begins = i > 0 && group(rows[i]) !== group(rows[i - 1]);
    const name = this.names?.rows[i] || '';
    const head = make(
      'div',
      { class: 'rowhead', role: 'rowheader', 'aria-colindex': 1, title: name },
      make('button', { tabindex: -1, 'data-head': rows[i] }, name)
    );
    head.style.width = `${this.left}px`;
    const line = make('div', { class: `row${begins ? ' begin' : ''}`, role: 'row', 'aria-rowindex': i + 2 }, head);
    line.style.top = `${(this.top || 0) + i * HIGH}px`;
    line.style.width = `${(this.left || 0) + columns.length * WIDE}px`;
    for (let j = left; j < right; j += 1) {
      const drawn = draw(rows[i], columns[j]);
      const apart = j > 0 && group(columns[j]) !== group(columns[j - 1]) ? ' first' : '';
      const label = `${name} to ${this.names?.columns[j]}: ${drawn.label}`;
      const cell = make(
        'div',
        {
          class: `cell ${drawn.classes}${apart}`,
          role: 'gridcell',
          'aria-colindex': j + 2,
          'aria-label': label,
          'aria-selected': String(this.selected === `${rows[i]},${columns[j]}`),
          title: label,
          tabindex: -1,
          'data-at': `${i},${j}`,
        },
        drawn.sign
      );
      cell.style.left = `${(this.left || 0) + j * WIDE}px`;
      line.append(cell);
    }
    return line;
  }

  /** The element of the active cell, if it is drawn. */
  cell() {
    return /** @type {HTMLElement | null} */ (this.sheet.querySelector(`[data-at="${this.active.join()}"]`));
  }

  focus() {
    this.cell()?.focus({ preventScroll: true });
  }

  /** Marks a cell and brings it into view. @param {number} row @param {number} column */
  select(row, column) {
    this.selected = `${row},${column}`;
    const [i, j] = [this.table.rows.indexOf(row), this.table.columns.indexOf(column)];
    if (i >= 0 && j >= 0) {
      this.active = [i, j];
      this.reveal();
    }
    this.draw();
  }

  reveal() {
    const [i, j] = this.active;
    const { element } = this;
    const y = [i * HIGH, (i + 1) * HIGH - element.clientHeight + (this.top || 0)];
    const x = [j * WIDE, (j + 1) * WIDE - element.clientWidth + (this.left || 0)];
    element.scrollTop = Math.max(Math.min(element.scrollTop, y[0]), y[1]);
    element.scrollLeft = Math.max(Math.min(element.scrollLeft, x[0]), x[1]);
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const [i, j] = this.active;
    const page = Math.max(1, Math.floor(this.element.clientHeight / HIGH) - 8);
    /** @type {Record<string, [number, number]>} */
    const moves = {
      ArrowUp: [i - 1, j],
      ArrowDown: [i + 1, j],
      ArrowLeft: [i, j - 1],
      ArrowRight: [i, j + 1],
      PageUp: [i - page, j],
      PageDown: [i + page, j],
      Home: event.ctrlKey ? [0, 0] : [i, 0],
      End: event.ctrlKey ? [Infinity, Infinity] : [i, Infinity],
    };
    const move = moves[event.key];
    if (move) {
      const within = (/** @type {number} */ at, /** @type {number} */ size) => Math.max(0, Math.min(at, size - 1));
      this.active = [within(move[0], this.table.rows.length), within(move[1], this.table.columns.length)];
      this.reveal();
      this.draw();
      this.focus();
      event.preventDefault();
    } else if ((event.key === 'Enter' || event.key === ' ') && document.activeElement === this.cell()) {
      this.open();
      event.preventDefault();
    }
  }

  open() {
    const [i, j] = this.active;
    this.table.open(this.table.rows[i], this.table.columns[j]);
  }

  /** @param {MouseEvent} event */
  click(event) {
    const target = /** @type {HTMLElement} */ (event.target);
    const head = target.closest('[data-head]');
    if (head) return this.table.head(Number(head.getAttribute('data-head')));
    const cell = target.closest('[data-at]');
    if (cell) {
      const [i, j] = (cell.getAttribute('data-at') || '').split(',').map(Number);
      this.active = [i, j];
      this.open();
    }
  }
}

/** What signs and colours mean. @param {Verdict[]} verdicts */
function legend(verdicts) {
  return make(
    'ul',
    { class: 'legend' },
    ...verdicts.map((verdict) => {
      const { sign, meaning } = VERDICTS[verdict];
      return make('li', {}, make('span', { class: `chip ${verdict}`, 'aria-hidden': 'true' }, sign), meaning);
    })
  );
}
