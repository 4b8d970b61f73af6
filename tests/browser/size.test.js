// Large clusters: soon there, smooth, and never more than a screen of elements. To be run alone, since it measures.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { onPage, open, settled } from './browser.js';
import { page, synth } from './podreach.js';

/** Milliseconds until the page can be used, by the browser's own clock, which starts when the page is asked for. */
const READY = 2000;
/** Milliseconds until what was scrolled to is usually drawn and laid out. */
const STEP = 100;
/** What it may take on a slow machine instead: so many times what as many plain elements take there. */
const MOST_PLAIN = 6;
/** Elements of a view at any time. */
const ELEMENTS = 10_000;

const elements = (page) => page.evaluate(() => document.querySelectorAll('main > section:not([hidden]) *').length);

test('2,000 workloads', async () => {
  const file = page('report', '-f', synth('--shape', 'a', '--pods', '15000'));
  let best = Infinity;
  for (let i = 0; i < 3; i += 1) {
    const { page, context, problems } = await open(file, '#matrix?level=workload');
    best = Math.min(best, await page.evaluate(() => window.readyAfter));
    assert.deepEqual(problems, []);
    assert.ok((await page.evaluate(() => WORKLOADS)) >= 2000);
    await context.close();
  }
  console.log(`interactive after ${Math.round(best)} ms`);
  assert.ok(best < READY, `${best} ms`);

  const { page: opened, context, problems } = await open(file, '#matrix?level=workload');
  const step = await opened.evaluate(async () => {
    const { grid } = matrixView;
    const { element } = grid;
    const steps = 40;
    const took = [];
    for (let i = 1; i <= steps; i += 1) {
      element.scrollTo((element.scrollWidth * i) / steps, (element.scrollHeight * i) / steps);
      const start = performance.now();
      grid.draw();
      // Asking for a size lays out what was drawn.
      element.getBoundingClientRect();
      took.push(performance.now() - start);
      await new Promise(requestAnimationFrame);
    }
    // As many plain elements, made and laid out as often: what this machine takes for that.
    const number = element.querySelectorAll('*').length;
    const plainly = [];
    for (let i = 1; i <= steps; i += 1) {
      const start = performance.now();
      const box = document.createElement('div');
      for (let at = 0; at < number; at += 1) {
        const cell = document.createElement('div');
        cell.textContent = String(at);
        cell.style.cssText = `position:absolute;left:${at % 50}em;top:${Math.floor(at / 50)}em`;
        box.append(cell);
      }
      element.append(box);
      box.getBoundingClientRect();
      plainly.push(performance.now() - start);
      box.remove();
      await new Promise(requestAnimationFrame);
    }
    const median = (times) => times.sort((a, b) => a - b)[steps / 2];
    return { drawn: median(took), plain: median(plainly), number };
  });
  console.log(`a step of scrolling is usually drawn and laid out after ${Math.round(step.drawn)} ms, ${step.number} plain elements after ${Math.round(step.plain)} ms`);
  assert.ok(step.drawn < Math.max(STEP, MOST_PLAIN * step.plain), `${step.drawn} ms`);
  const [rows, columns] = await opened.evaluate(() => [matrixView.grid.table.rows.length, matrixView.grid.table.columns.length]);
  assert.equal(await opened.locator('#view-matrix .cell').last().getAttribute('data-at'), `${rows - 1},${columns - 1}`);
  const count = await elements(opened);
  console.log(`${count} elements`);
  assert.ok(count < ELEMENTS, `${count} elements`);
  await opened.locator('#view-matrix .cell').last().click();
  await settled(opened);
  await opened.locator('nav [data-view="flows"]').click();
  await settled(opened);
  assert.ok((await elements(opened)) < ELEMENTS);
  assert.deepEqual(problems, []);
  await context.close();
});

onPage('10,000 workloads', () => page('report', '-f', synth('--shape', 'a', '--pods', '75000')), '#matrix', async (page) => {
  assert.ok((await page.evaluate(() => WORKLOADS)) >= 10_000);
  assert.ok(await page.locator('#view-matrix .cell').first().isVisible());
  assert.equal(await page.evaluate(() => levelOf()), 'namespace');
  assert.ok((await elements(page)) < ELEMENTS);
  console.log(`interactive after ${Math.round(await page.evaluate(() => window.readyAfter))} ms`);
});
