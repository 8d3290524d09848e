// Names of directories that hold other people's code or the output of a build: large, and no place for one's own work or secrets.
import { toText, type BytePath } from './byte-path.ts';

const NAMES = new Set([
  '.git',
  'node_modules',
  'bower_components',
  'target',
  'dist',
  'build',
  'out',
  'vendor',
  'venv',
  '.venv',
  'env',
  'site-packages',
  '__pycache__',
  '.tox',
  '.mypy_cache',
  '.pytest_cache',
  '.ruff_cache',
  '.next',
  '.nuxt',
  '.turbo',
  '.parcel-cache',
  '.cache',
  '.gradle',
  '.pnpm-store',
  '.yarn',
  '.terraform',
  'coverage',
  'pods',
  'deriveddata',
  '.dart_tool',
]);

export function isGeneratedDirectory(name: BytePath): boolean {
  return NAMES.has(toText(name).toLowerCase());
}
