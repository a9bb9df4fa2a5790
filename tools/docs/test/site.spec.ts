import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { catalogue } from '@atlas/contracts';

// Building takes about 25 s of processor time.
jest.setTimeout(300_000);

const ROOT = join(__dirname, '../../..');
const SITE = join(ROOT, 'dist/docs');

const page = (path: string) => readFileSync(join(SITE, path), 'utf8');

describe('The site of the documentation', () => {
  beforeAll(async () => {
    const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    const [, ...args] = (scripts['docs'] ?? '').split(' ');
    const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
    const [output, errors, [code]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'exit') as Promise<[number]>,
    ]);
    // VitePress fails for a link between pages that leads nowhere.
    if (code !== 0) throw new Error(`${output}\n${errors}`);
  });

  it('has a page for every Markdown file', () => {
    const files = globSync(['docs/**/*.md', 'deploy/**/*.md'], { cwd: ROOT });
    const pages = files.map((file) =>
      file
        .replace(/^docs\//, '')
        .replace(/README\.md$/, 'index.html')
        .replace(/\.md$/, '.html'),
    );
    expect(pages.length).toBeGreaterThan(50);
    expect(pages.filter((path) => !existsSync(join(SITE, path)))).toEqual([]);
  });

  it('describes every context, event and API', () => {
    for (const { type, owner } of catalogue.contracts) {
      expect(page(`reference/events/${type}.html`)).toContain('Examples');
      expect(page(`reference/contexts/${owner}.html`)).toContain(type);
    }
    expect(page('reference/contexts/orders.html')).toContain('PlaceOrder');
    expect(page('reference/api/orders.html')).toContain('POST /orders/:id/cancel');
    expect(page('reference/api/outbox-relay.html')).toContain('POST /relay/adopt');
  });

  it('has the code that it links to', () => {
    const linked = new Set(
      globSync('**/*.html', { cwd: SITE }).flatMap((path) =>
        [...page(path).matchAll(/href="\/(code\/[^"#]+)/g)].map(([, target]) => target as string),
      ),
    );
    expect(linked.size).toBeGreaterThan(200);
    expect([...linked].filter((path) => !existsSync(join(SITE, path)))).toEqual([]);
    expect(page('code/apps/orders/src/domain/order.ts.html')).toContain('class Order');
  });

  it('can be searched without a server', () => {
    const [index = ''] = globSync('assets/chunks/@localSearchIndex*.js', { cwd: SITE });
    expect(page(index)).toContain('idempotency');
  });
});
