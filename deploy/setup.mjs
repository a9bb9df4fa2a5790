// Creates what a cluster needs once and no manifest may contain: a secret with a random password for each name given, and which
// PostgreSQL leads (a ConfigMap, and the Service that points to it). What exists stays as it is.
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';

const LEADER = 'postgres-0';
const account = '/var/run/secrets/kubernetes.io/serviceaccount';
const token = readFileSync(`${account}/token`, 'utf8');
const namespace = readFileSync(`${account}/namespace`, 'utf8');
const api = `https://${process.env.KUBERNETES_SERVICE_HOST}:${process.env.KUBERNETES_SERVICE_PORT}`;

/** Creates an object, unless there is one of its kind and name. */
async function create(resource, object) {
  const response = await fetch(`${api}/api/v1/namespaces/${namespace}/${resource}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ apiVersion: 'v1', ...object }),
    signal: AbortSignal.timeout(30_000),
  });
  const { name } = object.metadata;
  if (response.status !== 201 && response.status !== 409) {
    throw new Error(`${resource}/${name}: ${response.status} ${await response.text()}`);
  }
  process.stdout.write(`${resource}/${name} ${response.status === 201 ? 'created' : 'is there'}\n`);
}

const labels = { 'app.kubernetes.io/part-of': 'atlas' };

try {
  await create('configmaps', {
    kind: 'ConfigMap',
    metadata: { name: 'postgres-leader', labels },
    data: { name: LEADER },
  });
  await create('services', {
    kind: 'Service',
    metadata: { name: 'postgres', labels },
    spec: {
      selector: { 'statefulset.kubernetes.io/pod-name': LEADER },
      ports: [{ name: 'postgres', port: 5432 }],
    },
  });
  for (const name of process.argv.slice(3)) {
    // Letters and digits: passwords become parts of URLs.
    const password = randomBytes(24).toString('hex');
    await create('secrets', { kind: 'Secret', metadata: { name, labels }, stringData: { password } });
  }
} catch (error) {
  process.stderr.write(`The cluster can't be set up: ${error.message}\n`);
  process.exitCode = 1;
}
