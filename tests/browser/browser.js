// A browser, and tests that fail on whatever it complains of.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';

import { chromium } from 'playwright-core';

const CHROMIUM = process.env.CHROMIUM || spawnSync('sh', ['-c', 'command -v chromium'], { encoding: 'utf8' }).stdout.trim();

let browser;
before(async () => {
  browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
  });
});
after(() => browser.close());

/** A page in a browser of its own: whatever it asks for or complains of is a problem. */
export async function open(file, hash = '', options = {}) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 1000 }, ...options });
  const page = await context.newPage();
  const url = pathToFileURL(file).href;
  const problems = [];
  page.on('pageerror', (error) => problems.push(`error: ${error.message}`));
  page.on('dialog', (dialog) => {
    problems.push(`dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  page.on('console', (message) => {
    if (['error', 'warning', 'assert'].includes(message.type())) problems.push(`console: ${message.text()}`);
  });
  page.on('request', (request) => {
    if (request.url().split('#')[0] !== url) problems.push(`request: ${request.url()}`);
  });
  await page.addInitScript(() => {
    addEventListener('securitypolicyviolation', (event) => console.error(`blocked: ${event.violatedDirective}`));
    new MutationObserver(() => {
      if (document.documentElement?.dataset.ready) window.readyAfter ??= performance.now();
    }).observe(document, { attributes: true, subtree: true, attributeFilter: ['data-ready'] });
  });
  await page.goto(url + hash);
  if (options.javaScriptEnabled !== false) await ready(page);
  return { page, context, problems, url };
}

export function ready(page) {
  return page.waitForFunction(() => document.documentElement.dataset.ready === 'yes');
}

/** A test of a page. Problems that are meant are taken out of the list by the test. */
export function onPage(name, file, hash, body, options = {}) {
  test(name, async () => {
    const opened = await open(typeof file === 'function' ? file() : file, hash, options);
    try {
      await body(opened.page, opened);
      assert.deepEqual(opened.problems, []);
    } finally {
      await opened.context.close();
    }
  });
}

/** Goes to another view or state, as a link would. */
export async function goTo(page, hash) {
  await page.evaluate((hash) => {
    location.hash = hash;
  }, hash);
  await settled(page);
}

/** Writes into a field of the view that is shown, and waits until the page has taken it over. */
export async function write(page, name, text) {
  await page.locator(`section:not([hidden]) [name="${name}"]`).fill(text);
  await page.waitForFunction(([name, text]) => (state[name] || '') === text, [name, text]);
  await settled(page);
}

/** Waits until the address has been followed and the page is drawn. */
export function settled(page) {
  return page.evaluate(
    () => new Promise((done) => setTimeout(() => requestAnimationFrame(() => requestAnimationFrame(done)), 0))
  );
}

/** The texts of elements. */
export function texts(page, selector) {
  return page.locator(selector).allTextContents();
}
