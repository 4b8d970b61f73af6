// The page works verdicts out by itself: they must be those of `podreach matrix`, every one.

import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';

import { onPage } from './browser.js';
import { ROOT, page, podreach, scenario, synth, written } from './podreach.js';
import { cluster } from './random.js';
import { blanksOfPage, flows, flowsOfPage } from './truth.js';

function sameVerdicts(name, args) {
  onPage(name, () => page('report', ...args), '', async (page) => {
    let compared = 0;
    for (const level of ['workload', 'namespace']) {
      const expected = flows(level, ...args);
      assert.deepEqual(await page.evaluate(flowsOfPage, level), expected, `by ${level}`);
      compared += Object.keys(expected).length;
      if (args.includes('-l')) continue;
      // What is closed is not what nobody asked about.
      const namespace = args[args.indexOf('-n') + 1];
      const { blank, expected: nothing } = await page.evaluate(blanksOfPage, [level, args.includes('-n') ? namespace : '']);
      assert.deepEqual(blank, nothing, `blank by ${level}`);
    }
    assert.ok(compared > 0);
  });
}

for (const name of readdirSync(`${ROOT}/scenarios`)) {
  if (existsSync(`${ROOT}/${scenario(name)}`)) sameVerdicts(name, ['-f', scenario(name)]);
}

for (const cni of ['calico', 'cilium', 'antrea', 'aws-vpc-cni', 'flannel']) {
  sameVerdicts(`host-network, ${cni}`, ['-f', scenario('host-network'), '--cni', cni]);
  sameVerdicts(`three-tier, ${cni}`, ['-f', scenario('three-tier'), '--cni', cni]);
}
sameVerdicts('what only flannel reaches', ['-f', scenario('web-api-db'), '--cni', 'flannel', '--pod-cidr', '10.244.0.0/16']);
sameVerdicts('one namespace of online-boutique', ['-f', scenario('online-boutique'), '-n', 'boutique']);
sameVerdicts('some labels of three-tier', ['-f', scenario('three-tier'), '-l', 'tier=database']);

const realistic = ['-f', synth('--shape', 'a', '--pods', '600', '--namespaces', '12', '--nodes', '9')];
sameVerdicts('a realistic cluster', realistic);
const { namespace } = JSON.parse(podreach(['matrix', ...realistic, '--by', 'namespace', '-o', 'ndjson']).split('\n').find((line) => line.startsWith('{"from":{"n'))).from;
sameVerdicts('one namespace of a realistic cluster', [...realistic, '-n', namespace]);
sameVerdicts('every pod treated otherwise', ['-f', synth('--shape', 'c', '--pods', '600')]);
sameVerdicts('many small namespaces', ['-f', synth('--shape', 'd', '--pods', '300')]);
sameVerdicts('many blocks of addresses', ['-f', synth('--shape', 'e', '--pods', '20', '--blocks', '30')]);

for (let seed = 0; seed < 20; seed += 1) {
  sameVerdicts(`random cluster ${seed}`, ['-f', written(`random-${seed}.json`, JSON.stringify(cluster(seed), null, 1))]);
}
