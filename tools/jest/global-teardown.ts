export default async function globalTeardown(): Promise<void> {
  await globalThis.atlasTestPostgres?.stop();
}
