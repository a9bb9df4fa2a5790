import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, parseAllDocuments } from 'yaml';
import { projectRoot } from '../src/project-root';
import { readDashboard } from './dashboard';

const textOf = (path: string): string => readFileSync(join(projectRoot(), 'deploy', path), 'utf8');

describe('The dashboard', () => {
  it('is as Grafana wants it', () => {
    expect(() => readDashboard()).not.toThrow();
  });

  it('has each panel once, and none over another', () => {
    const { panels } = readDashboard();
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, cell) => `${x + (cell % w)}/${y + Math.floor(cell / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    expect(Math.max(...panels.map(({ gridPos: { x, w } }) => x + w))).toBe(24);
  });

  it('lies where its provider looks for it, and asks the Prometheus of the cluster', () => {
    const { providers } = parse(textOf('grafana/provisioning/dashboards/atlas.yml')) as {
      readonly providers: readonly { readonly type: string; readonly options: { readonly path: string } }[];
    };
    const { datasources } = parse(textOf('grafana/provisioning/datasources/prometheus.yml')) as {
      readonly datasources: readonly {
        readonly type: string;
        readonly url: string;
        readonly isDefault: boolean;
      }[];
    };
    const [deployment] = parseAllDocuments(textOf('k8s/overlays/kind/grafana.yaml')).map(
      (document) => document.toJSON() as unknown,
    ) as readonly {
      readonly spec: {
        readonly template: {
          readonly spec: {
            readonly containers: readonly {
              readonly volumeMounts: readonly { readonly mountPath: string }[];
            }[];
          };
        };
      };
    }[];
    const mounts = deployment?.spec.template.spec.containers[0]?.volumeMounts.map(
      ({ mountPath }) => mountPath,
    );

    expect(providers).toMatchObject([{ type: 'file', options: { path: '/etc/grafana/dashboards' } }]);
    expect(mounts).toContain('/etc/grafana/dashboards');
    expect(datasources).toMatchObject([
      { type: 'prometheus', url: 'http://prometheus:9090', isDefault: true },
    ]);
  });
});
