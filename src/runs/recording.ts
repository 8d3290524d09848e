// A run from its start to its end, as whoever records it sees it: started where nobody has, its output taken over, read, counted and
// held against its budgets, stopped where it must be, and its end told.
import type { StreamReader } from '../agents/events.ts';
import type { Context } from '../cage/context.ts';
import { openSession } from '../cage/session.ts';
import { errorMessage } from '../platform/errors.ts';
import { removeTree } from '../platform/files.ts';
import { readAgent } from './agent-stream.ts';
import { watchBudgets, type BudgetWatch } from './budget-watch.ts';
import type { BusRun } from './bus-run.ts';
import { endMembers } from './end-members.ts';
import { keepRecord, type KeptRecord } from './kept-record.ts';
import { readLaunch } from './launch-file.ts';
import { isCageAlive, pulseOf, type Pulse } from './live-cage.ts';
import { endedBy, endedWithCage, notStarted, SUPERVISOR_GONE, type Ended } from './run-end.ts';
import type { RunMail } from './run-mail.ts';
import { openRunOutput, type RunOutput } from './run-output.ts';
import type { RunReason, RunRecord } from './run-record.ts';
import type { RunPlaces } from './run-store.ts';
import { startSupervisor } from './start-supervisor.ts';
import { readStopRequest } from './stop-request.ts';

const BUSY_MS = 20;
const IDLE_MS = 100;
/** Between two looks at what changes seldom. */
const LOOK_MS = 300;
/** For the supervisor to end the agent, before what carries the mark of the run is ended without it. */
const STOP_MS = 15_000;
/** A run that was not started for so long is not started any more: nobody would expect it. */
const STALE_MS = 60_000;

export class Recording {
  readonly #context: Context;
  readonly #places: RunPlaces;
  readonly #bus: BusRun;
  readonly #output: RunOutput;
  readonly #stream;
  readonly #pulse: Pulse;
  readonly #mail: RunMail;
  readonly #record: KeptRecord;
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
    this.#record = keepRecord(places, record);
    this.#stream = readAgent(reader);
    this.#pulse = pulseOf(record);
    this.#output = openRunOutput(bus, places, context.clock, (piece) => {
      for (const event of this.#stream.push(piece)) this.#record.hear(event);
    });
  }

  /** `settled`: when it runs, or has ended already. */
  async run(settled: () => void): Promise<void> {
    const budgets = await watchBudgets(this.#context, this.#record.now());
    try {
      this.#output.again();
      const failure = await this.#start();
      if (failure === undefined) {
        const ended = this.#look(budgets);
        if (ended === undefined) {
          this.#record.write(true);
          settled();
          await this.#untilEnded(budgets);
        } else await this.#finish(ended, budgets);
      } else await this.#finish(failure, budgets);
      settled();
    } catch (error) {
      // A full disk, most likely. What nobody holds against its budget must not go on.
      if (budgets.isBounded) await this.#endMembers(budgets, () => undefined);
      throw error;
    } finally {
      budgets.close();
      this.#output.close();
    }
  }

  /** Undefined where it runs. */
  async #start(): Promise<Ended | undefined> {
    const launch = readLaunch(this.#places.launch);
    if (launch === undefined) return undefined;
    try {
      if (this.#bus.status() === undefined) {
        const { id, cage, startedAt } = this.#record.now();
        if (!isCageAlive(this.#record.now())) return notStarted('its cage had ended before it began');
        const age = this.#context.clock.now() - Date.parse(startedAt);
        if (age > STALE_MS) return notStarted('its launch was interrupted');
        const session = await openSession(this.#context, cage);
        await startSupervisor(session, id, launch, () => this.#bus.status() !== undefined);
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
      const taken = this.#output.turn();
      const now = performance.now();
      if (taken === 0 || now - lookedAt > LOOK_MS) {
        lookedAt = now;
        const ended = this.#look(budgets);
        if (ended !== undefined) return this.#finish(ended, budgets);
        if (this.#isLate()) return this.#finish({ status: 'stopped', exitCode: null }, budgets);
      }
      this.#mail.turn(this.#record.now());
      this.#record.write(false);
      await new Promise((wake) => setTimeout(wake, taken > 0 ? BUSY_MS : IDLE_MS));
    }
  }

  /** How it has ended; undefined while it goes on. */
  #look(budgets: BudgetWatch): Ended | undefined {
    const record = this.#record.now();
    const status = this.#bus.status();
    const ended = status && endedBy(status);
    if (ended !== undefined) return ended;
    if (!isCageAlive(record)) return endedWithCage(this.#context, record.cage);
    if (!this.#pulse.lives(status?.beat)) return SUPERVISOR_GONE;
    this.#stopFor(readStopRequest(this.#places.stop) ?? this.#output.outOfBounds() ?? budgets.exceeded(record));
    return undefined;
  }

  #stopFor(reason: RunReason | undefined): void {
    if (reason === undefined || this.#stopping !== undefined) return;
    this.#stopping = { reason, atMs: performance.now() };
    // Before anything is done: a record that dies now still says why.
    this.#record.change({ reason });
    this.#record.write(true);
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
    this.#record.note('its supervisor did not end it in time');
    return true;
  }

  /** `turn`: while they are waited for. */
  async #endMembers({ isBounded }: BudgetWatch, turn: () => void): Promise<void> {
    switch (await endMembers(this.#context, this.#record.now(), { isCounted: isBounded, turn })) {
      case 'nothing':
        return;
      case 'ended':
        return this.#record.note('programs of it went on after its end, and were ended');
      case 'cage-ended':
        return this.#record.note('programs of it could not be ended: the cage was, and they with it');
      case 'left':
        this.#record.note(
          `programs of it may go on in the cage: ironcage restart ${this.#record.now().cage} ends them`,
        );
    }
  }

  async #finish(ended: Ended, budgets: BudgetWatch): Promise<void> {
    // Whatever says that it has ended: nothing of it goes on without being counted.
    await this.#endMembers(budgets, () => void this.#output.turn());
    // What was written before the end; more may come from what should be gone, and is not waited for.
    this.#output.rest();
    for (const event of this.#stream.rest()) this.#record.hear(event);
    if (this.#output.wasCut()) this.#record.note('its output was cut from inside while it ran');
    this.#record.change({ bytesOut: await budgets.bytesOut() });
    const record = this.#record.now();
    // Of a recorder before this one.
    const told = this.#stopping?.reason ?? record.reason ?? undefined;
    this.#record.change({
      status: ended.reason === undefined && told !== undefined ? 'stopped' : ended.status,
      exitCode: ended.exitCode,
      // The price is often told last of all: then the run has ended by itself, and what it cost is told.
      reason: ended.reason ?? told ?? budgets.exceeded(record) ?? null,
      endedAt: new Date(this.#context.clock.now()).toISOString(),
    });
    await this.#tell();
    this.#record.write(true);
    removeTree(this.#places.launch, this.#places.root);
    this.#bus.clear();
  }

  /** Whoever waits for messages hears of the end as well; before the record says it, so that a crash tells it twice and not never. */
  async #tell(): Promise<void> {
    const { status, exitCode, reason } = this.#record.now();
    const payload = {
      reason: reason?.message ?? `the agent ended: ${status}`,
      ...(exitCode !== null && { exit_code: exitCode }),
    };
    await this.#mail.say('exited', payload);
  }
}
