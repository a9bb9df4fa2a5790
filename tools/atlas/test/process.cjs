// A process such as the supervisor runs: listens on PORT, is ready at once, and keeps a journal of its life.
const { appendFileSync } = require('node:fs');
const { createServer } = require('node:http');

const { NAME, PORT, JOURNAL, BEHAVIOUR, DATABASE_URL } = process.env;
const journal = (event) => appendFileSync(JOURNAL, `${NAME} ${event}\n`);

if (BEHAVIOUR === 'fails') {
  console.error('the database has no such table');
  process.exit(3);
}
const server = createServer((request, response) => {
  if (request.url === '/environment') response.end(JSON.stringify({ DATABASE_URL }));
  else response.end();
});
server.listen(Number(PORT), '127.0.0.1', () => journal('started'));
const stop = (reason) => {
  journal(reason);
  process.exit(0);
};
process.on('SIGTERM', () => (BEHAVIOUR === 'stubborn' ? journal('ignores SIGTERM') : stop('stopped')));
process.on('disconnect', () => (BEHAVIOUR === 'stubborn' ? journal('ignores the loss') : stop('alone')));
