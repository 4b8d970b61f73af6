// Every state is an address: opened elsewhere it shows the same, and the browser's buttons go through them.

import assert from 'node:assert/strict';

import { goTo, onPage, settled } from './browser.js';
import { page, scenario } from './podreach.js';

const DIFF = ['diff', '--before', scenario('three-tier'), '--after', scenario('three-tier-fixed')];
const ONLINE = ['report', '-f', scenario('online-boutique')];
const BROKEN = ['report', '-f', 'docs/guide/broken.yaml', '-f', scenario('three-tier'), '--keep-going'];

/** What a reader sees: the texts and the fields of the view. */
function seen(page) {
  return page.evaluate(() => {
    const view = document.querySelector('main > section:not([hidden])');
    const fields = [...view.querySelectorAll('input, select')].map((field) => (field.type === 'checkbox' ? field.checked : field.value));
    const pressed = [...view.querySelectorAll('[aria-pressed]')].map((button) => button.ariaPressed);
    const marked = [...view.querySelectorAll('[aria-selected="true"]')].map((cell) => cell.ariaLabel);
    return { id: view.id, text: view.innerText, fields, pressed, marked };
  });
}

for (const [args, hashes] of [
  [ONLINE, [
    '#overview', '#matrix', '#matrix?level=namespace', '#matrix?level=namespace&from=load&to=boutique',
    '#matrix?columns=boutique&level=workload&rows=load', '#matrix?from=boutique%2Fcheckout&to=boutique%2Fcart',
    '#matrix?from=any+IPv4+address&to=boutique%2Fstorefront', '#matrix?order=name', '#matrix?ns=boutique&port=7070&q=cart',
    '#matrix?label=app%3Dcart&verdict=some%2Copen', '#matrix?internet=yes&shared=hide', '#matrix?port=wrong', '#focus',
    '#focus?w=boutique%2Fcart', '#focus?hops=3&shared=hide&w=boutique%2Fcart', '#focus?w=nobody', '#focus?w=any+IPv4+address',
    '#flows', '#flows?sort=ports+down', '#flows?internet=yes&sort=to', '#findings',
  ]],
  [DIFF, ['#changes', '#changes?change=more', '#changes?change=less', '#overview', '#matrix']],
  [BROKEN, ['#findings?severity=error', '#findings?severity=warning', '#findings']],
]) {
  onPage(`addresses of ${args.slice(0, 3).join(' ')}`, () => page(...args), '', async (first, { context, url }) => {
    const expected = [];
    for (const hash of hashes) {
      await goTo(first, hash);
      expected.push(await seen(first));
      const again = await context.newPage();
      await again.setViewportSize(first.viewportSize());
      await again.goto(url + hash);
      await settled(again);
      assert.deepEqual(await seen(again), expected.at(-1), hash);
      assert.equal(await again.evaluate(() => location.hash), hash, 'the address is as it was given');
      await again.close();
    }
    for (let i = hashes.length - 2; i >= 0; i -= 1) {
      await first.goBack();
      await settled(first);
      assert.deepEqual(await seen(first), expected[i], `back to ${hashes[i]}`);
    }
    for (let i = 1; i < hashes.length; i += 1) {
      await first.goForward();
      await settled(first);
      assert.deepEqual(await seen(first), expected[i], `forward to ${hashes[i]}`);
    }
  });
}

onPage('addresses that name nothing are survived', () => page(...ONLINE), '', async (page) => {
  for (const hash of ['#', '#nothing', '#matrix?', '#matrix?from=x&to=y', '#matrix?level=pod&ns=', '#flows?sort=x+y', '#matrix?ns=%', '#focus?hops=x&w=boutique%2Fcart', '#matrix?__proto__=x&constructor=y', '#matrix?verdict=x', '#changes']) {
    await goTo(page, hash);
    assert.equal(await page.locator('main > section:not([hidden])').count(), 1, hash);
  }
});

onPage('what is typed replaces the address, what is chosen adds one', () => page(...ONLINE), '#matrix', async (page) => {
  const length = () => page.evaluate(() => history.length);
  const before = await length();
  await page.locator('#view-matrix [name="q"]').pressSequentially('cart');
  await page.waitForFunction(() => location.hash === '#matrix?q=cart');
  assert.equal(await length(), before);
  await page.locator('#view-matrix [name="shared"]').check();
  await settled(page);
  assert.equal(await length(), before + 1);
  await page.goBack();
  await settled(page);
  assert.equal(await page.evaluate(() => location.hash), '#matrix?q=cart');
});
