// The first process of a container cage, as an ELF file that ironcage writes itself: it ignores SIGCHLD, so that the kernel
// reaps what is orphaned, and sleeps. So the image of a cage need hold nothing: no shell, no sleep, no init, no C library.
// Calls and struct kernel_sigaction are of the kernel's own headers.
import { executable, MACHINE } from '../host/elf-file.ts';

const SIGCHLD = 17;
const SIG_IGN = 1n;
const SA_NOCLDWAIT = 2n;
/** Bytes of the kernel's signal mask. */
const MASK_BYTES = 8;

/** The file for Node's name of an architecture; undefined where it is not known. */
export function createHoldProgram(nodeArchitecture: string): Buffer | undefined {
  switch (nodeArchitecture) {
    case 'x64':
      return executable(MACHINE.x64, Buffer.concat([X86_64, ignoreAction()]));
    case 'arm64':
      return executable(MACHINE.arm64, Buffer.concat([aarch64(), ignoreAction()]));
    default:
      return undefined;
  }
}

/** handler, flags, restorer, mask. */
function ignoreAction(): Buffer {
  const action = Buffer.alloc(32);
  action.writeBigUInt64LE(SIG_IGN, 0);
  action.writeBigUInt64LE(SA_NOCLDWAIT, 8);
  return action;
}

const X86_64 = Buffer.from([
  ...[0xb8, 13, 0, 0, 0], // mov eax, rt_sigaction
  ...[0xbf, SIGCHLD, 0, 0, 0], // mov edi, SIGCHLD
  ...[0x48, 0x8d, 0x35, 19, 0, 0, 0], // lea rsi, [rip + 19]: the action behind the code
  ...[0x31, 0xd2], // xor edx, edx
  ...[0x41, 0xba, MASK_BYTES, 0, 0, 0], // mov r10d, 8
  ...[0x0f, 0x05], // syscall
  ...[0xb8, 34, 0, 0, 0], // mov eax, pause
  ...[0x0f, 0x05], // syscall
  ...[0xeb, 0xf7], // jmp to the pause
]);

/** movz: a register gets a value of 16 bits. */
function set(register: number, value: number): number {
  return (0xd2800000 | (value << 5) | register) >>> 0;
}

function aarch64(): Buffer {
  const call = 0xd4000001;
  const instructions = [
    ...[set(8, 134), set(0, SIGCHLD), 0, set(2, 0), set(3, MASK_BYTES), call], // rt_sigaction
    ...[set(0, 0), set(1, 0), set(2, 0), set(3, 0), set(8, 73), call], // ppoll without an end
    (0x14000000 | (-6 & 0x3ffffff)) >>> 0, // b to the ppoll
  ];
  // adr x1: the action behind the code, in words from this instruction on.
  instructions[2] = (0x10000000 | ((instructions.length - 2) << 5) | 1) >>> 0;
  const code = Buffer.alloc(instructions.length * 4);
  instructions.forEach((instruction, index) => code.writeUInt32LE(instruction, index * 4));
  return code;
}
