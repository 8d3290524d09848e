// The memory behind budgets: what has passed by each rule that has one. The day's figures outlive the egress, or a restart
// would give every budget anew; what cannot be read back is an error and never an empty page. A clock that is set back
// resets nothing.
import { join } from 'node:path';
import type { Clock } from '../platform/clock.ts';
import { errorMessage, IronError } from '../platform/errors.ts';
import { readTextIfPresent, writeFileAtomic } from '../platform/files.ts';
import { NO_USAGE } from '../policy/inspector.ts';
import type { Budget, Rule, Usage } from '../policy/types.ts';
import { Refusal } from './refusal.ts';
import type { Meter, UsageBook } from './usage.ts';

const FILE = 'usage.json';
/** The figures are written at most so often: a killed egress forgets no more than this. */
const WRITE_INTERVAL_MS = 2000;
const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

interface Page {
  requestsThisMinute: number;
  bytesThisMinute: number;
  requestsToday: number;
  bytesToday: number;
}

/** Throws E_STATE_BROKEN where the file of an earlier egress cannot be read. */
export function createUsageBook(directory: string, clock: Clock): UsageBook {
  const path = join(directory, FILE);
  const stored = readStored(path);
  let day = stored.day;
  let minute = 0;
  const pages = new Map<string, Page>(
    stored.rules.map(([id, requestsToday, bytesToday]) => [
      id,
      { requestsThisMinute: 0, bytesThisMinute: 0, requestsToday, bytesToday },
    ]),
  );
  let timer: NodeJS.Timeout | undefined;

  function turnPages(): void {
    const now = clock.now();
    const thisMinute = Math.floor(now / MINUTE_MS);
    if (thisMinute > minute) {
      minute = thisMinute;
      for (const page of pages.values()) page.requestsThisMinute = page.bytesThisMinute = 0;
    }
    const today = Math.floor(now / DAY_MS);
    if (today > day) {
      day = today;
      pages.clear();
    }
  }

  function pageOf(rule: Rule): Page {
    turnPages();
    const known = pages.get(rule.id);
    if (known !== undefined) return known;
    const page = { requestsThisMinute: 0, bytesThisMinute: 0, requestsToday: 0, bytesToday: 0 };
    pages.set(rule.id, page);
    return page;
  }

  function write(): void {
    clearTimeout(timer);
    timer = undefined;
    const rules = [...pages].map(([id, { requestsToday, bytesToday }]) => [id, requestsToday, bytesToday]);
    writeFileAtomic(path, `${JSON.stringify({ day, rules })}\n`);
  }

  /** A disk that takes no record takes no request either: nothing is lost by trying again with the next change. */
  function writeSoon(): void {
    timer ??= setTimeout(() => {
      try {
        write();
      } catch {
        timer = undefined;
      }
    }, WRITE_INTERVAL_MS).unref();
  }

  return {
    of: (rule): Usage => (rule.budget === undefined ? NO_USAGE : pageOf(rule)),
    open(rule): Meter {
      const budget = rule?.budget;
      if (rule === undefined || budget === undefined) return UNMETERED;
      const page = pageOf(rule);
      page.requestsThisMinute += 1;
      page.requestsToday += 1;
      writeSoon();
      return {
        out(bytes) {
          const current = pageOf(rule);
          refuseBeyond(rule, budget, current, bytes);
          current.bytesThisMinute += bytes;
          current.bytesToday += bytes;
          writeSoon();
        },
      };
    },
    close() {
      if (pages.size > 0) write();
      return Promise.resolve();
    },
  };
}

const UNMETERED: Meter = { out: () => undefined };

function refuseBeyond(rule: Rule, budget: Budget, used: Usage, bytes: number): void {
  const { bytesPerMinute = Number.POSITIVE_INFINITY, bytesPerDay = Number.POSITIVE_INFINITY } = budget;
  const isMinute = !(used.bytesThisMinute + bytes <= bytesPerMinute);
  if (!isMinute && used.bytesToday + bytes <= bytesPerDay) return;
  const [limit, window] = isMinute ? [bytesPerMinute, 'minute'] : [bytesPerDay, 'day'];
  const reason = `the rule ${rule.id} lets ${limit} bytes a ${window} pass, and this request has more than is left`;
  throw new Refusal({ status: 403, rule: '<budget>', reason });
}

interface Stored {
  /** Days since 1970. */
  day: number;
  rules: readonly (readonly [id: string, requestsToday: number, bytesToday: number])[];
}

function readStored(path: string): Stored {
  const text = readTextIfPresent(path);
  if (text === undefined) return { day: 0, rules: [] };
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && 'day' in value && 'rules' in value) {
      const { day, rules } = value;
      if (isCount(day) && Array.isArray(rules)) return { day, rules: rules.map(readLine) };
    }
    throw new Error('it has another form');
  } catch (error) {
    throw new IronError('E_STATE_BROKEN', {
      message: 'what was used of the budgets of this cage cannot be read',
      because: errorMessage(error),
      hint: `look at ${FILE} in the cage’s audit directory; without it, all budgets of today begin anew`,
      cause: error,
    });
  }
}

function readLine(value: unknown): Stored['rules'][number] {
  if (!Array.isArray(value) || value.length !== 3) throw new Error('a line has another form');
  const [id, requestsToday, bytesToday]: unknown[] = value;
  if (typeof id !== 'string' || !isCount(requestsToday) || !isCount(bytesToday)) throw new Error('a line is not whole');
  return [id, requestsToday, bytesToday];
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
