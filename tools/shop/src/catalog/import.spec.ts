import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { AtlasClient } from '../client';
import { importCatalog } from './import';

/** The catalog's API for writes, in memory; it refuses products without a name or of unknown categories. */
class Catalog {
  readonly documents = new Map<string, { body: string; version: number }>();
  /** The paths of all writes that took effect. */
  readonly writes: string[] = [];
  busiest = 0;
  /** Changes a document just before the next write with If-Match. */
  overtakes: (() => void) | undefined;
  private open = 0;
  private readonly server = createServer((request, response) => void this.serve(request, response));

  async start() {
    await new Promise<void>((done) => this.server.listen(0, '127.0.0.1', done));
    return { catalog: `http://127.0.0.1:${(this.server.address() as AddressInfo).port}` };
  }

  async stop(): Promise<void> {
    const closed = new Promise((done) => this.server.close(done));
    this.server.closeAllConnections();
    await closed;
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.busiest = Math.max(this.busiest, ++this.open);
    const body = (await json(request)) as { name?: string; category?: string };
    const path = decodeURIComponent(request.url ?? '');
    const reply = (status: number, headers: Record<string, string>, answer: object) => {
      this.open--;
      response.writeHead(status, headers).end(JSON.stringify(answer));
    };
    const refuse = (pointer: string, detail: string) =>
      reply(422, {}, { title: 'Refused', detail: 'See errors.', errors: [{ pointer, detail }] });
    await new Promise((done) => setImmediate(done));
    if (path.startsWith('/products/')) {
      if (body.name === undefined) return refuse('/name', 'It is missing.');
      if (!this.documents.has(`/categories/${body.category}`)) return refuse('/category', 'It is unknown.');
    }
    const { 'if-match': match, 'if-none-match': noneMatch } = request.headers;
    if (match !== undefined) this.overtakes?.();
    const found = this.documents.get(path);
    const etag = `"${found?.version ?? 0}"`;
    const text = JSON.stringify(body);
    if (found?.body === text) return reply(200, { etag }, {});
    if (found ? match !== etag : noneMatch !== '*') return reply(412, { etag }, { title: 'Changed' });
    this.documents.set(path, { body: text, version: (found?.version ?? 0) + 1 });
    this.writes.push(path);
    return reply(found ? 200 : 201, {}, {});
  }
}

const line = (document: object) => JSON.stringify(document);
const coffee = line({ category: 'coffee', title: 'Coffee', schema: { type: 'object' } });
const product = (sku: string, name = sku) => line({ sku, category: 'coffee', name });

describe('Importing a file into the catalog', () => {
  let folder: string;
  let catalog: Catalog;
  let client: AtlasClient;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'import-'));
    catalog = new Catalog();
    client = new AtlasClient(await catalog.start(), { patienceMs: 5_000 });
  });
  afterEach(async () => {
    await client.close();
    await catalog.stop();
    await rm(folder, { recursive: true });
  });

  const update = jest.fn();
  async function run(content: string | Buffer, concurrency = 4) {
    const file = join(folder, 'products.jsonl');
    await writeFile(file, content);
    const { wallMs, ...result } = await importCatalog(client, { file, concurrency }, { update });
    expect(wallMs).toBeGreaterThan(0);
    return result;
  }
  const counts = (created: number, changed = 0, unchanged = 0) => ({ created, changed, unchanged });

  it('writes each line, a category before the products that follow', async () => {
    const skus = Array.from({ length: 50 }, (_, index) => `sku-${index}`);
    const result = await run([coffee, ...skus.map((sku) => product(sku)), ''].join('\r\n'));
    expect(result).toEqual({ categories: counts(1), products: counts(50), refused: [] });
    expect(catalog.writes[0]).toBe('/categories/coffee');
    expect(JSON.parse(catalog.documents.get('/products/sku-7')?.body ?? '')).toEqual({
      category: 'coffee',
      name: 'sku-7',
    });
    expect(update).toHaveBeenLastCalledWith(expect.objectContaining({ done: 51, refused: 0 }));
  });

  it('sends no more requests at a time than it may', async () => {
    const skus = Array.from({ length: 60 }, (_, index) => product(`sku-${index}`));
    await run([coffee, ...skus].join('\n'), 3);
    expect(catalog.busiest).toBeLessThanOrEqual(3);
  });

  it('changes nothing when the file is imported again, and only what differs in a later one', async () => {
    const file = [coffee, product('a'), product('b')];
    await run(file.join('\n'));
    const before = [...catalog.writes];
    expect(await run(file.join('\n'))).toEqual({
      categories: counts(0, 0, 1),
      products: counts(0, 0, 2),
      refused: [],
    });
    expect(catalog.writes).toEqual(before);
    const later = await run([coffee, product('a', 'Another'), product('b'), product('c')].join('\n'));
    expect(later.products).toEqual(counts(1, 1, 1));
  });

  it('bases a change on what is there, also if somebody else is faster', async () => {
    await run([coffee, product('a')].join('\n'));
    let times = 2;
    catalog.overtakes = () => {
      if (times-- > 0) catalog.documents.set('/products/a', { body: '{}', version: 40 - times });
    };
    expect((await run([coffee, product('a', 'Mine')].join('\n'))).products).toEqual(counts(0, 1));
    expect(catalog.documents.get('/products/a')?.body).toContain('Mine');
  });

  it('names each line that is wrong and why, and writes the others', async () => {
    const lines: (string | Buffer)[] = [
      coffee,
      product('a'),
      '{"sku": "b",',
      '[]',
      line({ name: 'no SKU' }),
      '',
      line({ sku: 'c', category: 'coffee' }),
      line({ sku: 'd', category: 'tea', name: 'Tea' }),
      product('a', 'Twice'),
      Buffer.from([0x7b, 0xff, 0x7d]),
      `"${'x'.repeat(1_100_000)}"`,
      product('e/../f ?'),
    ];
    const content = Buffer.concat(lines.flatMap((each) => [Buffer.from(each), Buffer.from('\n')]));
    const { products, refused } = await run(content);
    expect(products).toEqual(counts(2));
    expect(refused.map((each) => [each.line, each.reason])).toEqual([
      [3, expect.stringMatching(/^is no JSON: /)],
      [4, expect.stringMatching(/^has neither a "sku"/)],
      [5, expect.stringMatching(/^has neither a "sku"/)],
      [7, expect.stringMatching(/^was refused: .* answered 422: See errors\.; \/name: It is missing\.$/)],
      [8, expect.stringMatching(/^was refused: .*\/category: It is unknown\.$/)],
      [9, 'has the product a again, which is on line 2'],
      [10, 'is not UTF-8'],
      [11, 'is longer than 1048576 bytes'],
    ]);
    expect(catalog.documents.has('/products/e/../f ?')).toBe(true);
  });

  it('gives up when the catalog is not there', async () => {
    await catalog.stop();
    const gone = new AtlasClient({ catalog: 'http://127.0.0.1:1' }, { patienceMs: 300 });
    const file = join(folder, 'products.jsonl');
    await writeFile(file, product('a'));
    await expect(importCatalog(gone, { file, concurrency: 2 }, { update })).rejects.toThrow('gave no answer');
    await gone.close();
    catalog = new Catalog();
    await catalog.start();
  });

  it('says what is wrong with a file that can not be read', async () => {
    await expect(run('')).rejects.toThrow(/is empty; give a file with a product as JSON on each line\.$/);
    await expect(importCatalog(client, { file: folder, concurrency: 1 }, { update })).rejects.toThrow(
      /is a folder/,
    );
  });
});
