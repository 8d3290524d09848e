// What a review says of a changed file: that it can run on the host or mislead who looks at it, what triggers that, and which
// lines matter. Types and their fixed values only.

/** From what happens without a command of yours to what has to be started by name. */
export const RANKS = ['critical', 'high', 'medium', 'low'] as const;
export type Rank = (typeof RANKS)[number];

/** Stable names: decisions are taken by them, and scripts know them. What each stands for. */
export const FINDING_CLASSES = {
  'git-hook': 'programs that git starts, and the settings of managers that install them',
  'git-settings': 'files that tell git which filters, drivers, submodules and servers to use',
  'embedded-repository': 'a directory that git takes for a repository, with settings that name programs',
  editor: 'tasks and settings that editors read when a folder or file is opened',
  'shell-environment': 'what runs when a shell enters the directory, and variables that programs load',
  toolchain: 'files that choose the version of a tool, some of which can run commands',
  'package-script': 'scripts and settings of package managers',
  dependency: 'names and sources of what is fetched, and then built or run',
  'build-file': 'what build tools and task runners execute, and settings that are programs',
  'test-setup': 'what runs before any test does',
  'interpreter-start': 'what an interpreter or debugger reads when it starts',
  container: 'images and services that are built and started from the project',
  infrastructure: 'descriptions of infrastructure and the settings of its tools',
  ci: 'what a CI service runs after a push, with its secrets',
  'agent-instructions': 'texts that coding agents follow',
  'agent-settings': 'permissions, hooks, servers and skills of coding agents',
  'new-executable': 'a file that can be started by name from now on',
  'link-outside': 'a link that leads out of the project or into a repository',
  'name-collision': 'names that are one file where case or Unicode forms do not count',
  'odd-name': 'names that mean something else on another system',
  'hidden-unicode': 'characters that are invisible or reverse the reading order',
  'terminal-sequence': 'control characters that steer a terminal',
} as const;
export type FindingClass = keyof typeof FINDING_CLASSES;

export interface FindingLine {
  /** Counted from 1, in the file as the cage has it. */
  line: number;
  /** Printable, and cut where it is long. */
  text: string;
}

export interface Finding {
  class: FindingClass;
  rank: Rank;
  /** What runs it. */
  trigger: string;
  /** When that happens. */
  when: string;
  /** What exactly changed, where that is known: keys, a link's target, the other name. Printable. */
  details: readonly string[];
  /** New lines, the telling ones first to be kept. */
  lines: readonly FindingLine[];
  /** New lines that are not among them. */
  moreLines: number;
}

export function isFindingClass(word: string): word is FindingClass {
  return Object.hasOwn(FINDING_CLASSES, word);
}

/** The gravest of several; `low` of none. */
export function gravest(findings: readonly Pick<Finding, 'rank'>[]): Rank {
  return RANKS.find((rank) => findings.some((finding) => finding.rank === rank)) ?? 'low';
}
