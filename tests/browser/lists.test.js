// Flows, focus and changes: lists that must be complete.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

import { goTo, onPage, settled, texts } from './browser.js';
import { asked, lines, page, podreach, scenario, synth, written } from './podreach.js';
import { changed, cluster } from './random.js';

const REALISTIC = synth('--shape', 'a', '--pods', '600', '--namespaces', '12', '--nodes', '9');

/** The records of a CSV. */
function records(text) {
  const all = [[]];
  for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/g)) {
    all.at(-1).push(quoted?.replaceAll('""', '"') ?? plain);
    if (end !== ',') all.push([]);
  }
  assert.deepEqual(all.pop(), []);
  return all;
}

/** What "Save as CSV" saves. */
async function saved(page) {
  const [download] = await Promise.all([page.waitForEvent('download'), page.locator('#csv').click()]);
  assert.equal(download.suggestedFilename(), 'flows.csv');
  return records(readFileSync(await download.path(), 'utf8'));
}

/** The order of verdicts, from closed to unknown. */
const VERDICTS = ['closed', 'some ports', 'some pods', 'open by rule', 'open by default', 'unknown'];

onPage('flows are sorted by every column, both ways, and saved', () => page('report', '-f', scenario('online-boutique')), '#flows', async (page, { problems }) => {
  const plain = await saved(page);
  assert.deepEqual(plain[0], ['from', 'to', 'ports', 'verdict']);
  assert.equal(plain.length - 1, lines('matrix', '-f', scenario('online-boutique')).length);
  const natural = new Intl.Collator('en', { numeric: true }).compare;
  for (const [column, name] of ['From', 'To', 'Ports', 'Verdict'].entries()) {
    const head = page.locator('#view-flows [role="columnheader"]').nth(column);
    for (const way of ['ascending', 'descending']) {
      if (name !== 'From' || way !== 'ascending') await head.locator('button').click();
      await settled(page);
      assert.equal(await head.getAttribute('aria-sort'), way);
      assert.equal(await page.locator('#view-flows [aria-sort]:not([aria-sort="none"])').count(), 1);
      const [, ...flows] = await saved(page);
      assert.deepEqual([...flows].sort(), plain.slice(1).sort(), 'the same flows');
      // Namespaces, workloads and then addresses are in the order of the matrix.
      const places = await page.evaluate(() => Array.from({ length: WORKLOADS + DATA.externals.length }, (_, row) => nameOf('workload', row)));
      const key = (flow) => (column < 2 ? places.indexOf(flow[column]) : column === 3 ? VERDICTS.indexOf(flow[3]) : flow[2]);
      const keys = flows.map(key);
      const sign = way === 'ascending' ? 1 : -1;
      keys.slice(1).forEach((next, i) => {
        const order = column === 2 ? natural(keys[i], next) : keys[i] - next;
        assert.ok(sign * order <= 0, `${name} ${way}: ${keys[i]}, then ${next}`);
      });
      const first = await page.locator('#view-flows .line:not(.heads)').first().locator('[role="cell"]').allTextContents();
      assert.deepEqual(first.slice(0, 3), flows[0].slice(0, 3));
    }
  }
  problems.splice(0, problems.length, ...problems.filter((text) => !text.startsWith('request: blob:')));
});

onPage('a field of the CSV is never a formula', () => page('report', '-f', scenario('three-tier')), '', async (page) => {
  const fields = ['=1+1', '+1', '-1', '@a', '\t=1', '\r=1', 'a,b', 'a"b', 'a\nb', 'web', '=a,"b"'];
  assert.deepEqual(await page.evaluate((fields) => fields.map((field) => csvField(field)), fields), [
    "'=1+1", "'+1", "'-1", "'@a", "'\t=1", '"\'\r=1"', '"a,b"', '"a""b"', '"a\nb"', 'web', '"\'=a,""b"""',
  ]);
});

onPage('a flow opens its explanation', () => page('report', '-f', scenario('online-boutique')), '#flows?q=cart&port=7070', async (page) => {
  await page.locator('#view-flows .line .badge').first().click();
  await settled(page);
  assert.equal(await page.locator('.panel h3').textContent(), 'boutique/checkout \u2192 boutique/cart');
});

onPage('a long list of flows is drawn where it is looked at', () => page('report', '-f', REALISTIC), '#flows?level=workload', async (page) => {
  const flows = lines('matrix', '-f', REALISTIC);
  assert.equal(await page.locator('#view-flows .status').textContent(), `${flows.length} flows`);
  await page.locator('#view-flows .list').evaluate((list) => list.scrollTo(0, list.scrollHeight));
  await settled(page);
  assert.equal(await page.locator('#view-flows .line').last().getAttribute('aria-rowindex'), `${flows.length + 1}`);
  assert.ok((await page.locator('#view-flows .line').count()) < 100);
});

/** The chains of the focus, both ways: the hop at which each workload is met. */
function chains(page, name, hops) {
  return page.evaluate(([name, hops]) => {
    const it = rowNamed('workload', name);
    return Object.fromEntries(
      [['from', true], ['to', false]].map(([way, outward]) => {
        const met = {};
        chain(it, outward, hops).forEach((found, hop) => {
          for (const { row } of found) if (row < WORKLOADS) met[nameOf('workload', row)] = hop + 1;
        });
        return [way, met];
      })
    );
  }, [name, hops]);
}

for (const [name, file, all] of [
  ['online-boutique', scenario('online-boutique'), ['boutique/storefront', 'boutique/cart', 'load/generator']],
  ['three-tier-fixed', scenario('three-tier-fixed'), ['multi-tier/frontend', 'multi-tier/database', 'kube-system/coredns']],
  ['three-tier', scenario('three-tier'), ['multi-tier/frontend', 'tools/client']],
]) {
  onPage(`the focus of ${name} is what reach says`, () => page('report', '-f', file), '#focus', async (page) => {
    for (const workload of all) {
      for (const hops of [1, 2, 3]) {
        const met = await chains(page, workload, hops);
        for (const way of ['from', 'to']) {
          const { reached } = asked('reach', '-f', file, `--${way}`, workload, '--hops', `${hops}`);
          // An unknown hop may be the shorter one.
          const expected = reached
            .filter((one) => one.workload && one.workload !== workload)
            .map((one) => [one.workload, one.perhaps?.hops ?? one.hops]);
          assert.deepEqual(met[way], Object.fromEntries(expected), `--${way} ${workload} --hops ${hops}`);
        }
        await goTo(page, `#focus?w=${encodeURIComponent(workload)}${hops > 1 ? `&hops=${hops}` : ''}`);
        const listed = await page.locator('#view-focus .columns section').evaluateAll((columns) => columns.map((column) => column.querySelectorAll('button.plain').length));
        assert.deepEqual(listed, [met.to, met.from].map((one) => Object.keys(one).length));
      }
    }
  });
}

/** Changes as `diff` tells them: pairs of names, before, after. */
function told(args) {
  const name = ({ workload, kind, namespace, cidrs }) => (cidrs ? cidrs.join() : namespace ?? `${kind} ${workload}`);
  return asked(...args).changes.map(({ from, to, before, after }) => JSON.stringify([name(from), name(to), before, after])).sort();
}

/** The same of the page, box by box. */
function changesOfPage() {
  const ports = (place) => {
    const found = {};
    for (let i = 0, set = portSets[place]; i < set.length; i += 2) {
      const [first, last, protocol] = [set[i] % SPAN, set[i + 1] % SPAN, PROTOCOLS[Math.floor(set[i] / SPAN)]];
      const span = first === last ? `${first}` : `${first}-${last}`;
      found[protocol] = found[protocol] ? `${found[protocol]},${span}` : span;
    }
    return found;
  };
  const carried = (cell) => {
    const [every, some, unknown] = carriedSets[cell];
    return { ports: ports(every), ...(some !== NOTHING && { some: ports(some) }), ...(unknown !== NOTHING && { unknown: ports(unknown) }) };
  };
  const name = (party) => {
    const { name, rows } = DATA.changes.parties[party];
    const range = DATA.externals.find((one) => one.name === name);
    if (range) return range.cidrs.join();
    return DATA.changes.level === 'namespace' ? name : `${DATA.workloads[rows[0]]?.kind} ${name}`;
  };
  return DATA.changes.boxes.flatMap(({ from, to, before, after }) =>
    from.flatMap((a) => to.filter((b) => changesView.boxes.has(a * 0x4000000 + b)).map((b) => JSON.stringify([name(a), name(b), carried(before), carried(after)])))
  ).sort();
}

const BETWEEN = (before, after) => ['diff', '--before', scenario(before), '--after', scenario(after)];

for (const args of [
  BETWEEN('three-tier', 'three-tier-fixed'),
  [...BETWEEN('three-tier', 'three-tier-fixed'), '--by', 'namespace'],
  BETWEEN('cross-namespace', 'cross-namespace-fixed'),
  BETWEEN('web-api-db-and', 'web-api-db-or'),
  ['what-if', '-f', scenario('online-boutique'), '--delete', 'netpol/boutique/cart'],
  ['what-if', '-f', scenario('three-tier'), '--apply', `${scenario('three-tier-fixed')}/policies.yaml`],
]) {
  onPage(`changes: ${args.join(' ')}`, () => page(...args), '#changes', async (page) => {
    const expected = told(args);
    assert.deepEqual(await page.evaluate(changesOfPage), expected);
    const cards = await page.locator('#view-changes .change').count();
    const boxes = await page.evaluate(() => DATA.changes.boxes.length);
    assert.equal(cards, boxes);
    assert.equal(await page.locator('#view-changes .cell:is(.more, .less, .other, .doubt)').count(), expected.length);
    for (const sign of ['more', 'less', 'other', 'unknown']) {
      await page.locator('#view-changes [name="change"]').selectOption(sign);
      await settled(page);
      const signs = await page.locator('#view-changes .change').evaluateAll((cards) => cards.map((card) => card.dataset.sign));
      assert.ok(signs.every((one) => one === sign));
    }
    await page.locator('#view-changes [name="change"]').selectOption('');
    await settled(page);
    if (expected.length === 0) return;
    await page.locator('#view-changes .cell:is(.more, .less, .other, .doubt)').first().click();
    assert.match((await texts(page, '#view-changes [role="status"]')).join(), / \u2192 .*: .*, now /);
  }, { viewport: { width: 1800, height: 1400 } });
}

/** The cells of the picture that did not change, and all that did: from, to, and what is carried. */
function drawn(args) {
  const cells = { unchanged: {}, changed: [] };
  const text = (title) => title.replaceAll('&gt;', '>').replaceAll('&lt;', '<').replaceAll('&quot;', '"').replaceAll('&amp;', '&');
  for (const [, title] of podreach([...args, '-o', 'svg']).matchAll(/<g><title>(.*?)<\/title>/g)) {
    const [ends, said] = /^(.*?): (.*)$/.exec(text(title)).slice(1);
    const same = /^(?:before not there, after )?(.*?)(?:, before and after)?$/.exec(said)[1];
    const isSame = !said.startsWith('before ') || said === 'before not there, after nothing';
    if (said === 'before nothing, after not there') continue;
    if (isSame) cells.unchanged[ends] = same.replace('all ports', 'every port');
    else cells.changed.push(ends);
  }
  cells.changed.sort();
  return cells;
}

/** The same of the page; blank cells are not in the list. */
function drawnInPage() {
  const cells = { unchanged: {}, changed: [] };
  const { parties } = DATA.changes;
  const { rows, columns, draw } = changesView.grid.table;
  for (const from of rows) {
    for (const to of columns) {
      const [{ classes, label }, ends] = [draw(from, to), [from, to].map((party) => partyNames(DATA.changes, [party])).join(' -> ')];
      if (changesView.boxes.has(from * 0x4000000 + to)) cells.changed.push(ends);
      else if (classes !== 'blank') cells.unchanged[ends] = /^(?:as before|now): (.*)$/.exec(label)[1];
    }
  }
  cells.changed.sort();
  return cells;
}

function sameCells(name, args) {
  for (const more of [[], ['--by', 'namespace']]) {
    onPage(`what did not change: ${name} ${more.join(' ')}`, () => page(...args, ...more), '#changes', async (page) => {
      assert.deepEqual(await page.evaluate(drawnInPage), drawn([...args, ...more]));
    });
  }
}

sameCells('three-tier', BETWEEN('three-tier', 'three-tier-fixed'));
sameCells('one namespace of three-tier', [...BETWEEN('three-tier', 'three-tier-fixed'), '-n', 'multi-tier']);
sameCells('a namespace that goes', ['what-if', '-f', scenario('online-boutique'), '--delete', 'ns/load', '-n', 'load']);
const shut = {
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: { name: 'storefront', namespace: 'boutique' },
  spec: { podSelector: { matchLabels: { app: 'storefront' } }, policyTypes: ['Ingress', 'Egress'] },
};
sameCells('callers that no connection is left to', ['what-if', '-f', scenario('online-boutique'), '--apply', written('shut.json', JSON.stringify(shut)), '-n', 'boutique']);
sameCells('online-boutique', ['what-if', '-f', scenario('online-boutique'), '--delete', 'netpol/boutique/cart']);
for (let seed = 0; seed < 8; seed += 1) {
  const files = [cluster(seed), changed(seed)].map((list, i) => written(`change-${seed}-${i}.json`, JSON.stringify(list, null, 1)));
  const args = ['diff', '--before', files[0], '--after', files[1]];
  sameCells(`random cluster ${seed}`, args);
  sameCells(`one namespace of random cluster ${seed}`, [...args, '-n', 'a']);
}
