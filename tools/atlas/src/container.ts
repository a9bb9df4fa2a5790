import { z } from 'zod';

const ports = z.record(z.string(), z.array(z.object({ HostPort: z.string() })).nullable());

/** The part of `docker inspect` that Atlas reads. */
const inspected = z.array(
  z.object({
    Id: z.string(),
    Name: z.string(),
    RestartCount: z.int(),
    State: z.object({
      Running: z.boolean(),
      Pid: z.int(),
      StartedAt: z.string(),
      Health: z.object({ Status: z.string() }).optional(),
    }),
    Config: z.object({ Env: z.array(z.string()), Labels: z.record(z.string(), z.string()) }),
    HostConfig: z.object({ PortBindings: ports.nullable() }),
    NetworkSettings: z.object({ Ports: ports }),
  }),
);

/** A container of the platform. */
export interface Container {
  readonly id: string;
  /** Its service in the compose file, such as `lending-relay`. */
  readonly service: string;
  /** The service, with a number if it has several containers. */
  readonly name: string;
  readonly running: boolean;
  readonly pid: number;
  /** How often Docker restarted it. */
  readonly restarts: number;
  readonly startedAt: Date;
  /** The result of its health check; undefined if there is none yet. */
  readonly health: string | undefined;
  readonly env: ReadonlyMap<string, string>;
  /** The port on the host; undefined if none is published. */
  readonly port: number | undefined;
}

/** @param json the output of `docker inspect`. */
export const parseContainers = (json: string): readonly Container[] =>
  inspected.parse(JSON.parse(json)).map((each) => toContainer(each));

function toContainer(found: z.infer<typeof inspected>[number]): Container {
  const { Id: id, Name, RestartCount, State, Config, HostConfig, NetworkSettings } = found;
  const labels = Config.Labels;
  const service = labels['com.docker.compose.service'] ?? Name;
  const number = labels['com.docker.compose.container-number'] ?? '1';
  const published = [NetworkSettings.Ports, HostConfig.PortBindings ?? {}]
    .flatMap((bindings) => Object.values(bindings))
    .flatMap((bindings) => bindings ?? [])
    .map(({ HostPort }) => Number(HostPort))
    .find((port) => port > 0);
  return {
    id,
    service,
    name: number === '1' ? service : `${service}-${number}`,
    running: State.Running,
    pid: State.Pid,
    restarts: RestartCount,
    startedAt: new Date(State.StartedAt),
    health: State.Health?.Status,
    env: new Map(
      Config.Env.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
    ),
    port: published,
  };
}

/**
 * @param text the output of `docker stats` in the format `{{.ID}} {{.MemUsage}}`.
 * @returns bytes, by the short id of the container.
 */
export const parseMemory = (text: string): ReadonlyMap<string, number> =>
  new Map(
    text.split('\n').flatMap((line) => {
      const [, id, amount, unit] = /^(\S+) ([\d.]+)([KMGT]?i?B)/.exec(line) ?? [];
      return id && amount && unit ? [[id, Number(amount) * (UNITS[unit] ?? 1)] as const] : [];
    }),
  );

const UNITS: Readonly<Record<string, number>> = {
  B: 1,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
};
