// Every view opens, nothing is asked of anybody, and the page's policy holds.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { test } from 'node:test';

import { onPage, open, settled } from './browser.js';
import { page, scenario } from './podreach.js';

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
