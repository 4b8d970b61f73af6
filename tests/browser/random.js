// Random small clusters, the same for the same seed: few names, ports and addresses, so that policies collide.

/** Numbers below a bound, by the generator of Park and Miller. */
function dice(seed) {
  let state = seed * 7919 + 1;
  return (bound) => {
    state = (state * 48271) % 2147483647;
    return state % bound;
  };
}

const NAMESPACES = ['a', 'b', 'c'];
const V4 = ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4', '10.0.0.7', '10.0.0.8', '192.168.0.1', '203.0.113.7'];
const V6 = ['fd00::1', 'fd00::2', 'fd00::3', 'fd00::4', '2001:db8::1'];
const BLOCKS = [
  ['10.0.0.0/29', ['10.0.0.2/31']],
  ['0.0.0.0/0', ['10.0.0.0/8', '192.168.0.0/16']],
  ['10.0.0.0/8', ['10.0.0.0/30']],
  ['203.0.113.0/24', []],
  ['::/0', ['fc00::/7']],
  ['fd00::/126', ['fd00::2/128']],
];

/** The objects of a cluster. */
export function cluster(seed) {
  const roll = dice(seed);
  const pick = (list) => list[roll(list.length)];
  const some = (most, make) => Array.from({ length: roll(most + 1) }, make);
  const maybe = (one, key, make) => (roll(one) ? {} : { [key]: make() });
  const labels = (keys) => Object.fromEntries(some(2, () => [pick(keys), pick(['x', 'y'])]));

  const selector = (keys) => (roll(3) === 0 ? {} : roll(3) ? { matchLabels: { [pick(keys)]: pick(['x', 'y']) } } : { matchExpressions: [expression(keys)] });
  const expression = (keys) =>
    roll(2) ? { key: pick(keys), operator: pick(['In', 'NotIn']), values: ['x'] } : { key: pick(keys), operator: pick(['Exists', 'DoesNotExist']) };
  const block = () => {
    const [cidr, except] = pick(BLOCKS);
    return { ipBlock: { cidr, ...(roll(2) && except.length ? { except } : {}) } };
  };
  const ofPods = () => ({ podSelector: selector(['app', 'tier']) });
  const ofNamespaces = () => ({ namespaceSelector: selector(['env', 'kubernetes.io/metadata.name']), ...(roll(2) ? ofPods() : {}) });
  const peer = () => pick([block, ofPods, ofNamespaces])();
  const port = () => {
    const protocol = pick(['TCP', 'UDP', 'SCTP']);
    return pick([{ protocol }, { protocol, port: 'http' }, { protocol, port: 80 }, { protocol, port: 53 }, { protocol, port: 79, endPort: 8080 }]);
  };
  const rules = (key) => some(3, () => ({ ports: some(2, port), ...(roll(4) ? { [key]: [peer(), ...some(2, peer)] } : {}) }));
  const policy = (name) => ({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name, namespace: pick(NAMESPACES) },
    spec: {
      podSelector: selector(['app', 'tier']),
      policyTypes: pick([['Ingress'], ['Egress'], ['Ingress', 'Egress']]),
      ingress: rules('from'),
      egress: rules('to'),
    },
  });

  const free = { v4: [...V4], v6: [...V6] };
  const pod = (name, node) => {
    const addresses = pick([['v4'], ['v4'], ['v4', 'v6'], ['v6'], []]).flatMap((family) => free[family].splice(0, 1));
    return {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace: pick(NAMESPACES), labels: labels(['app', 'tier']) },
      spec: {
        ...maybe(5, 'hostNetwork', () => true),
        nodeName: node,
        containers: [{ name: 'c', ports: some(1, () => ({ name: 'http', containerPort: pick([80, 8080]), protocol: pick(['TCP', 'UDP']) })) }],
      },
      ...(addresses.length ? { status: { podIP: addresses[0], podIPs: addresses.map((ip) => ({ ip })) } } : {}),
    };
  };
  // Pods of one controller that have unlike labels, and a workload of the same name and another kind.
  const replica = (kind, number) => {
    const it = pod(`web-${kind.toLowerCase()}-${number}`, pick(['n0', 'n1']));
    it.metadata.namespace = 'a';
    it.metadata.ownerReferences = [{ apiVersion: 'apps/v1', kind, name: 'web', uid: kind, controller: true }];
    return it;
  };
  const items = [
    ...NAMESPACES.filter(() => roll(2)).map((name) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels: labels(['env']) } })),
    ...['n0', 'n1'].map((name, i) => ({ apiVersion: 'v1', kind: 'Node', metadata: { name }, status: { addresses: [{ type: 'InternalIP', address: `10.0.1.${i}` }] } })),
    ...Array.from({ length: 3 + roll(4) }, (_, i) => pod(`p${i}`, pick(['n0', 'n1']))),
    ...['StatefulSet', 'DaemonSet'].flatMap((kind) => some(3, (_, i) => replica(kind, i))),
    ...Array.from({ length: 3 + roll(8) }, (_, i) => policy(`policy-${i}`)),
  ];
  return { apiVersion: 'v1', kind: 'List', items };
}

/** The objects of the same cluster after a change: policies and pods of another one in place of some of its own. */
export function changed(seed) {
  const [{ items, ...list }, other] = [cluster(seed), cluster(seed + 1000)];
  const roll = dice(seed + 2000);
  const kept = items.filter(({ kind }) => (kind !== 'NetworkPolicy' && kind !== 'Pod') || roll(3));
  const names = new Set(kept.map(({ metadata, kind }) => `${kind} ${metadata.namespace} ${metadata.name}`));
  const addresses = new Set(kept.flatMap(({ status }) => (status?.podIPs || []).map(({ ip }) => ip)));
  const added = other.items.filter(
    ({ kind, metadata, status }) =>
      (kind === 'NetworkPolicy' || kind === 'Pod') &&
      roll(4) === 0 &&
      !names.has(`${kind} ${metadata.namespace} ${metadata.name}`) &&
      !(status?.podIPs || []).some(({ ip }) => addresses.has(ip))
  );
  return { ...list, items: [...kept, ...added] };
}
