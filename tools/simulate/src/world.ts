import { catalogue } from '@atlas/contracts';
import { Attempts, DeadLetters, EventLog, Inbox, Outbox, Positions, UnitOfWork } from '@atlas/ports/adapters';
import { Clock, IdGenerator, JobTrigger, Random } from '@atlas/ports/application';
import { EventLogServer } from '@atlas/service';
import {
  MemoryDeadLetters,
  MemoryInbox,
  MemoryLogData,
  MemoryOutbox,
  MemoryPositions,
  SequentialIds,
} from '@atlas/testing';
import { RelayOutbox } from '../../../apps/outbox-relay/src/application/commands/relay-outbox';
import { RelayProgress } from '../../../apps/outbox-relay/src/domain/relay-progress';
import { MemoryBooks } from '../../../apps/payment-provider/src/adapters/driven/memory/books.repository';
import { Container } from './container';
import {
  SimulatedAttempts,
  SimulatedDatabase,
  type SimulatedTransaction,
  SimulatedUnitOfWork,
} from './database';
import { type Broker, SESSION_TIMEOUT_MS, SimulatedEventLog } from './event-log';
import { Invariants, Violation } from './invariants';
import { SimulatedOutboxSource } from './outbox-source';
import type { Cast, Fate, Step } from './plan';
import { SimulatedProcess } from './process';
import type { Provider } from './provider';
import { type Service, SERVICES, providerAdapters, providerModule, topicsOf } from './services';
import type { Trace } from './trace';
import type { VirtualTime } from './virtual-time';

/** The classes that a mutation replaces. */
export interface Parts {
  readonly Inbox: new (unitOfWork: SimulatedUnitOfWork) => Inbox;
  readonly Positions: new (unitOfWork: SimulatedUnitOfWork) => Positions;
  readonly OutboxSource: typeof SimulatedOutboxSource;
}

export const REAL_PARTS: Parts = {
  Inbox: MemoryInbox,
  Positions: MemoryPositions,
  OutboxSource: SimulatedOutboxSource,
};

export const CAST: Cast = {
  services: SERVICES.map(({ name }) => name),
  processes: SERVICES.flatMap(({ name }) => [`${name}-1`, `${name}-2`]),
  relays: SERVICES.flatMap(({ name }) => [`${name}-relay-1`, `${name}-relay-2`]),
};

/** More deaths of a consumer would count as a record that kills its process, which is rightly set aside. */
const MAX_DEATHS_OF_A_SERVICE = 2;
const RESTART_MS = 1_000;
/** How long a stopping process may take. */
const GRACE_MS = 10_000;
/** A page of the outbox: small, so that windows have several. */
const PAGE_ROWS = 2;

/** A running process, and what can be done to it. */
interface Running {
  readonly process: SimulatedProcess;
  readonly log: SimulatedEventLog;
  /** Undefined: a relay. */
  readonly container: Container | undefined;
  readonly stop: () => Promise<void>;
}

/** All processes of the shop, and the ground that they stand on. */
export class World {
  readonly invariants: Invariants;
  readonly databases = new Map(SERVICES.map(({ name }) => [name, new SimulatedDatabase()]));
  readonly broker: Broker;
  readonly provider: Provider;
  /** By name. Undefined while it is down. */
  readonly running = new Map<string, Running | undefined>();
  /** By process: how far its clock is ahead, milliseconds. */
  readonly skews = new Map<string, number>();
  /** The use cases that ran. */
  readonly executed = new Set<string>();
  violation: Violation | undefined;
  private readonly ids = new SequentialIds();
  private readonly steps = new Map<string, Step>();
  /** By service: the cursors that its relay has stored. */
  private readonly cursors = new Map<string, string[]>();
  private readonly deaths = new Map<string, number>();

  constructor(
    readonly time: VirtualTime,
    readonly trace: Trace,
    readonly fate: Fate,
    private readonly parts: Parts,
  ) {
    const books = new MemoryBooks();
    const data = new MemoryLogData();
    const clock = { now: () => new Date() };
    const app = new Container(
      providerModule,
      [...providerAdapters(books), [Clock, clock], [IdGenerator, this.ids]],
      this.noteExecuted,
    );
    this.provider = { app, isAway: false };
    this.broker = {
      data,
      isAway: false,
      onAppend: (source, records, cursor) => {
        this.cursors.set(source, [...(this.cursors.get(source) ?? []), cursor]);
        this.check(() => this.invariants.afterAppend(source, records));
      },
    };
    const handled = new Map<string, ReadonlySet<string>>();
    this.invariants = new Invariants({ databases: this.databases, books, handled, trace });
    for (const service of SERVICES) {
      const { container } = this.contextOf(service, this.processOf(`${service.name}-0`, service.name));
      handled.set(service.name, new Set(container.eventHandlers().keys()));
    }
  }

  /** Starts a process that is down. */
  start(name: string): void {
    const isRelay = CAST.relays.includes(name);
    const service = SERVICES.find((each) => name.startsWith(each.name)) as Service;
    const process = this.processOf(name, service.name);
    this.time.after(0, process, () => {
      const started = isRelay ? this.startRelay(service, process) : this.startService(service, process);
      this.running.set(name, started);
      process.onDeath(() => this.bury(started));
    });
  }

  /** Stops a process in order, or after its grace as it is, and starts it again. */
  restart(name: string, downMs: number): void {
    const running = this.running.get(name);
    if (!running?.process.isAlive) return;
    const { process } = running;
    const ended = Promise.withResolvers<void>();
    this.time.after(0, process, () => void running.stop().finally(ended.resolve));
    this.time.after(GRACE_MS, undefined, ended.resolve);
    void ended.promise.then(() => {
      this.trace.add(`${name} has stopped`);
      this.end(process, downMs);
    });
  }

  /** The process dies, and is started again. */
  kill(process: SimulatedProcess, downMs = RESTART_MS): void {
    this.deaths.set(process.service, (this.deaths.get(process.service) ?? 0) + 1);
    this.end(process, downMs);
  }

  /** Has the relay of a service publish its last pages again, as after a restore of the log's cursor. */
  rewind(service: string, pages: number): void {
    const { sessions, cursors } = this.broker.data;
    const older = this.cursors.get(service)?.at(-1 - pages);
    this.invariants.rewound.add(service);
    if (older === undefined) cursors.delete(service);
    else cursors.set(service, older);
    // The relay notices at its next publication.
    sessions.delete(service);
  }

  /** A container of a running process of this service, if there is one. */
  anyOf(service: string): { readonly process: SimulatedProcess; readonly container: Container } | undefined {
    for (const name of [`${service}-1`, `${service}-2`]) {
      const running = this.running.get(name);
      if (running?.process.isAlive && running.container) return { ...running, container: running.container };
    }
    return undefined;
  }

  /** Keeps the first violation; the run ends with it. */
  check(look: () => void): void {
    if (this.violation) return;
    try {
      look();
    } catch (error) {
      if (!(error instanceof Violation)) throw error;
      this.violation = error;
    }
  }

  private end(process: SimulatedProcess, downMs: number): void {
    if (!process.isAlive) return;
    process.die();
    this.time.after(downMs, undefined, () => this.start(process.name));
  }

  /** What others notice of a death: the server at once, the group after the session's timeout. */
  private bury({ process, log }: Running): void {
    this.running.set(process.name, undefined);
    this.databases.get(process.service)?.forget(process);
    this.time.after(SESSION_TIMEOUT_MS, undefined, () => log.expel(true));
  }

  private processOf(name: string, service: string): SimulatedProcess {
    const { time, fate, trace, steps } = this;
    return new SimulatedProcess(name, service, {
      ...{ time, fate, trace, steps },
      mayCrash: () => (this.deaths.get(service) ?? 0) < MAX_DEATHS_OF_A_SERVICE,
      crash: (process) => this.kill(process),
    });
  }

  private startService(service: Service, process: SimulatedProcess): Running {
    const { name } = service;
    const { container, unitOfWork } = this.contextOf(service, process);
    const log = container.get<SimulatedEventLog>(EventLog);
    const server = new EventLogServer(
      {
        eventLog: log,
        unitOfWork,
        inbox: container.get<Inbox>(Inbox),
        positions: container.get<Positions>(Positions),
        deadLetters: container.get<DeadLetters>(DeadLetters),
        attempts: container.get<Attempts>(Attempts),
      },
      { group: name, catalogue },
    );
    for (const [type, handle] of container.eventHandlers()) {
      const handleInTransaction = (event: { readonly id: string }) => {
        (unitOfWork.current as SimulatedTransaction).effects.push(event.id);
        return Promise.resolve(handle(event));
      };
      server.addHandler(type, handleInTransaction as never, true);
    }
    server.listen(() => undefined);
    // The module's own jobs, if it has any, with the hooks that Nest would call.
    const jobs = container.has(JobTrigger)
      ? container.get<{ onApplicationBootstrap(): void; beforeApplicationShutdown(): Promise<void> }>(
          JobTrigger,
        )
      : undefined;
    jobs?.onApplicationBootstrap();
    const stop = async () => {
      await server.close();
      await jobs?.beforeApplicationShutdown();
      await log.close();
    };
    return { process, log, container, stop };
  }

  private startRelay({ name }: Service, process: SimulatedProcess): Running {
    const database = this.databases.get(name) as SimulatedDatabase;
    const log = new SimulatedEventLog(process, this.broker);
    const relay = new RelayOutbox(
      new this.parts.OutboxSource(database, process),
      log,
      new RelayProgress(),
      this.clockOf(process),
      process.random,
      { service: name, topics: topicsOf(name), batchRows: PAGE_ROWS, retentionMs: 3_600_000 },
    );
    const stopping = new AbortController();
    const ended = relay.execute(stopping.signal, () => undefined);
    const stop = () => {
      stopping.abort();
      return ended;
    };
    return { process, log, container: undefined, stop };
  }

  /** The service's module, on this process's ports. */
  private contextOf(service: Service, process: SimulatedProcess) {
    const database = this.databases.get(service.name) as SimulatedDatabase;
    const unitOfWork = new SimulatedUnitOfWork(database, process, (transaction) =>
      this.check(() => this.invariants.afterCommit(service.name, database, transaction)),
    );
    const clock = this.clockOf(process);
    const outbox = new MemoryOutbox(unitOfWork, clock, this.ids);
    const given = [
      [UnitOfWork, unitOfWork],
      [Outbox, outbox],
      [Inbox, new this.parts.Inbox(unitOfWork)],
      [Positions, new this.parts.Positions(unitOfWork)],
      [DeadLetters, new MemoryDeadLetters(unitOfWork)],
      [Attempts, new SimulatedAttempts(database, process)],
      [EventLog, new SimulatedEventLog(process, this.broker)],
      [Clock, clock],
      [IdGenerator, this.ids],
      [Random, process.random],
      ...service.adapters(process, unitOfWork, outbox, this.provider),
    ] as const;
    const container = new Container(service.module(this.fate.plan.expiresEarly), given, this.noteExecuted);
    return { container, unitOfWork };
  }

  private readonly noteExecuted = (useCase: string) => void this.executed.add(useCase);

  private clockOf({ name }: SimulatedProcess): Clock {
    return { now: () => new Date(Date.now() + (this.skews.get(name) ?? 0)) };
  }
}

/** The use cases of all contexts, by the names of their classes. */
export const useCasesOfAll = (): readonly string[] =>
  [providerModule, ...SERVICES.map(({ module }) => module(false))].flatMap((definition) =>
    new Container(definition, []).useCases(),
  );
