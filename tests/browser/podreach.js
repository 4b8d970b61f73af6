// Runs podreach, for pages and for what they are compared with.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

const PODREACH = resolve(ROOT, process.env.PODREACH || 'target/release/podreach');

/** A folder for this process alone. */
export const WORK = mkdtempSync(join(tmpdir(), 'podreach-browser-'));
process.on('exit', () => rmSync(WORK, { recursive: true }));

function run(program, args, cwd) {
  const { status, stdout, stderr, error } = spawnSync(program, args, { cwd, encoding: 'utf8', maxBuffer: 1 << 30 });
  assert.ifError(error);
  return { status, stdout, stderr };
}

/** What podreach prints. Differences end with status 1, mistakes with 2. */
export function podreach(args, cwd = ROOT) {
  const { status, stdout, stderr } = run(PODREACH, args, cwd);
  assert.ok(status < 2, `podreach ${args.join(' ')} ended with ${status}:\n${stderr}`);
  return stdout;
}

/** What podreach prints with `-o json`. */
export function asked(...args) {
  return JSON.parse(podreach([...args, '-o', 'json']));
}

/** The lines that podreach prints with `-o ndjson`. */
export function lines(...args) {
  return podreach([...args, '-o', 'ndjson']).split('\n').filter(Boolean).map((line) => JSON.parse(line));
}

let pages = 0;

/** The file of a page: `report -f ...`, `diff ...`, `what-if ...`. */
export function page(...args) {
  pages += 1;
  const file = join(WORK, `${pages}.html`);
  podreach([...args, '-o', `html=${file}`]);
  return file;
}

/** The manifests of a scenario. */
export function scenario(name) {
  return `scenarios/${name}/manifests`;
}

/** A generated cluster, as a file. */
export function synth(...args) {
  const { status, stdout, stderr } = run(join(dirname(PODREACH), 'examples/synth'), args, ROOT);
  assert.equal(status, 0, stderr);
  return written(`synth${args.join('')}.${stdout.startsWith('{') ? 'json' : 'yaml'}`, stdout);
}

/** A file of these contents. */
export function written(name, text) {
  const file = join(WORK, name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  return file;
}
