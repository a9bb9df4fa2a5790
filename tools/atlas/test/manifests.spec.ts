import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';

const ROOT = join(__dirname, '../../..');
const DEPLOY = join(ROOT, 'deploy/k8s');
/** Schemas by API group; the packages' exports are for `import` alone, which Jest turns into `require`. */
const MODELS: Readonly<Record<string, string>> = {
  'external-secrets.io': '@kubernetes-models/external-secrets',
  'keda.sh': '@kubernetes-models/keda',
  'monitoring.coreos.com': '@kubernetes-models/prometheus-operator',
};
/** No package has their schemas: their operators check them. */
const WITHOUT_SCHEMAS = ['kafka.strimzi.io', 'postgresql.cnpg.io'];
const OVERLAYS = readdirSync(join(DEPLOY, 'overlays'));

interface Reference {
  readonly name: string;
}

interface Container {
  readonly name: string;
  readonly image: string;
  readonly imagePullPolicy?: string;
  readonly resources?: {
    readonly requests?: Readonly<Record<string, string>>;
    readonly limits?: Readonly<Record<string, string>>;
  };
  readonly securityContext?: Readonly<Record<string, unknown>>;
  readonly readinessProbe?: object;
  readonly args?: readonly string[];
  readonly env?: readonly {
    readonly name: string;
    readonly value?: string;
    readonly valueFrom?: { readonly secretKeyRef?: Reference };
  }[];
  readonly envFrom?: readonly { readonly configMapRef?: Reference }[];
}

interface PodSpec {
  readonly containers: readonly Container[];
  readonly initContainers?: readonly Container[];
  readonly securityContext?: Readonly<Record<string, unknown>>;
  readonly enableServiceLinks?: boolean;
  readonly automountServiceAccountToken?: boolean;
  readonly serviceAccountName?: string;
  readonly volumes?: readonly { readonly configMap?: Reference }[];
}

interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
  readonly spec?: {
    readonly replicas?: number;
    readonly minReplicas?: number;
    readonly scaleTargetRef?: { readonly name: string };
    readonly template?: { readonly metadata: { readonly labels: object }; readonly spec: PodSpec };
  };
}

const render = (folder: string): readonly KubernetesObject[] =>
  parseAllDocuments(execFileSync('kubectl', ['kustomize', folder], { encoding: 'utf8' })).map(
    (document) => document.toJS() as KubernetesObject,
  );

const isThere = (program: string): boolean => {
  try {
    execFileSync(program, ['version', '--client'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
};

/** kubectl renders the manifests; CI has it. */
const suite = isThere('kubectl') || process.env['ATLAS_REQUIRE_DOCKER'] === '1' ? describe : describe.skip;

suite('The manifests for Kubernetes', () => {
  it('of "kubectl apply -k deploy/k8s" are those of the kind overlay', () => {
    expect(render(DEPLOY)).toEqual(render(join(DEPLOY, 'overlays/kind')));
  });

  describe.each(OVERLAYS)('of the overlay %s', (overlay) => {
    let objects: readonly KubernetesObject[];
    let pods: readonly (readonly [string, PodSpec])[];
    let containers: readonly (readonly [string, Container])[];

    beforeAll(() => {
      objects = render(join(DEPLOY, 'overlays', overlay));
      pods = objects.flatMap(({ metadata, spec }) =>
        spec?.template ? [[metadata.name, spec.template.spec] as const] : [],
      );
      containers = pods.flatMap(([name, { containers: main, initContainers = [] }]) =>
        [...main, ...initContainers].map((container) => [`${name}/${container.name}`, container] as const),
      );
    });

    it('are valid', async () => {
      const invalid: string[] = [];
      for (const object of objects.filter(
        ({ apiVersion }) => !WITHOUT_SCHEMAS.includes(groupOf(apiVersion)),
      )) {
        const { apiVersion, kind, metadata } = object;
        const models = (await import(modelsOf(apiVersion))) as Record<
          string,
          (new (value: object) => { validate(): void }) | undefined
        >;
        const Model = models[kind];
        if (!Model) {
          invalid.push(`${apiVersion} has no ${kind}`);
          continue;
        }
        try {
          new Model(object).validate();
        } catch (error) {
          invalid.push(`${kind}/${metadata.name}: ${(error as Error).message}`);
        }
      }
      expect(invalid).toEqual([]);
    });

    it('hold no secret', () => {
      expect(objects.filter(({ kind }) => kind === 'Secret')).toEqual([]);
      const literal = containers.flatMap(([name, { env = [] }]) =>
        env
          .filter(({ name: variable, value }) => variable.endsWith('PASSWORD') && value !== undefined)
          .map(({ name: variable }) => `${name} ${variable}`),
      );
      expect(literal).toEqual([]);
    });

    it('refer to nothing that nobody makes', () => {
      if (overlay !== 'kind') return;
      const made = objects.filter(({ kind }) => kind === 'ConfigMap').map(({ metadata }) => metadata.name);
      // What the job "setup" makes: the names that it is given, and who leads.
      const passwords = containers.find(([name]) => name === 'setup/setup')?.[1].args?.slice(1) ?? [];
      const wanted = [
        ...pods.flatMap(([, { volumes = [] }]) => volumes.flatMap(({ configMap }) => configMap?.name ?? [])),
        ...containers.flatMap(([, { envFrom = [] }]) =>
          envFrom.flatMap(({ configMapRef }) => configMapRef?.name ?? []),
        ),
        ...containers.flatMap(([, { env = [] }]) =>
          env.flatMap(({ valueFrom }) => valueFrom?.secretKeyRef?.name ?? []),
        ),
      ];
      const known = [...made, ...passwords, 'postgres-leader'];
      expect(wanted.filter((name) => !known.includes(name))).toEqual([]);
      expect(passwords.filter((name) => !wanted.includes(name))).toEqual([]);
    });

    it('give no container more than it needs', () => {
      const lax = containers.filter(
        ([, { securityContext = {} }]) =>
          securityContext['readOnlyRootFilesystem'] !== true ||
          securityContext['allowPrivilegeEscalation'] !== false ||
          JSON.stringify(securityContext['capabilities']) !== '{"drop":["ALL"]}',
      );
      expect(lax.map(([name]) => name)).toEqual([]);
      const privileged = pods.filter(
        ([, { securityContext = {}, enableServiceLinks }]) =>
          securityContext['runAsNonRoot'] !== true ||
          JSON.stringify(securityContext['seccompProfile']) !== '{"type":"RuntimeDefault"}' ||
          enableServiceLinks !== false,
      );
      expect(privileged.map(([name]) => name)).toEqual([]);
      const withToken = pods.filter(
        ([, { automountServiceAccountToken, serviceAccountName }]) =>
          automountServiceAccountToken !== false && serviceAccountName === undefined,
      );
      expect(withToken.map(([name]) => name)).toEqual([]);
    });

    it('say what each container requests, limit its memory, and never pull an image again', () => {
      const wrong = containers.filter(
        ([, { resources, imagePullPolicy }]) =>
          !resources?.requests?.['cpu'] ||
          !resources.requests['memory'] ||
          !resources.limits?.['memory'] ||
          imagePullPolicy !== 'IfNotPresent',
      );
      expect(wrong.map(([name]) => name)).toEqual([]);
    });

    it('request at most one core in all, so that a machine with two has room for the cluster', () => {
      if (overlay !== 'kind') return;
      const minimum = new Map(
        objects.flatMap(({ kind, spec }) =>
          kind === 'HorizontalPodAutoscaler' && spec?.scaleTargetRef
            ? [[spec.scaleTargetRef.name, spec.minReplicas ?? 1] as const]
            : [],
        ),
      );
      const total = objects.reduce((sum, { kind, metadata, spec }) => {
        if (!spec?.template || kind === 'Job') return sum;
        const replicas = minimum.get(metadata.name) ?? spec.replicas ?? 1;
        const cpus = spec.template.spec.containers.map(({ resources }) => resources?.requests?.['cpu']);
        return cpus.reduce((all, cpu) => all + replicas * millicores(cpu), sum);
      }, 0);
      expect(total).toBeLessThanOrEqual(1_000);
    });

    it('let nothing talk to anything by default', () => {
      const denied = objects.filter(({ kind }) => kind === 'NetworkPolicy').map(({ spec }) => spec);
      expect(denied).toContainEqual({ podSelector: {}, policyTypes: ['Ingress', 'Egress'] });
    });
  });
});

const groupOf = (apiVersion: string): string => apiVersion.split('/')[0] ?? '';

const modelsOf = (apiVersion: string): string =>
  join(ROOT, 'node_modules', MODELS[groupOf(apiVersion)] ?? 'kubernetes-models', apiVersion, 'index.js');

const millicores = (cpu = '0'): number =>
  cpu.endsWith('m') ? Number(cpu.slice(0, -1)) : Number(cpu) * 1_000;
