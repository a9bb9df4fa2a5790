// If the reader is gone, such as a closed terminal, stop in order all the same.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});

async function main(): Promise<void> {
  // Loaded here, so that a mistake in a context.json is a sentence, too.
  const { program } = await import('./program.js');
  await program.parseAsync();
}

main().catch((error: unknown) => {
  const { message, stack } = error as Error;
  // A defect needs its place in the code; everything else is a sentence.
  const isDefect =
    error instanceof TypeError || error instanceof ReferenceError || error instanceof RangeError;
  process.stderr.write(`atlas: ${isDefect ? stack : message}\n`);
  if (process.argv.includes('--json')) process.stdout.write(`${JSON.stringify({ error: message })}\n`);
  process.exit(1);
});
