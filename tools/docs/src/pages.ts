import { posix } from 'node:path';
import { FILES, isFolder, read } from './workspace';

/** A page of the site. */
export interface Page {
  /** Where it is on the site, such as `adr/index.md`. */
  readonly path: string;
  readonly text: string;
}

/** The Markdown files of the repository that become pages, and where they go. */
const WRITTEN: ReadonlyMap<string, string> = new Map(
  [...FILES]
    .filter((file) => /^(?:README\.md|docs\/.*\.md|deploy\/.*\.md)$/.test(file))
    .sort()
    .map((file) => [file, pathOf(file)]),
);

function pathOf(file: string): string {
  if (file === 'README.md') return 'overview.md';
  return file.replace(/^docs\//, '').replace(/(^|\/)README\.md$/, '$1index.md');
}

/** Where the page of a Markdown file or of a folder's README is. */
const pageOf = (target: string): string | undefined =>
  WRITTEN.get(target) ?? WRITTEN.get(posix.join(target, 'README.md'));

/** A path of the repository between backticks. */
const NAMED = /(?<![[`])`((?:apps|libs|tools|deploy|docs|\.ci)\/[\w./-]*\w\/?)`(?!`|\])/g;

/** The target of a link. A picture's is left alone: `docs/images` is copied to the site. */
const LINK = /(?<!!\[[^\]]*)\]\(([^)\s]+)\)/g;

/** What a page says in fences is left alone. */
const FENCED = /^(```[\s\S]*?^```)/m;

/** The pages that people wrote, with links that work on the site. */
export class WrittenPages {
  private readonly code = new Set<string>();

  /** The files and folders of the repository that pages link to and that are no pages. */
  get linked(): ReadonlySet<string> {
    return this.code;
  }

  read(): readonly Page[] {
    return [...WRITTEN].map(([file, path]) => ({ path, text: this.relink(read(file), file, path) }));
  }

  /**
   * @param file the Markdown file that `text` comes from; what it links to is relative to it.
   * @param path where its page is.
   * @throws Error if a link leads nowhere.
   */
  relink(text: string, file: string, path: string): string {
    return text
      .split(FENCED)
      .map((part) => {
        if (part.startsWith('```')) return part;
        const linked = part.replace(LINK, (_, target: string) => `](${this.targetOf(target, file, path)}`);
        return linked.replace(NAMED, (whole, named: string) =>
          this.exists(named) ? this.linkToCode(whole, named) : whole,
        );
      })
      .join('');
  }

  /** @param target a file or folder of the repository. */
  linkToCode(text: string, target: string): string {
    return `[${text}](${this.codeOf(target)}`;
  }

  /** Where the code of a file or folder is, and the bracket that closes the link. */
  private codeOf(target: string): string {
    const path = target.replace(/\/$/, '');
    this.code.add(path);
    const page = isFolder(path) ? `${path}/index.html` : `${path}.html`;
    // A page that VitePress doesn't know: the browser must load it.
    return `/code/${page}){target="_self"}`;
  }

  private targetOf(target: string, file: string, path: string): string {
    if (/^(?:[a-z]+:|#)/.test(target)) return `${target})`;
    const [relative, anchor] = target.split('#') as [string, string | undefined];
    const wanted = posix.normalize(posix.join(posix.dirname(file), relative)).replace(/\/$/, '');
    const page = pageOf(wanted);
    if (page) {
      const link = posix.relative(posix.dirname(path), page);
      return `${link.startsWith('.') ? link : `./${link}`}${anchor === undefined ? '' : `#${anchor}`})`;
    }
    if (!this.exists(wanted))
      throw new Error(`${file} links to ${target}, which is not there: correct the link.`);
    return this.codeOf(wanted);
  }

  private exists(path: string): boolean {
    return FILES.has(path) || isFolder(path);
  }
}

/** The title of a page: its first heading. */
export const titleOf = (text: string): string => /^# (.+)$/m.exec(text)?.[1]?.replace(/`/g, '') ?? '';
