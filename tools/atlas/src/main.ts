// If the reader is gone (a closed terminal, for example), still shut down properly.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});

async function main(): Promise<void> {
  // Imported here so that a mistake in a context.json is reported below, without a stack trace.
  const { program } = await import('./program.js');
  const { readAdditions } = await import('./additions.js');
  for (const { add } of await readAdditions()) add(program);
  await program.parseAsync();
}

main().catch((error: unknown) => {
  const { message, stack } = error as Error;
  // A bug needs a stack trace; for all other errors the message is enough.
  const isBug = error instanceof TypeError || error instanceof ReferenceError || error instanceof RangeError;
  process.stderr.write(`atlas: ${isBug ? stack : message}\n`);
  if (process.argv.includes('--json')) process.stdout.write(`${JSON.stringify({ error: message })}\n`);
  process.exit(1);
});
