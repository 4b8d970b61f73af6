// How pages look, and whether everybody can use them: checked by axe-core, printed, and drawn for a person to look at.

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

import { onPage, settled } from './browser.js';
import { ROOT, page, scenario } from './podreach.js';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

const PICTURES = join(ROOT, 'target/browser');
mkdirSync(PICTURES, { recursive: true });

const ONLINE = ['report', '-f', scenario('online-boutique')];
const UNKNOWN = ['report', '-f', scenario('three-tier')];
const DIFF = ['diff', '--before', scenario('three-tier'), '--after', scenario('three-tier-fixed')];
const BROKEN = [...UNKNOWN, '-f', 'docs/guide/broken.yaml', '--keep-going'];

/** What is looked at: a name, the page, the view. */
const SHOWN = [
  ['overview', ONLINE, '#overview'],
  ['overview-unknown', UNKNOWN, '#overview'],
  ['overview-changes', DIFF, '#overview'],
  ['matrix', ONLINE, '#matrix'],
  ['matrix-explained', ONLINE, '#matrix?from=boutique%2Fcheckout&to=boutique%2Fcart'],
  ['matrix-unknown', UNKNOWN, '#matrix?from=multi-tier%2Ffrontend&to=kube-system%2Fcoredns'],
  ['matrix-filtered', ONLINE, '#matrix?port=7070&q=cart&verdict=some'],
  ['matrix-namespaces', ONLINE, '#matrix?level=namespace&from=load&to=boutique'],
  ['focus-none', ONLINE, '#focus'],
  ['focus', ONLINE, '#focus?hops=2&w=boutique%2Fcart'],
  ['flows', ONLINE, '#flows?sort=ports'],
  ['findings', BROKEN, '#findings'],
  ['changes', DIFF, '#changes'],
];

for (const [name, args, hash] of SHOWN) {
  for (const colorScheme of ['light', 'dark']) {
    onPage(`${name}, ${colorScheme}`, () => page(...args), hash, async (page) => {
      await page.screenshot({ path: join(PICTURES, `${name}-${colorScheme}.png`) });
      await page.evaluate(AXE);
      const { violations, passes } = await page.evaluate(() =>
        axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] })
      );
      assert.ok(passes.length > 10);
      assert.deepEqual(violations.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map(({ html, any }) => `${html} ${any.map(({ message }) => message).join()}`).join('; ')}`), []);
      if (colorScheme === 'light') {
        await page.setViewportSize({ width: 800, height: 1000 });
        await settled(page);
        await page.screenshot({ path: join(PICTURES, `${name}-narrow.png`) });
        assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'nothing is wider than the page');
      }
    }, { colorScheme });
  }
}

onPage('a printed matrix is whole, without what is clicked', () => page(...ONLINE), '#matrix', async (page) => {
  await page.setViewportSize({ width: 700, height: 500 });
  await page.evaluate(() => {
    addEventListener('beforeprint', () => {
      window.printed = {
        cells: document.querySelectorAll('#view-matrix .cell').length,
        all: matrixView.grid.table.rows.length * matrixView.grid.table.columns.length,
      };
    });
  });
  await page.pdf({ path: join(PICTURES, 'print.pdf') });
  const { cells, all } = await page.evaluate(() => window.printed);
  assert.equal(cells, all);
  await page.emulateMedia({ media: 'print' });
  await page.evaluate(() => dispatchEvent(new Event('beforeprint')));
  for (const gone of ['nav', '.tools', '.skip']) assert.equal(await page.locator(gone).first().isVisible(), false, gone);
  await page.screenshot({ path: join(PICTURES, 'print.png'), fullPage: true });
  assert.deepEqual(
    await page.locator('#view-matrix .grid').evaluate((grid) => [grid.scrollHeight > grid.clientHeight + 1, getComputedStyle(grid).overflow]),
    [false, 'visible']
  );
});
