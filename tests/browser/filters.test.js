// What filters keep, in the matrix and in the list of flows, against what `podreach matrix` says.

import assert from 'node:assert/strict';

import { onPage, settled, texts, write } from './browser.js';
import { asked, lines, page, scenario } from './podreach.js';

const PROTOCOLS = ['TCP', 'UDP', 'SCTP'];

/** Names of ends as the page writes them. */
function nameOf({ workload, cidrs }) {
  const any = { '0.0.0.0/0': 'any IPv4 address', '::/0': 'any IPv6 address' };
  return workload ?? any[cidrs.join()] ?? cidrs.join();
}

/** Ends and flows of a scenario. */
function cluster(name) {
  const { endpoints, flows } = asked('matrix', '-f', scenario(name));
  const ends = new Map(endpoints.map((end) => [nameOf(end), end]));
  return { ends, flows: flows.map((flow) => ({ ...flow, from: nameOf(flow.from), to: nameOf(flow.to) })) };
}

const spans = (text) => text.split(',').map((span) => span.split('-').map(Number));

/** Whether ports hold one of these. */
function holds(ports, protocol, first, last) {
  return ports[protocol] !== undefined && spans(ports[protocol]).some(([from, to = from]) => from <= last && first <= to);
}

function verdictOf({ ends }, { from, to, ports, some, unknown }) {
  const open = ({ isolation }, way) => !isolation || isolation[way] === 'open';
  if (unknown) return 'unknown';
  if (some) return 'partly';
  if (!PROTOCOLS.every((protocol) => ports[protocol] === '1-65535')) return 'some';
  return open(ends.get(from), 'egress') && open(ends.get(to), 'ingress') ? 'default' : 'open';
}

/** Filters, and which flows they keep. */
const KEPT = {
  ns: (value) => ({ from, to }) => [from, to].some((end) => end.startsWith(`${value}/`)),
  q: (value) => ({ from, to }) => [from, to].some((end) => end.toLowerCase().includes(value.toLowerCase())),
  label: (value) => ({ from, to }, { ends }) =>
    [from, to].some((end) =>
      value.split(', ').every((part) =>
        Object.entries(ends.get(end).labels ?? {}).some(([key, is]) => {
          const label = `${key}=${is ?? '?'}`;
          return part.includes('=') ? label === part : label.includes(part);
        })
      )
    ),
  port: (value) => ({ ports, some = {}, unknown = {} }) => {
    const [span, protocol] = /\d/.test(value) ? value.split('/') : ['1-65535', value];
    const [first, last = first] = span.split('-').map(Number);
    return [ports, some, unknown].some((set) => holds(set, (protocol ?? 'TCP').toUpperCase(), first, last));
  },
  verdict: (value) => (flow, all) => value.split(',').includes(verdictOf(all, flow)),
  internet: () => ({ from }, { ends }) => ends.get(from).cidrs !== undefined,
  shared: () => ({ from, to }) => !from.startsWith('kube-system/') && !to.startsWith('kube-system/'),
};

/** Sets filters as a reader does. */
async function set(page, filters) {
  for (const [name, value] of Object.entries(filters)) {
    const field = page.locator(`section:not([hidden]) [name="${name}"]`);
    if (name === 'verdict') {
      for (const one of value.split(',')) await page.locator(`section:not([hidden]) [data-verdict="${one}"]`).click();
    } else if (['internet', 'shared'].includes(name)) {
      await field.check();
    } else {
      await write(page, name, value);
    }
  }
  await settled(page);
}

/** What the matrix shows: rows, columns, and the cells that are not put aside. */
function matrix(page) {
  return page.evaluate(() => {
    const view = document.getElementById('view-matrix');
    const names = (selector) => [...view.querySelectorAll(selector)].map(({ textContent }) => textContent);
    const [rows, columns] = [names('.rowhead'), names('.colhead')];
    const cells = [...view.querySelectorAll('.cell:not(.aside, .none, .blank)')].map((cell) => {
      const [i, j] = cell.dataset.at.split(',').map(Number);
      return `${rows[i]} -> ${columns[j]}`;
    });
    return { rows: rows.sort(), columns: columns.sort(), cells: cells.sort() };
  });
}

const sorted = (names) => [...new Set(names)].sort();

for (const [name, all] of [
  ['online-boutique', [
    { ns: 'boutique' }, { ns: 'load' }, { q: 'cart' }, { q: 'IPV4' }, { label: 'app=cart' }, { label: 'kube' }, { label: 'app, pod-template' },
    { port: '443' }, { port: '53/UDP' }, { port: '7000-7070' }, { port: 'sctp' }, { port: '7070/tcp' },
    { verdict: 'some' }, { verdict: 'default' }, { verdict: 'some,default' }, { internet: 'yes' }, { shared: 'hide' },
    { ns: 'boutique', port: '53' }, { q: 'storefront', verdict: 'some', shared: 'hide' }, { q: 'nobody has this name' },
  ]],
  ['three-tier', [{ verdict: 'unknown' }, { port: '53/UDP' }, { ns: 'multi-tier' }, { internet: 'yes', port: '80' }]],
  ['host-network', [{ verdict: 'partly' }, { ns: 'prod' }]],
]) {
  for (const view of ['matrix', 'flows']) {
    onPage(`filters of the ${view} of ${name}`, () => page('report', '-f', scenario(name)), `#${view}`, async (page) => {
      const known = cluster(name);
      // Ranges of addresses have names of their own.
      const named = await page.evaluate(() => Object.fromEntries(DATA.externals.map(({ cidrs, name }) => [cidrs.join(), name])));
      for (const flow of known.flows) for (const end of ['from', 'to']) flow[end] = named[flow[end]] ?? flow[end];
      known.ends = new Map([...known.ends].map(([end, facts]) => [named[end] ?? end, facts]));
      const workloads = [...known.ends.keys()].filter((end) => known.ends.get(end).workload);

      const check = async (filters) => {
        const says = JSON.stringify(filters);
        const keeps = Object.entries(filters).map(([key, value]) => KEPT[key](value));
        const kept = known.flows.filter((flow) => keeps.every((keep) => keep(flow, known)));
        if (view === 'flows') {
          const csv = (await page.evaluate(() => flowsView.csv())).trim().split('\r\n').slice(1);
          assert.deepEqual(csv.map((line) => line.split(',').slice(0, 2).join(' -> ')).sort(), kept.map(({ from, to }) => `${from} -> ${to}`).sort(), says);
          const drawn = await page.locator('#view-flows .line:not(.heads)').count();
          assert.ok(drawn === kept.length || (drawn > 20 && drawn < kept.length), says);
          assert.equal(await page.locator('#view-flows .status').textContent(), `${kept.length} flow${kept.length === 1 ? '' : 's'}`);
          return;
        }
        // A filter that is not about flows leaves rows without any.
        const whole = ['ns', 'q', 'label', 'port', 'verdict'].every((key) => !filters[key]);
        const shown = filters.shared ? workloads.filter((end) => !end.startsWith('kube-system/')) : workloads;
        assert.deepEqual(await matrix(page), {
          rows: sorted([...kept.map(({ from }) => from), ...(whole && !filters.internet ? shown : [])]),
          columns: sorted([...kept.map(({ to }) => to), ...(whole ? shown : [])]),
          cells: sorted(kept.map(({ from, to }) => `${from} -> ${to}`)),
        }, says);
      };

      await check({});
      for (const filters of all) {
        await set(page, filters);
        await check(filters);
        await page.locator('section:not([hidden]) button', { hasText: 'Reset' }).click();
        await settled(page);
        assert.equal(await page.evaluate(() => location.hash), `#${view}`);
        await check({});
      }
    }, { viewport: { width: 1800, height: 1400 } });
  }
}

onPage('filters are those of the command line', () => page('report', '-f', scenario('online-boutique')), '#flows', async (page) => {
  for (const [key, value, ...flags] of [
    ['ns', 'boutique', '-n', 'boutique'],
    ['label', 'app=cart', '-l', 'app=cart'],
    ['port', '53/UDP', '--port', '53/UDP'],
    ['internet', 'yes', '--from', 'internet'],
  ]) {
    await set(page, { [key]: value });
    const told = lines('matrix', '-f', scenario('online-boutique'), ...flags);
    assert.equal(await page.locator('#view-flows .status').textContent(), `${told.length} flows`, key);
    await page.locator('#view-flows button', { hasText: 'Reset' }).click();
    await settled(page);
  }
});

onPage('what is no port is said to be none', () => page('report', '-f', scenario('online-boutique')), '#matrix', async (page) => {
  for (const wrong of ['http', '70000', '0', '90-80', '80/ICMP', '80,443', '-1', '1e3']) {
    await write(page, 'port', wrong);
    assert.match((await texts(page, '#view-matrix [role="status"]')).join(), /is no port: write 443, 53\/UDP/, wrong);
  }
  for (const right of ['1', '65535', '53/udp', 'UDP', '8000-8100']) {
    await write(page, 'port', right);
    assert.doesNotMatch((await texts(page, '#view-matrix [role="status"]')).join(), /is no port/, right);
  }
});

const BROKEN = ['-f', 'docs/guide/broken.yaml', '-f', scenario('three-tier'), '--keep-going'];

onPage('findings are filtered by how bad they are', () => page('report', ...BROKEN), '#findings', async (page) => {
  const shown = () => page.locator('#finding-list li:visible').evaluateAll((items) => items.map(({ className }) => className));
  const all = await shown();
  for (const severity of ['error', 'warning', 'note', '']) {
    await page.locator('#severity').selectOption(severity);
    await settled(page);
    assert.deepEqual(await shown(), all.filter((one) => !severity || one === severity));
  }
});
