// The matrix: cells open explanations, keys move, namespaces open their workloads.

import assert from 'node:assert/strict';

import { goTo, onPage, settled, texts } from './browser.js';
import { asked, lines, page, scenario, synth } from './podreach.js';

const ONLINE = () => page('report', '-f', scenario('online-boutique'));

/** The cell between two rows that have these names. */
async function cell(page, from, to) {
  const [rows, columns] = [await texts(page, '.rowhead'), await texts(page, '.colhead')];
  return page.locator(`section:not([hidden]) [data-at="${rows.indexOf(from)},${columns.indexOf(to)}"]`);
}

/** What the panel says of policies and their rules: by side, by policy, whether each rule matches. */
function explained(page) {
  return page.locator('.panel').evaluate((panel) => {
    const sides = {};
    for (const section of panel.querySelectorAll('section')) {
      const policies = {};
      for (const name of section.querySelectorAll('p > b')) {
        const rules = {};
        for (const rule of name.parentElement.nextElementSibling.querySelectorAll('.hit, .miss, .maybe')) {
          if (!rule.querySelector('code')) continue;
          rules[rule.querySelector('code').textContent] = rule.className;
        }
        policies[`${name.textContent} ${name.parentElement.querySelector('code').textContent}`] = rules;
      }
      sides[section.querySelector('h4').textContent.startsWith('Out of') ? 'egress' : 'ingress'] = policies;
    }
    return sides;
  });
}

/** The same as `podreach explain` tells it of every port, which it is asked for protocol by protocol: a rule is what it is for any. */
function explanation(input, from, to) {
  const ranks = ['miss', 'maybe', 'hit'];
  const says = new Map([[true, 'hit'], [false, 'miss'], [null, 'maybe']]);
  const sides = { egress: {}, ingress: {} };
  for (const protocol of ['TCP', 'UDP', 'SCTP']) {
    const told = asked('explain', '-f', input, from, to, '--port', `1-65535/${protocol}`);
    for (const [side, policies] of Object.entries(sides)) {
      for (const { kind, policy, file, line, rules } of told[side].policies) {
        const all = (policies[`${kind} ${policy} ${file}:${line}`] ??= {});
        for (const { file, line, matches } of rules) {
          const [here, before] = [says.get(matches), all[`${file}:${line}`] ?? 'miss'];
          all[`${file}:${line}`] = ranks.indexOf(here) > ranks.indexOf(before) ? here : before;
        }
      }
    }
  }
  return sides;
}

for (const name of ['three-tier', 'web-api-db-backup', 'cross-namespace-fixed']) {
  const input = scenario(name);
  onPage(`cells of ${name} are explained as by explain`, () => page('report', '-f', input), '#matrix', async (page) => {
    const workloads = await page.evaluate(() => DATA.workloads.map((workload, row) => [nameOf('workload', row), workload.classes.length]));
    for (const [from, kinds] of workloads) {
      for (const [to, others] of workloads) {
        if (from === to || kinds > 1 || others > 1) continue;
        await goTo(page, `#matrix?from=${encodeURIComponent(from)}&to=${encodeURIComponent(to)}`);
        assert.equal(await page.locator('.panel h3').textContent(), `${from} \u2192 ${to}`);
        assert.deepEqual(await explained(page), explanation(input, from, to), `${from} -> ${to}`);
      }
    }
  });
}

onPage('the command of a panel is the question it answers', () => page('report', '-f', scenario('three-tier')), '#matrix', async (page) => {
  await (await cell(page, 'multi-tier/frontend', 'kube-system/coredns')).click();
  await settled(page);
  const command = await page.locator('.panel pre').textContent();
  assert.equal(command, 'podreach explain -f INPUT deployment/multi-tier/frontend deployment/kube-system/coredns --port 443/TCP');
  const question = command.split(' ').slice(4);
  assert.equal(asked('explain', '-f', scenario('three-tier'), ...question).from.pod, 'multi-tier/frontend[0]');
  assert.match(await page.locator('.panel').textContent(), /443\/TCP; 53\/UDP unknown/);
});

onPage('a cell opens and closes its explanation', ONLINE, '#matrix', async (page) => {
  const opened = await cell(page, 'boutique/checkout', 'boutique/cart');
  assert.equal(await page.locator('.panel').isVisible(), false);
  await opened.click();
  await settled(page);
  assert.equal(await page.locator('.panel h3').textContent(), 'boutique/checkout \u2192 boutique/cart');
  assert.equal(await page.locator('.panel .badge').textContent(), 'some ports');
  assert.match(await page.locator('.panel').textContent(), /policies\.yaml:\d+/);
  assert.deepEqual(await page.locator('[aria-selected="true"]').evaluateAll((cells) => cells.map((cell) => cell.ariaLabel)), [
    'boutique/checkout to boutique/cart: some ports, 7070/TCP',
  ]);
  await page.locator('.panel .close').click();
  await settled(page);
  assert.equal(await page.locator('.panel').isVisible(), false);
  assert.equal(await page.evaluate(() => location.hash), '#matrix');
  assert.equal(await page.locator('[aria-selected="true"]').count(), 0);
});

onPage('addresses are explained, too', ONLINE, '#matrix', async (page) => {
  await (await cell(page, 'any IPv4 address', 'boutique/storefront')).click();
  await settled(page);
  const panel = await page.locator('.panel').textContent();
  assert.match(panel, /any IPv4 address \u2192 boutique\/storefront/);
  assert.match(panel, /0\.0\.0\.0\/0/);
  assert.match(panel, /NetworkPolicy boutique\/storefront/);
});

onPage('a name opens its focus', ONLINE, '#matrix', async (page) => {
  await page.locator('#view-matrix .rowhead button', { hasText: 'boutique/cart' }).click();
  await settled(page);
  assert.equal(await page.locator('#view-focus .it h3').textContent(), 'boutique/cart');
});

onPage('a namespace opens its workloads', ONLINE, '#matrix?level=namespace', async (page) => {
  await (await cell(page, 'load', 'boutique')).click();
  await settled(page);
  await page.locator('.panel button', { hasText: 'Show these workloads' }).click();
  await settled(page);
  const boutique = await page.evaluate(() => DATA.workloads.filter(({ namespace }) => DATA.namespaces[namespace].name === 'boutique').length);
  assert.deepEqual(await texts(page, '.rowhead'), ['load/generator']);
  assert.equal((await texts(page, '.colhead')).length, boutique);
  await page.locator('button', { hasText: 'Back to namespaces' }).click();
  await settled(page);
  assert.ok((await texts(page, '.rowhead')).includes('load'));
  await page.locator('#view-matrix .rowhead button', { hasText: 'boutique' }).click();
  await settled(page);
  assert.deepEqual([...new Set((await texts(page, '.rowhead')).map((name) => name.split('/')[0]))], ['boutique']);
});

/** The place of the cell that has the focus, and whether it is wholly in sight and not under the heads. */
function focused(page) {
  return page.evaluate(() => {
    const cell = document.activeElement;
    const [box, grid] = [cell.getBoundingClientRect(), cell.closest('.grid').getBoundingClientRect()];
    const heads = cell.closest('.grid').querySelector('.corner').getBoundingClientRect();
    const near = 1;
    return {
      at: cell.dataset.at,
      seen: box.left >= heads.right - near && box.top >= heads.bottom - near && box.right <= grid.right + near && box.bottom <= grid.bottom + near,
    };
  });
}

onPage('keys move, and the focus stays in sight', () => page('report', '-f', synth('--shape', 'a', '--pods', '600', '--namespaces', '12', '--nodes', '9')), '#matrix?level=workload', async (page) => {
  await page.locator('#view-matrix .cell[tabindex="0"]').focus();
  const [rows, columns] = await page.evaluate(() => [matrixView.grid.table.rows.length, matrixView.grid.table.columns.length]);
  const [last, end] = [rows - 1, columns - 1];
  for (const [keys, at] of [
    [['ArrowRight', 'ArrowDown', 'ArrowDown'], '2,1'],
    [['ArrowLeft', 'ArrowUp'], '1,0'],
    [['ArrowLeft', 'ArrowLeft'], '1,0'],
    [['End'], `1,${end}`],
    [['ArrowRight'], `1,${end}`],
    [['Control+End'], `${last},${end}`],
    [['Home'], `${last},0`],
    [['Control+Home'], '0,0'],
    [['PageDown', 'PageUp'], '0,0'],
    [Array(40).fill('ArrowDown'), '40,0'],
    [Array(50).fill('ArrowRight'), '40,50'],
    [Array(39).fill('ArrowUp'), '1,50'],
  ]) {
    for (const key of keys) await page.keyboard.press(key);
    await settled(page);
    assert.deepEqual(await focused(page), { at, seen: true }, keys[0]);
  }
  // Only one cell is a stop of the Tab key.
  assert.equal(await page.locator('#view-matrix .cell[tabindex="0"]').count(), 1);
  await page.keyboard.press('Enter');
  await settled(page);
  assert.ok(await page.locator('.panel').isVisible());
  assert.deepEqual(await focused(page), { at: '1,50', seen: true }, 'the focus stays when the panel opens');
  await page.keyboard.press('ArrowRight');
  assert.deepEqual(await focused(page), { at: '1,51', seen: true });
});

onPage('a part of the cluster shows the connections of that part', () => page('report', '-f', scenario('online-boutique'), '-n', 'load'), '#flows', async (page) => {
  const told = lines('matrix', '-f', scenario('online-boutique'), '-n', 'load');
  assert.equal(await page.locator('#view-flows .status').textContent(), `${told.length} flows`);
  await goTo(page, '#focus?w=boutique%2Fstorefront');
  assert.match(await page.locator('#view-focus .notice').textContent(), /about a part of the cluster/);
  await goTo(page, '#matrix?from=boutique%2Fstorefront&to=kube-system%2Fcoredns');
  assert.match(await page.locator('.panel').textContent(), /Not looked at/);
});

onPage('callers stand before those they call', ONLINE, '#matrix?level=workload', async (page) => {
  const calls = lines('matrix', '-f', scenario('online-boutique')).filter(({ from, to }) => [from, to].every(({ workload }) => workload?.startsWith('boutique/')));
  assert.ok(calls.length > 10);
  /** How many calls go down the list. */
  const forward = async () => {
    const names = await texts(page, '#view-matrix .rowhead');
    assert.deepEqual(await texts(page, '#view-matrix .colhead'), names);
    return calls.filter(({ from, to }) => names.indexOf(from.workload) < names.indexOf(to.workload)).length;
  };
  assert.equal(await forward(), calls.length);
  await page.locator('#view-matrix [name="order"]').selectOption('name');
  await settled(page);
  const names = await texts(page, '#view-matrix .rowhead');
  const inside = names.filter((name) => name.includes('/'));
  assert.deepEqual(inside, [...inside].sort());
  assert.ok((await forward()) < calls.length);
});

onPage('names stay in sight', () => page('report', '-f', synth('--shape', 'a', '--pods', '600', '--namespaces', '12', '--nodes', '9')), '#matrix?level=workload', async (page) => {
  const place = () => page.evaluate(() => ['.corner', '.colhead', '.rowhead'].map((what) => {
    const { left, top } = document.querySelector(`#view-matrix ${what}`).getBoundingClientRect();
    return { left, top };
  }));
  const [corner, column, row] = await place();
  await page.locator('#view-matrix .grid').evaluate((grid) => grid.scrollTo(900, 700));
  await settled(page);
  const [cornerAfter, columnAfter, rowAfter] = await place();
  assert.deepEqual(cornerAfter, corner);
  assert.equal(columnAfter.top, column.top);
  assert.equal(rowAfter.left, row.left);
});
