// Every view opens, nothing is asked of anybody, and the page's policy holds.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { createServer } from 'node:http';
import { test } from 'node:test';

import { onPage, open, settled } from './browser.js';
import { ROOT, asked, page, scenario } from './podreach.js';

/** What each view shows once it is drawn. */
const SHOWS = {
  overview: '.figures dd',
  matrix: '.cell',
  focus: 'button.plain',
  flows: '.line [role="cell"]',
  findings: 'li, p',
  changes: '.change',
};

const DIFF = ['diff', '--before', scenario('three-tier'), '--after', scenario('three-tier-fixed')];

for (const [name, args, views] of [
  ['online-boutique', ['report', '-f', scenario('online-boutique')], ['overview', 'matrix', 'focus', 'flows', 'findings']],
  ['three-tier', ['report', '-f', scenario('three-tier')], ['overview', 'matrix', 'focus', 'flows', 'findings']],
  ['a diff', DIFF, Object.keys(SHOWS)],
  ['a what-if', ['what-if', '-f', scenario('three-tier'), '--apply', `${scenario('three-tier-fixed')}/policies.yaml`], Object.keys(SHOWS)],
]) {
  onPage(`every view of ${name}`, () => page(...args), '', async (page) => {
    assert.deepEqual(
      await page.locator('nav li:not([hidden]) a').evaluateAll((links) => links.map((link) => link.dataset.view)),
      views
    );
    for (const view of views) {
      await page.locator(`nav a[data-view="${view}"]`).click();
      await settled(page);
      assert.deepEqual(
        await page.locator('main > section:not([hidden])').evaluateAll((sections) => sections.map(({ id }) => id)),
        [`view-${view}`]
      );
      assert.equal(await page.locator('nav [aria-current="page"]').getAttribute('data-view'), view);
      assert.ok((await page.locator(`#view-${view} ${SHOWS[view]}`).count()) > 0, view);
      assert.match(await page.title(), new RegExp(`^${view} - podreach$`, 'i'));
    }
  });
}

for (const name of ['host-network', 'three-tier', 'online-boutique', 'default-deny']) {
  onPage(`the overview of ${name} is what matrix counts and what was read`, () => page('report', '-f', scenario(name), '--cni', 'calico'), '', async (page) => {
    const { summary, endpoints } = asked('matrix', '-f', scenario(name), '--cni', 'calico');
    const figures = await page.locator('.figures div').evaluateAll((all) => Object.fromEntries(all.map((one) => [one.querySelector('dt').textContent, Number(one.querySelector('dd').textContent)])));
    const { namespaces, workloads, pods, policies } = summary;
    assert.deepEqual(figures, { namespaces, workloads, pods, policies });
    const coverage = {};
    for (const { workload, pods, isolation } of endpoints.filter(({ workload }) => workload)) {
      const sides = (coverage[workload.split('/')[0]] ??= { ingress: {}, egress: {} });
      for (const side of ['ingress', 'egress']) sides[side][isolation[side]] = (sides[side][isolation[side]] || 0) + pods;
    }
    const words = ({ isolated = 0, open = 0, exempt = 0, ...others }) => {
      assert.deepEqual(others, {});
      return `${isolated} of ${isolated + open}${exempt ? `, ${exempt} on the host network` : ''}`;
    };
    const rows = await page.locator('.coverage tbody tr').evaluateAll((all) => all.map((row) => [row.cells[0], row.cells[4], row.cells[6]].map((cell) => cell.textContent)));
    assert.deepEqual(rows, Object.entries(coverage).map(([namespace, { ingress, egress }]) => [namespace, words(ingress), words(egress)]));
    const read = readdirSync(`${ROOT}/${scenario(name)}`).sort().map((file) => {
      const path = `${scenario(name)}/${file}`;
      return [path, createHash('sha256').update(readFileSync(`${ROOT}/${path}`)).digest('hex')];
    });
    assert.deepEqual(await page.locator('tr:has(.digest)').evaluateAll((all) => all.map((row) => [row.querySelector('th code').textContent, row.querySelector('.digest').textContent])), read);
    assert.match(await page.locator('#view-overview').textContent(), /podreach \d+\.\d+\.\d+, CNI profile calico/);
  });
}

onPage('a page of changes opens with them', () => page(...DIFF), '', async (page) => {
  assert.ok(await page.locator('#view-changes').isVisible());
});

onPage('what somebody adds does not run', () => page('report', '-f', scenario('three-tier')), '', async (page, { problems }) => {
  const asked = [];
  const server = createServer((request) => {
    asked.push(request.url);
    request.socket.destroy();
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const origin = `http://127.0.0.1:${server.address().port}`;
  await page.evaluate((origin) => {
    window.ran = [];
    const add = (tag, attributes, text = '') => {
      const element = document.createElement(tag);
      for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
      element.textContent = text;
      document.body.append(element);
      return element;
    };
    add('script', {}, 'ran.push("inline script")');
    add('script', { src: 'data:text/javascript,ran.push("script of an address")' });
    add('button', { onclick: 'ran.push("attribute")' }).click();
    add('a', { href: 'javascript:ran.push("link")' }).click();
    add('style', {}, 'body { outline: 7px solid }');
    add('p', { style: 'outline: 7px solid', id: 'styled' });
    add('img', { src: `${origin}/image` });
    add('iframe', { src: origin });
    add('object', { data: origin });
    add('base', { href: origin });
    fetch(origin).then(() => ran.push('fetch'), () => {});
    new Image().src = `${origin}/image`;
    try {
      new WebSocket(origin.replace('http', 'ws')).onopen = () => ran.push('socket');
    } catch {
      // Some browsers say so at once.
    }
    // Not while the test's own function runs, which the browser exempts.
    setTimeout(() => {
      try {
        eval('ran.push("eval")');
      } catch {
        ran.push('no eval');
      }
    });
  }, origin);
  await page.waitForFunction(() => ran.length > 0);
  for (const selector of ['body', '#styled']) {
    assert.notEqual(await page.locator(selector).evaluate((element) => getComputedStyle(element).outlineWidth), '7px');
  }
  await page.evaluate((origin) => {
    const form = document.createElement('form');
    form.action = origin;
    document.body.append(form);
    form.submit();
  }, origin);
  await new Promise((done) => setTimeout(done, 200));
  assert.deepEqual(await page.evaluate(() => ran), ['no eval']);
  const blocked = new Set(problems.filter((text) => text.startsWith('console: blocked')).map((text) => text.slice(18)));
  for (const directive of [
    'script-src-elem', 'script-src-attr', 'script-src', 'style-src-elem', 'style-src-attr', 'img-src', 'frame-src', 'object-src',
    'base-uri', 'form-action', 'connect-src',
  ]) {
    assert.ok(blocked.has(directive), `${directive} is not among ${[...blocked].join(', ')}`);
  }
  assert.deepEqual(asked, []);
  server.close();
  problems.length = 0;
});

test('without scripts there are the overview and the findings', async () => {
  const { page: opened, context } = await open(page('report', '-f', scenario('three-tier')), '', { javaScriptEnabled: false });
  assert.ok(await opened.locator('#view-overview').isVisible());
  assert.ok(await opened.locator('#view-findings p').first().isVisible());
  assert.ok(await opened.locator('noscript p').isVisible());
  await context.close();
});
