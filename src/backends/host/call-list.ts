// Programs that are a list of system calls: made one after another by a loop of some hundred bytes that ironcage writes itself and
// that needs nothing of where it runs, no library, no shell, no file. With it a process can become one of a container's, where
// no program of this machine is to be found any more. The list is a file, so that no value is on a command line; the first
// call that does not return what is expected ends the program with the words and the code of its row.
// x86-64 only: what is not to be had this way is left to the engine.
import { join } from 'node:path';
import { pathExists } from '../../platform/files.ts';
import { writePublic } from './run-files.ts';
import { executable, MACHINE } from './elf-file.ts';
import { CALLS, ERRORS } from './kernel-numbers.ts';

/** One system call, by its number and arguments. */
export interface Call {
  call: number;
  args: readonly number[];
  /** The greatest value that is no failure. Default 0. */
  most?: number;
  /** Error numbers below 64 after which the next call is made all the same. */
  tolerated?: readonly number[];
  /** For people; said on standard error. */
  failure: string;
  exitCode: number;
}

/** A call of a list that a program of ours stands for: what fails is told by what was being done. */
export function step(doing: string, call: number, args: Call['args'], rest: Partial<Call> = {}): Call {
  return { call, args, failure: `${doing} failed\n`, exitCode: 1, ...rest };
}

/** Those that are open; by their numbers alone, since a kernel before 5.9 closes no range of them. */
export function closeCalls(...files: readonly number[]): Call[] {
  return files.map((file) => step('closing files', CALLS.close, [file], { tolerated: [ERRORS.EBADF] }));
}

/** The last of a list that becomes no other program. */
export const END = step('ending', CALLS.exitGroup, [0]);

/** What goes along with the calls: puts bytes into the list and returns where they will be. */
export type Put = (bytes: Buffer | string) => number;

const LIST_BYTES = 0x40_0000;
/** Enough for most, and grown where it is not: the greatest one costs milliseconds to be had. */
const USUAL_BYTES = 0x1_0000;
const ADDRESS = 0x1000_0000;
const WORD_BYTES = 8;
const ROW_WORDS = 12;
const ROW_BYTES = ROW_WORDS * WORD_BYTES;

/** The file that the program is given as its only argument. Undefined when it would be larger than can be read. */
export function callList(compose: (put: Put) => readonly Call[]): Buffer | undefined {
  let list = Buffer.alloc(USUAL_BYTES);
  let used = WORD_BYTES;
  const reach = (end: number): void => {
    if (end > list.length) list = Buffer.concat([list], Math.min(LIST_BYTES, 2 ** Math.ceil(Math.log2(end))));
  };
  const put: Put = (bytes) => {
    const at = used;
    const length = typeof bytes === 'string' ? Buffer.byteLength(bytes) : bytes.length;
    if (at + length < LIST_BYTES) {
      reach(at + length);
      if (typeof bytes === 'string') list.write(bytes, at);
      else bytes.copy(list, at);
    }
    // Every text ends in a zero.
    used = at + Math.ceil((length + 1) / WORD_BYTES) * WORD_BYTES;
    return ADDRESS + at;
  };
  const failures = new Map<string, number>();
  const rows = compose(put);
  for (const { failure } of rows) if (!failures.has(failure)) failures.set(failure, put(failure));
  const first = used;
  if (first + rows.length * ROW_BYTES > LIST_BYTES) return undefined;
  reach(first + rows.length * ROW_BYTES);
  const halves = halfWords(list);
  writeWord(halves, 0, ADDRESS + first);
  rows.forEach((row, index) =>
    writeRow(halves, first / WORD_BYTES + index * ROW_WORDS, row, failures.get(row.failure) ?? 0),
  );
  return list.subarray(0, first + rows.length * ROW_BYTES);
}

/** Addresses that end in a zero, as execve wants its arguments and its environment. */
export function addresses(texts: readonly string[], put: Put): number {
  const list = Buffer.alloc((texts.length + 1) * WORD_BYTES);
  texts.forEach((text, index) => list.writeUInt32LE(put(text), index * WORD_BYTES));
  return put(list);
}

/** Little-endian, as the machines are that have such a program. */
function halfWords(list: Buffer): Uint32Array {
  return new Uint32Array(list.buffer, list.byteOffset, list.length / 4);
}

const HALF = 2 ** 32;

function writeWord(halves: Uint32Array, index: number, word: number): void {
  halves[index * 2] = word % HALF;
  halves[index * 2 + 1] = Math.floor(word / HALF);
}

function writeRow(halves: Uint32Array, at: number, row: Call, failureAt: number): void {
  const { call, args, most = 0, tolerated = [], failure, exitCode } = row;
  writeWord(halves, at, call);
  args.forEach((argument, index) => writeWord(halves, at + 1 + index, argument));
  writeWord(halves, at + 7, most);
  writeWord(
    halves,
    at + 8,
    tolerated.reduce((bits, error) => bits + 2 ** error, 0),
  );
  writeWord(halves, at + 9, failureAt);
  writeWord(halves, at + 10, Buffer.byteLength(failure));
  writeWord(halves, at + 11, exitCode);
}

/** Name of the program in a cage's run directory, to which no cage writes. */
export const CALL_PROGRAM = 'calls';

/**
 * The command line that makes the calls, with a list of that name in the run directory. Whoever can walk there may run both: they hold
 * nothing secret. Undefined where it is not to be had.
 */
export function writeCalls(
  runDirectory: string,
  name: string,
  compose: (put: Put) => readonly Call[],
): [program: string, list: string] | undefined {
  const program = createCallProgram(process.arch);
  const list = callList(compose);
  if (program === undefined || list === undefined) return undefined;
  const [programFile, listFile] = [join(runDirectory, CALL_PROGRAM), join(runDirectory, `${name}.calls`)] as const;
  // One that is there may be running, for another list.
  if (!pathExists(programFile)) writePublic(programFile, program, 0o555);
  writePublic(listFile, list);
  return [programFile, listFile];
}

/** The program for Node's name of an architecture; undefined where there is none. */
export function createCallProgram(nodeArchitecture: string): Buffer | undefined {
  return nodeArchitecture === 'x64' ? executable(MACHINE.x64, X86_64) : undefined;
}

const X86_64 = Buffer.from([
  ...[0xb8, 2, 0, 0, 0], // mov eax, open
  ...[0x48, 0x8b, 0x7c, 0x24, 0x10], // mov rdi, [rsp + 16]: the first argument
  ...[0x31, 0xf6], // xor esi, esi: read only
  ...[0x0f, 0x05], // syscall
  ...[0x85, 0xc0], // test eax, eax
  ...[0x78, 0x7f], // js nothing
  ...[0x41, 0x89, 0xc0], // mov r8d, eax: the file
  ...[0xb8, 9, 0, 0, 0], // mov eax, mmap
  ...[0xbf, 0x00, 0x00, 0x00, 0x10], // mov edi, ADDRESS
  ...[0xbe, 0x00, 0x00, 0x40, 0x00], // mov esi, LIST_BYTES
  ...[0xba, 3, 0, 0, 0], // mov edx, PROT_READ | PROT_WRITE
  ...[0x41, 0xba, 0x12, 0, 0, 0], // mov r10d, MAP_PRIVATE | MAP_FIXED
  ...[0x45, 0x31, 0xc9], // xor r9d, r9d: from its beginning
  ...[0x0f, 0x05], // syscall
  ...[0x48, 0x39, 0xf8], // cmp rax, rdi
  ...[0x75, 0x58], // jne nothing
  ...[0x48, 0x8b, 0x18], // mov rbx, [rax]: the first row
  // next:
  ...[0x48, 0x8b, 0x03], // mov rax, [rbx]
  ...[0x48, 0x8b, 0x7b, 8], // mov rdi, [rbx + 8]
  ...[0x48, 0x8b, 0x73, 16], // mov rsi, [rbx + 16]
  ...[0x48, 0x8b, 0x53, 24], // mov rdx, [rbx + 24]
  ...[0x4c, 0x8b, 0x53, 32], // mov r10, [rbx + 32]
  ...[0x4c, 0x8b, 0x43, 40], // mov r8, [rbx + 40]
  ...[0x4c, 0x8b, 0x4b, 48], // mov r9, [rbx + 48]
  ...[0x0f, 0x05], // syscall
  ...[0x48, 0x3b, 0x43, 56], // cmp rax, [rbx + 56]: an error is a very great number
  ...[0x76, 0x13], // jbe good
  ...[0x48, 0xf7, 0xd8], // neg rax: the error
  ...[0x48, 0x83, 0xf8, 63], // cmp rax, 63
  ...[0x77, 0x10], // ja bad
  ...[0x48, 0x8b, 0x4b, 64], // mov rcx, [rbx + 64]: the tolerated ones
  ...[0x48, 0x0f, 0xa3, 0xc1], // bt rcx, rax
  ...[0x73, 0x06], // jnc bad
  // good:
  ...[0x48, 0x83, 0xc3, ROW_BYTES], // add rbx, ROW_BYTES
  ...[0xeb, 0xc4], // jmp next
  // bad:
  ...[0xb8, 1, 0, 0, 0], // mov eax, write
  ...[0xbf, 2, 0, 0, 0], // mov edi, 2
  ...[0x48, 0x8b, 0x73, 72], // mov rsi, [rbx + 72]
  ...[0x48, 0x8b, 0x53, 80], // mov rdx, [rbx + 80]
  ...[0x0f, 0x05], // syscall
  ...[0x8b, 0x7b, 88], // mov edi, [rbx + 88]
  ...[0xeb, 0x05], // jmp end
  // nothing:
  ...[0xbf, 125, 0, 0, 0], // mov edi, 125
  // end:
  ...[0xb8, 231, 0, 0, 0], // mov eax, exit_group
  ...[0x0f, 0x05], // syscall
]);
