import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ContextDeclaration, declarationJsonSchema, readDeclarations } from '@atlas/context';
import { composeFile } from './compose';
import {
  kubernetesDatabases,
  kubernetesFrontDoor,
  kubernetesKafka,
  kubernetesPasswords,
  kubernetesPermissions,
  kubernetesProcesses,
} from './kubernetes';
import { productionContexts, productionPostgres } from './kubernetes-production';
import { languageFile } from './language';
import { prometheusRules, prometheusRuleTests, prometheusTargets } from './prometheus';
import { readmeFile } from './readme';

/** A file that follows from the declarations, in whole or in part. */
export interface GeneratedFile {
  /** In the repository. */
  readonly path: string;
  readonly content: string;
  readonly upToDate: boolean;
}

type Generator = (text: string, declarations: readonly ContextDeclaration[]) => string;

const MIGRATIONS = 'deploy/k8s/base/migrations.yaml';
const DATABASES = 'deploy/k8s/overlays/kind/databases.patch.yaml';

const GENERATORS: Readonly<Record<string, Generator>> = {
  'README.md': readmeFile,
  'compose.yaml': composeFile,
  'deploy/k8s/base/processes.yaml': kubernetesProcesses,
  [MIGRATIONS]: kubernetesDatabases(MIGRATIONS),
  [DATABASES]: kubernetesDatabases(DATABASES),
  'deploy/k8s/overlays/kind/kustomization.yaml': kubernetesFrontDoor,
  'deploy/k8s/overlays/kind/setup.yaml': kubernetesPasswords,
  'deploy/k8s/overlays/kind/kafka.yaml': kubernetesKafka,
  'deploy/k8s/overlays/kind/permissions.json': kubernetesPermissions,
  'deploy/k8s/overlays/production/contexts.yaml': productionContexts,
  'deploy/k8s/overlays/production/postgres.yaml': productionPostgres,
  'deploy/prometheus/prometheus.yml': prometheusTargets,
  'deploy/prometheus/rules.yml': prometheusRules,
  'deploy/prometheus/rules.test.yml': prometheusRuleTests,
  'libs/contracts/src/language.ts': languageFile,
  'libs/context/context.schema.json': () => `${JSON.stringify(declarationJsonSchema(), undefined, 2)}\n`,
};

/**
 * What follows from the declarations.
 * @param root of the repository.
 * @throws DeclarationError if a declaration is wrong, UserError if a file has lost a section's marks.
 */
export async function generate(root: string): Promise<readonly GeneratedFile[]> {
  const declarations = readDeclarations(join(root, 'apps'));
  return Promise.all(
    Object.entries(GENERATORS).map(async ([path, generator]) => {
      const before = await readFile(join(root, path), 'utf8').catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return '';
        throw error;
      });
      const content = generator(before, declarations);
      return { path, content, upToDate: content === before };
    }),
  );
}
