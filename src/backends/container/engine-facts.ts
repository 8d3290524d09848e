// What an engine says of itself, read from its own answer.
import { release } from 'node:os';
import { fieldsOf, parseJson } from '../../platform/json.ts';
import { printableLine } from '../../platform/text.ts';
import type { EngineKind } from '../backend.ts';
import type { EngineFacts } from './engine.ts';

/** Undefined when the answer is none of an engine. */
export function readFacts(kind: EngineKind, answer: string): EngineFacts | undefined {
  const fields = fieldsOf(parseJson(answer));
  return kind === 'docker' ? dockerFacts(fields) : podmanFacts(fields);
}

type Fields = Readonly<Record<string, unknown>>;

/** Empty for what is no text. */
function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function dockerFacts(info: Fields): EngineFacts | undefined {
  const engineVersion = info['ServerVersion'];
  // Without a daemon the command line answers as well, with the reason among its fields.
  if (typeof engineVersion !== 'string' || engineVersion === '') return undefined;
  const options = Array.isArray(info['SecurityOptions']) ? info['SecurityOptions'].map(String) : [];
  const system = text(info['OperatingSystem']);
  return {
    version: printableLine(`Docker ${engineVersion} on ${system}`),
    engineVersion,
    runtimeVersion: text(fieldsOf(info['RuncCommit'])['ID']),
    rootless: options.some((option) => option.includes('name=rootless')),
    remapped: options.some((option) => option.includes('name=userns')),
    limits: {
      memory: info['MemoryLimit'] === true,
      pids: info['PidsLimit'] === true,
      cpu: info['CpuCfsQuota'] === true,
    },
    remote: /docker desktop|orbstack/i.test(system) || info['KernelVersion'] !== release(),
  };
}

function podmanFacts(info: Fields): EngineFacts | undefined {
  const engineVersion = fieldsOf(info['version'])['Version'];
  if (typeof engineVersion !== 'string') return undefined;
  const host = fieldsOf(info['host']);
  const runtime = fieldsOf(host['ociRuntime']);
  const rootless = fieldsOf(host['security'])['rootless'] === true;
  const controllers = Array.isArray(host['cgroupControllers']) ? host['cgroupControllers'].map(String) : [];
  const has = (controller: string): boolean => controllers.includes(controller);
  return {
    version: `Podman ${printableLine(engineVersion)} with ${printableLine(text(runtime['name']))}`,
    engineVersion,
    runtimeVersion: text(runtime['version']),
    rootless,
    remapped: false,
    limits: { memory: has('memory'), pids: has('pids'), cpu: has('cpu') },
    remote: host['serviceIsRemote'] === true || host['kernel'] !== release(),
  };
}
