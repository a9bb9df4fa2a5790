import { isLeftOut, LEFT_OUT_SCRIPTS, LEFT_OUT_SUITES } from './left-out';

/** The parts of a package.json that are read or changed here. */
export interface Manifest {
  readonly name: string;
  readonly description?: string;
  readonly bin: Readonly<Record<string, string>>;
  readonly scripts: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

/** Texts of files, by what becomes of them. */
export interface Texts {
  readonly kept: readonly string[];
  readonly leftOut: readonly string[];
}

/**
 * The package.json of a new workspace: without the scripts that run what is left out, and without the packages that only
 * what is left out uses.
 */
export function manifestOf(manifest: Manifest, name: string, texts: Texts): Manifest {
  const isUnneeded = (dependency: string) =>
    !texts.kept.some((text) => mentions(text, dependency)) &&
    texts.leftOut.some((text) => mentions(text, dependency));
  const needed = (dependencies: Readonly<Record<string, string>>) =>
    Object.fromEntries(
      Object.entries(dependencies).filter(([each]) => !isUnneeded(each.replace(/^@types\//, ''))),
    );
  return {
    ...manifest,
    name,
    description: 'Hexagonal services that talk only through events.',
    bin: Object.fromEntries(Object.entries(manifest.bin).filter(([, file]) => !isLeftOut(file))),
    scripts: Object.fromEntries(
      Object.entries(manifest.scripts)
        .filter(([script]) => !LEFT_OUT_SCRIPTS.has(script))
        .map(([script, command]) => [
          script,
          command
            .split(' ')
            .filter((word) => !LEFT_OUT_SUITES.test(word))
            .join(' '),
        ]),
    ),
    dependencies: needed(manifest.dependencies),
    devDependencies: needed(manifest.devDependencies),
  };
}

/** Whether a text imports a package, or names a file or the program of it. */
const mentions = (text: string, name: string): boolean =>
  [`'${name}'`, `'${name}/`, `"${name}"`, `"${name}/`, `node_modules/${name}/`].some((each) =>
    text.includes(each),
  );
