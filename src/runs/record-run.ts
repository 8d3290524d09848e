// One run, seen from outside from its start to its end: what its agent writes is taken out of the cage's reach, read, counted and
// held against its budgets. It may die at any moment: whoever records the run next goes on from what is on file.
import { existsSync } from 'node:fs';
import type { AgentEvent, StreamReader } from '../agents/events.ts';
import type { Context } from '../cage/context.ts';
import { leaveCage } from '../cage/within-cage.ts';
import { cageIdentity, currentCaller } from '../cage/identity.ts';
import { occupy } from '../cage/occupancy.ts';
import { openSession } from '../cage/session.ts';
import { cageExists, cagePaths, readCageState, readSpec } from '../cage/store.ts';
import { errorMessage } from '../platform/errors.ts';
import { removeTree } from '../platform/files.ts';
import { printableLine } from '../platform/text.ts';
import type { Owner } from '../platform/beneath.ts';
import { readAgent, readerOf } from './agent-stream.ts';
import { watchBudgets, type BudgetWatch } from './budget-watch.ts';
import { busRun, type BusRun, type GuestStatus } from './bus-run.ts';
import { endMembers } from './end-members.ts';
import { readLaunch } from './launch-file.ts';
import { openRunMail, type RunMail } from './run-mail.ts';
import { isCageAlive, pulseOf, type Pulse } from './live-cage.ts';
import { copyOutput, type OutputCopy } from './output-copy.ts';
import type { RunReason, RunRecord } from './run-record.ts';
import { OUTPUT_NAMES, readRun, runPlaces, writeRun, type RunPlaces } from './run-store.ts';
import { startSupervisor } from './start-supervisor.ts';
import { readStopRequest } from './stop-request.ts';
import { addUsage, NO_RUN_USAGE } from './usage.ts';

const BUSY_MS = 20;
const IDLE_MS = 100;
/** Between two writings of a record that changes all the time. */
const WRITE_MS = 500;
/** Between two looks at what changes seldom. */
const LOOK_MS = 300;
/** For the supervisor to end the agent, before what carries the mark of the run is ended without it. */
const STOP_MS = 15_000;
/** A run that was not started for so long is not started any more: nobody would expect it. */
const STALE_MS = 60_000;
/** Of what an agent writes; beyond, the run ends. */
const MAX_STREAM_BYTES = 2 ** 30;

export interface RecorderHooks {
  /** It runs, or has ended already: whoever waits for that can go on. */
  settled(): void;
  /** The caller holds the cage's lock until then. */
  isLaunch: boolean;
}

/** Nobody else records the run. */
export async function recordRun(context: Context, cage: string, id: string, hooks: RecorderHooks): Promise<void> {
  const places = runPlaces(context, cage, id);
  const record = readRun(places);
  if (record === undefined || record.status !== 'running') {
    if (record !== undefined) hooks.settled();
    return;
  }
  const leave = hooks.isLaunch ? occupy(cagePaths(context, cage)) : await occupyLocked(context, cage);
  try {
    const recording = new Recording(
      context,
      places,
      record,
      busRun(cagePaths(context, cage).bus, id, await ownerOf(context, cage)),
      await readerOf(context, record.agent),
      await openRunMail(context, record),
    );
    await recording.run(hooks);
  } finally {
    await leaveQuietly(context, cage, leave);
  }
}

async function occupyLocked(context: Context, cage: string): Promise<() => void> {
  const { withCageLock } = await import('../cage/store.ts');
  return withCageLock(context, cage, () => Promise.resolve(occupy(cagePaths(context, cage))));
}

/** A cage that was removed meanwhile must not come back as an empty one. */
async function leaveQuietly(context: Context, cage: string, leave: () => void): Promise<void> {
  if (!cageExists(context, cage)) return;
  await leaveCage(context, cage, leave).catch((error: unknown) => context.progress(errorMessage(error)));
}

/** Of a cage whose spec cannot be read the files inside are read all the same. */
async function ownerOf(context: Context, cage: string): Promise<Owner | undefined> {
  const caller = currentCaller();
  if (caller.uid !== 0) return undefined;
  const spec = await readSpec(context, cage).catch(() => undefined);
  return spec === undefined ? undefined : cageIdentity(caller, spec);
}

class Recording {
  readonly #context: Context;
  readonly #places: RunPlaces;
  readonly #bus: BusRun;
  readonly #copies: readonly [stream: OutputCopy, stderr: OutputCopy];
  readonly #stream;
  readonly #pulse: Pulse;
  readonly #mail: RunMail;
  #record: RunRecord;
  #written = '';
  #writtenAt = 0;
  /** Why it was told to end, and when. */
  #stopping: { reason: RunReason; atMs: number } | undefined;

  constructor(
    context: Context,
    places: RunPlaces,
    record: RunRecord,
    bus: BusRun,
    reader: StreamReader,
    mail: RunMail,
  ) {
    this.#context = context;
    this.#mail = mail;
    this.#places = places;
    this.#bus = bus;
    // What is read again is counted again.
    this.#record = { ...record, ...NO_RUN_USAGE };
    this.#stream = readAgent(reader);
    this.#pulse = pulseOf(record);
    const copy = (name: (typeof OUTPUT_NAMES)[number]): OutputCopy =>
      copyOutput({
        open: () => bus.open(`${name}.log`),
        target: places.output[name],
        clock: context.clock,
        maxBytes: MAX_STREAM_BYTES,
      });
    const [stream, stderr] = OUTPUT_NAMES.map(copy);
    if (stream === undefined || stderr === undefined) throw new Error('a run has two outputs');
    this.#copies = [stream, stderr];
  }

  async run(hooks: RecorderHooks): Promise<void> {
    const budgets = await watchBudgets(this.#context, this.#record);
    try {
      this.#readAgain();
      const failure = await this.#start();
      if (failure === undefined) {
        const ended = this.#look(budgets);
        if (ended === undefined) {
          this.#write(true);
          hooks.settled();
          await this.#untilEnded(budgets);
        } else await this.#finish(ended, budgets);
      } else await this.#finish(failure, budgets);
      hooks.settled();
    } catch (error) {
      // A full disk, most likely. What nobody holds against its budget must not go on.
      if (budgets.isBounded) await this.#endMembers(budgets, () => undefined);
      throw error;
    } finally {
      budgets.close();
      for (const copy of this.#copies) copy.close();
    }
  }

  /** What an earlier recorder has taken over. */
  #readAgain(): void {
    if (this.#copies[0].size() > 0) this.#copies[0].again((piece) => this.#take(piece));
  }

  #take(piece: Buffer): void {
    for (const event of this.#stream.push(piece)) this.#hear(event);
  }

  #hear(event: AgentEvent): void {
    if (event.type === 'session') {
      this.#record = {
        ...this.#record,
        sessionId: event.sessionId.slice(0, 200),
        model: event.model?.slice(0, 200) ?? this.#record.model,
      };
    } else if (event.type === 'usage')
      this.#record = { ...this.#record, ...addUsage(this.#record, event, this.#record.sessionBefore) };
  }

  /** Undefined where it runs. */
  async #start(): Promise<Ended | undefined> {
    const launch = readLaunch(this.#places.launch);
    if (launch === undefined) return undefined;
    try {
      if (this.#bus.status() === undefined) {
        if (!isCageAlive(this.#record)) return notStarted('its cage had ended before it began');
        const age = this.#context.clock.now() - Date.parse(this.#record.startedAt);
        if (age > STALE_MS) return notStarted('its launch was interrupted');
        const session = await openSession(this.#context, this.#record.cage);
        await startSupervisor(session, this.#record.id, launch, () => this.#bus.status() !== undefined);
      }
      removeTree(this.#places.launch, this.#places.root);
      return undefined;
    } catch (error) {
      return notStarted(errorMessage(error), error);
    }
  }

  async #untilEnded(budgets: BudgetWatch): Promise<void> {
    let lookedAt = performance.now();
    for (;;) {
      const taken = this.#turn();
      const now = performance.now();
      if (taken === 0 || now - lookedAt > LOOK_MS) {
        lookedAt = now;
        const ended = this.#look(budgets);
        if (ended !== undefined) return this.#finish(ended, budgets);
        if (this.#isLate()) return this.#finish({ status: 'stopped', exitCode: null }, budgets);
      }
      this.#mail.turn(this.#record);
      this.#write(false);
      await new Promise((wake) => setTimeout(wake, taken > 0 ? BUSY_MS : IDLE_MS));
    }
  }

  #turn(): number {
    const [stream, stderr] = this.#copies;
    return stream.turn((piece) => this.#take(piece)) + stderr.turn(() => undefined);
  }

  /** How it has ended; undefined while it goes on. */
  #look(budgets: BudgetWatch): Ended | undefined {
    const status = this.#bus.status();
    if (status?.state === 'exited' || status?.state === 'failed') return endedBy(status);
    if (!isCageAlive(this.#record)) return this.#endedWithCage();
    if (!this.#pulse.lives(status?.beat)) {
      const message = 'its supervisor inside the cage was ended';
      return { status: 'failed', exitCode: null, reason: { code: 'supervisor-gone', message } };
    }
    this.#stopFor(readStopRequest(this.#places.stop) ?? this.#outOfBounds() ?? budgets.exceeded(this.#record));
    return undefined;
  }

  #outOfBounds(): RunReason | undefined {
    if (this.#copies.every((copy) => copy.size() < MAX_STREAM_BYTES)) return undefined;
    return { code: 'stream-too-long', message: `its agent has written more than ${MAX_STREAM_BYTES} bytes` };
  }

  #stopFor(reason: RunReason | undefined): void {
    if (reason === undefined || this.#stopping !== undefined) return;
    this.#stopping = { reason, atMs: performance.now() };
    // Before anything is done: a record that dies now still says why.
    this.#record = { ...this.#record, reason };
    this.#write(true);
    try {
      this.#bus.put('control.json', JSON.stringify({ stop: true, reason: reason.code }));
    } catch (error) {
      // Its directory is what somebody inside made of it, or the disk is full. It is ended without its supervisor, soon.
      this.#context.progress(errorMessage(error));
    }
    if (reason.code.startsWith('budget-')) void this.#mail.say('note', { text: `${reason.message}; the run is ended` });
  }

  /** A supervisor that does not end its agent is not waited for. */
  #isLate(): boolean {
    if (this.#stopping === undefined || performance.now() - this.#stopping.atMs < STOP_MS) return false;
    this.#note('its supervisor did not end it in time');
    return true;
  }

  /** `turn`: while they are waited for. */
  async #endMembers({ isBounded }: BudgetWatch, turn: () => void): Promise<void> {
    switch (await endMembers(this.#context, this.#record, { isCounted: isBounded, turn })) {
      case 'nothing':
        return;
      case 'ended':
        return this.#note('programs of it went on after its end, and were ended');
      case 'cage-ended':
        return this.#note('programs of it could not be ended: the cage was, and they with it');
      case 'left':
        this.#note(`programs of it may go on in the cage: ironcage restart ${this.#record.cage} ends them`);
    }
  }

  /** A stop says so in the state before it ends anything; what else ends a cage does not. */
  #endedWithCage(): Ended {
    let phase: string;
    try {
      phase = cageExists(this.#context, this.#record.cage)
        ? readCageState(this.#context, this.#record.cage).phase
        : 'removing';
    } catch {
      phase = 'unreadable';
    }
    return phase === 'stopping' || phase === 'stopped' || phase === 'removing'
      ? CAGE_STOPPED
      : { status: 'failed', exitCode: null, reason: { code: 'cage-gone', message: 'its cage was ended from outside' } };
  }

  #note(text: string): void {
    if (!this.#record.notes.includes(text)) this.#record = { ...this.#record, notes: [...this.#record.notes, text] };
  }

  async #finish(ended: Ended, budgets: BudgetWatch): Promise<void> {
    // Whatever says that it has ended: nothing of it goes on without being counted.
    await this.#endMembers(budgets, () => void this.#turn());
    // What was written before the end; more may come from what should be gone, and is not waited for.
    let left = this.#copies.reduce((sum, copy) => sum + copy.left(), 0);
    for (let turn = 1; turn > 0 && left > 0; left -= turn) turn = this.#turn();
    for (const event of this.#stream.rest()) this.#hear(event);
    if (this.#copies.some((copy) => copy.wasCut())) this.#note('its output was cut from inside while it ran');
    const bytesOut = await budgets.bytesOut();
    this.#record = { ...this.#record, bytesOut };
    // Of a recorder before this one.
    const told = this.#stopping?.reason ?? this.#record.reason ?? undefined;
    // The price is often told last of all: then the run has ended by itself, and what it cost is told.
    const reason = ended.reason ?? told ?? budgets.exceeded(this.#record) ?? null;
    const isStopped = ended.reason === undefined && told !== undefined;
    this.#record = {
      ...this.#record,
      ...{ status: isStopped ? 'stopped' : ended.status, exitCode: ended.exitCode, reason },
      endedAt: new Date(this.#context.clock.now()).toISOString(),
    };
    await this.#tell();
    this.#write(true);
    removeTree(this.#places.launch, this.#places.root);
    this.#bus.clear();
  }

  /** Whoever waits for messages hears of the end as well; before the record says it, so that a crash tells it twice and not never. */
  async #tell(): Promise<void> {
    const { status, exitCode, reason } = this.#record;
    const payload = {
      reason: reason?.message ?? `the agent ended: ${status}`,
      ...(exitCode !== null && { exit_code: exitCode }),
    };
    await this.#mail.say('exited', payload);
  }

  #write(isUrgent: boolean): void {
    const now = performance.now();
    const text = JSON.stringify(this.#record);
    if (text === this.#written || (!isUrgent && now - this.#writtenAt < WRITE_MS)) return;
    // Of a removed cage nothing is written any more.
    if (!existsSync(this.#places.root)) return;
    writeRun(this.#places, this.#record);
    this.#written = text;
    this.#writtenAt = now;
  }
}

interface Ended {
  status: RunRecord['status'];
  exitCode: number | null;
  reason?: RunReason;
}

const CAGE_STOPPED: Ended = {
  ...{ status: 'stopped', exitCode: null },
  reason: { code: 'cage-stopped', message: 'the cage was stopped' },
};

function endedBy({ state, exitCode: code, told, error }: GuestStatus): Ended {
  const exitCode = code ?? null;
  if (state === 'failed') {
    // Whoever is inside may have written it: it must not read as ironcage's own word.
    const said = error === undefined ? '' : `; from inside, unverified: ${JSON.stringify(printableLine(error))}`;
    return notStarted(`its agent could not be started${said}`);
  }
  if (told === 'cage') return { ...CAGE_STOPPED, exitCode };
  return { status: exitCode === 0 ? 'done' : 'failed', exitCode };
}

function notStarted(because: string, cause?: unknown): Ended {
  const more =
    cause instanceof Error && 'because' in cause && typeof cause.because === 'string' ? `: ${cause.because}` : '';
  return { status: 'failed', exitCode: null, reason: { code: 'not-started', message: `${because}${more}` } };
}
