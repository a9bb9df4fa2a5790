import { closeSync, fstatSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { styleText } from 'node:util';
import { prettyFactory } from 'pino-pretty';

export interface LogOptions {
  /** Receives whole lines, each with its line break. */
  readonly write: (text: string) => void;
  /** True: JSON lines, as the processes wrote them; false: human-readable. */
  readonly json: boolean;
  readonly colour: boolean;
  /** Also receives the text of each note. */
  readonly onNote?: (text: string) => void;
}

type Colour = Parameters<typeof styleText>[0];

const COLOURS: readonly Colour[] = [
  'cyan',
  'green',
  'magenta',
  'yellow',
  'blue',
  'cyanBright',
  'greenBright',
];
const NAME_WIDTH = 15;

/** Merges the logs of all processes. */
export class Log {
  private readonly colours = new Map<string, Colour>();
  private readonly pretty: (line: string) => string;

  constructor(private readonly options: LogOptions) {
    this.pretty = prettyFactory({
      colorize: options.colour,
      singleLine: true,
      translateTime: 'SYS:HH:MM:ss.l',
      // The message describes the request, and the prefix names the process.
      ignore: 'pid,hostname,service,context,reqId,req,res,responseTime',
      messageFormat: (line, key) => requestOf(line) ?? String(line[key]),
    });
  }

  /** Logs one line of a process: JSON written by pino, or plain text. */
  line(source: string, text: string): void {
    if (text === '') return;
    if (this.options.json) {
      const line = text.startsWith('{')
        ? text
        : JSON.stringify({ level: 30, time: Date.now(), service: source, msg: text });
      this.options.write(`${line}\n`);
      return;
    }
    const shown = text.startsWith('{') ? this.pretty(text).trimEnd() : text;
    const prefix = this.paint(source, source.padEnd(NAME_WIDTH));
    this.options.write(
      shown
        .split('\n')
        .map((part) => `${prefix} ${part}\n`)
        .join(''),
    );
  }

  /** Logs a message of the atlas command itself. */
  note(text: string, level: 'info' | 'warn' = 'info'): void {
    this.options.onNote?.(text);
    this.line(
      'atlas',
      JSON.stringify({ level: level === 'warn' ? 40 : 30, time: Date.now(), service: 'atlas', msg: text }),
    );
  }

  private paint(source: string, text: string): string {
    if (!this.options.colour) return text;
    let colour = this.colours.get(source);
    if (!colour) {
      colour = COLOURS[this.colours.size % COLOURS.length] ?? 'white';
      this.colours.set(source, colour);
    }
    return styleText(colour, text, { validateStream: false });
  }
}

function requestOf(line: Record<string, unknown>): string | undefined {
  const { req, res, responseTime } = line as {
    req?: { method?: string; url?: string };
    res?: { statusCode?: number };
    responseTime?: number;
  };
  if (!req || !res) return undefined;
  return `${req.method} ${req.url} → ${res.statusCode} in ${responseTime} ms`;
}

const MAX_LOG_BYTES = 32 * 1024 * 1024;

/** Appends to a file. A large file is rotated: it replaces `<path>.1`. */
export function fileWriter(path: string): (text: string) => void {
  mkdirSync(dirname(path), { recursive: true });
  let file = openSync(path, 'a');
  let size = fstatSync(file).size;
  return (text) => {
    try {
      if (size > MAX_LOG_BYTES) {
        closeSync(file);
        renameSync(path, `${path}.1`);
        file = openSync(path, 'a');
        size = 0;
      }
      size += writeSync(file, text);
    } catch {
      // A full disk must not stop the platform; the line is lost.
    }
  };
}
