// Input that means harm: names, labels, paths and keys that look like markup stay text.

import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { goTo, onPage, settled } from './browser.js';
import { ROOT, WORK, page } from './podreach.js';

const LONG = 'a'.repeat(63);
const MARKS = ['<script>ran=1</script>', '</script><script>ran=2</script>', '"onmouseover="ran=3', "'><img src=x onerror=ran=4>", '<!--', ']]>', '&lt;b&gt;', '\u202Eevil', '{{7*7}}', '${ran=5}'];

/** Where each mark stands: file names, keys of labels and of specs, values, kinds, names. */
function objects(mark, i) {
  const said = JSON.stringify(mark);
  const pod = (name, namespace, labels) => ({
    apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace, labels, annotations: { [mark]: mark } }, spec: { containers: [{ name: 'c', image: mark }] },
  });
  const policy = (name, spec, metadata = {}) => ({
    apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: { name, namespace: `n${i}`, ...metadata }, spec,
  });
  return [
    pod(`web${i}`, `n${i}`, { app: 'web' }),
    pod(`left-out${i}`, `n${i}`, { [mark]: mark }),
    pod(LONG, `n${i}`, { app: LONG, [`example.com/${LONG}`]: LONG }),
    policy('good', { podSelector: { matchLabels: { app: 'web' } }, ingress: [{ from: [{ podSelector: {} }], ports: [{ port: 80 }] }] }, { annotations: { [mark]: mark } }),
    policy(`bad${i}`, { podSelector: {}, [mark]: mark }),
    policy(`worse${i}`, { podSelector: { matchLabels: { [mark]: mark } } }),
    policy(mark, { podSelector: {}, ingress: [{ from: [{ ipBlock: { cidr: mark } }], ports: [{ port: mark, protocol: mark }] }] }),
    { apiVersion: mark, kind: mark, metadata: { name: mark, namespace: mark } },
    { apiVersion: 'example.com/v1', kind: mark, metadata: { name: `other${i}`, namespace: `n${i}`, labels: { [mark]: said } }, spec: { template: { metadata: { labels: { [mark]: said } }, spec: {} } } },
  ];
}

const FOLDER = join(WORK, 'hostile');
mkdirSync(FOLDER);
MARKS.forEach((mark, i) => {
  const file = join(FOLDER, `${i}${mark.replaceAll('/', '\u2215')}.json`);
  writeFileSync(file, objects(mark, i).map((object) => JSON.stringify(object)).join('\n---\n'));
});

const VIEWS = ['overview', 'matrix', 'matrix?level=namespace', 'focus', 'focus?w=n0%2Fweb0', 'flows', 'findings', 'changes'];

for (const args of [
  ['report', '-f', FOLDER, '--keep-going'],
  ['what-if', '-f', FOLDER, '--keep-going', '--delete', 'netpol/n0/good'],
]) {
  onPage(`hostile input, ${args[0]}`, () => page(...args), '', async (page) => {
    const tags = new Set();
    for (const view of VIEWS) {
      await goTo(page, `#${view}`);
      for (const found of await page.evaluate(() => [...document.querySelectorAll('*')].map(({ localName }) => localName))) tags.add(found);
      assert.equal(await page.evaluate(() => document.querySelectorAll('script').length), 2, view);
      assert.equal(await page.evaluate(() => [...document.querySelectorAll('*')].flatMap((element) => element.getAttributeNames()).filter((name) => name.startsWith('on')).length), 0, view);
      assert.doesNotMatch(await page.evaluate(() => document.body.innerText), /[\u202a-\u202e\u2066-\u2069]/, `${view}: texts keep their direction`);
    }
    for (const tag of ['img', 'iframe', 'object', 'embed', 'svg:script', 'base']) assert.ok(!tags.has(tag), tag);
    // Cells and names that are clicked do nothing else either.
    await goTo(page, '#matrix');
    for (const cell of (await page.locator('#view-matrix .cell:not(.blank)').all()).slice(0, 12)) {
      await cell.click();
      await settled(page);
    }
    assert.equal(await page.evaluate(() => typeof ran), 'undefined');
  });
}

onPage('hostile input is told as it is', () => page('report', '-f', FOLDER, '--keep-going'), '#findings', async (page) => {
  const text = await page.evaluate(() => document.body.textContent);
  for (const mark of MARKS.filter((mark) => !mark.includes('\u202E'))) assert.ok(text.includes(mark), `${mark} is not in the page`);
  assert.ok((await page.locator('#finding-list .error').count()) >= MARKS.length);
});

onPage('hostile addresses of the page', () => page('report', '-f', join(ROOT, 'scenarios/three-tier/manifests')), '', async (page) => {
  for (const mark of MARKS) {
    const said = encodeURIComponent(mark);
    for (const hash of [`#${said}`, `#focus?w=${said}`, `#matrix?port=${said}&rows=${said}&q=${said}&from=${said}&to=${said}`, `#flows?sort=${said}`, `#matrix?${said}=${said}`]) {
      await goTo(page, hash);
      assert.equal(await page.evaluate(() => typeof ran), 'undefined', hash);
      assert.equal(await page.evaluate(() => document.querySelectorAll('script, img').length), 2, hash);
    }
  }
});
