// A run as OpenTelemetry traces, sent by OTLP over HTTP with the official SDK, which is loaded here and nowhere else, and only where an
// endpoint is configured. What an agent said or was told is not in them, only what it did, when, and what that cost.
import type { Attributes, Span, TimeInput } from '@opentelemetry/api';
import type { Context } from '../cage/context.ts';
import { errorMessage, IronError } from '../platform/errors.ts';
import { readVersion } from '../platform/version.ts';
import { collectEvidence, type EvidenceRequest } from './collect.ts';
import type { TimedEntry } from './entry.ts';

/** `FAILED` of the SDK's `ExportResultCode`, which lies in a package that is not ours to name. */
const NOT_EXPORTED: readonly number[] = [1];

/** An agent may begin calls without end; the oldest counts as ended then. */
const MAX_OPEN_CALLS = 1024;

const ENDPOINTS = ['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'OTEL_EXPORTER_OTLP_ENDPOINT'] as const;

/**
 * Resolves when a collector has taken them. Names are those of OpenTelemetry's semantic conventions for generative AI and HTTP. Throws
 * E_CONFIG where no endpoint is set, E_TOOL_MISSING without the SDK, E_IO where the collector does not take them.
 */
export async function exportTraces(
  context: Context,
  request: EvidenceRequest,
): Promise<{ spans: number; endpoint: string }> {
  const endpoint = endpointOf(context);
  if (endpoint === undefined) {
    throw new IronError('E_CONFIG', {
      message: 'there is no endpoint to send traces to',
      because: `neither ${ENDPOINTS.join(' nor ')} is set`,
      hint: 'set OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318, where a collector listens',
    });
  }
  const sdk = await loadSdk();
  let failure: unknown;
  const exporter = new sdk.OTLPTraceExporter({ url: endpoint });
  const provider = new sdk.BasicTracerProvider({
    resource: sdk.resourceFromAttributes({ 'service.name': 'ironcage', 'service.version': readVersion() }),
    spanProcessors: [
      new sdk.BatchSpanProcessor({
        // Failures are thrown away by the processor: what matters here is whether the collector has taken them.
        export: (spans, done) =>
          exporter.export(spans, (result) => {
            failure ??=
              result.error ??
              (NOT_EXPORTED.includes(result.code) ? new Error('the collector refused them') : undefined);
            done(result);
          }),
        shutdown: () => exporter.shutdown(),
        forceFlush: () => exporter.forceFlush(),
      }),
    ],
  });
  const build = createSpans(sdk, provider.getTracer('ironcage', readVersion()));
  try {
    for await (const entry of collectEvidence(context, request)) build.add(entry);
    build.end(context.clock.now());
    await provider.forceFlush().catch((error: unknown) => (failure ??= error));
  } finally {
    // What could not be sent was told already.
    await provider.shutdown().catch((error: unknown) => (failure ??= error));
  }
  if (failure !== undefined) {
    throw new IronError('E_IO', {
      message: `the traces did not arrive at ${endpoint}`,
      because: errorMessage(failure),
      hint: 'see that a collector listens there for OTLP over HTTP',
    });
  }
  return { spans: build.count(), endpoint };
}

/** As the specification of the variables has it: the general one is where the paths of all signals begin. */
function endpointOf({ environment }: Context): string | undefined {
  const [traces, general] = ENDPOINTS.map((name) => environment[name]);
  if (traces !== undefined && traces !== '') return traces;
  return general === undefined || general === '' ? undefined : `${general.replace(/\/$/, '')}/v1/traces`;
}

async function loadSdk() {
  try {
    const [api, base, http, resources] = await Promise.all([
      import('@opentelemetry/api'),
      import('@opentelemetry/sdk-trace-base'),
      import('@opentelemetry/exporter-trace-otlp-http'),
      import('@opentelemetry/resources'),
    ]);
    const { trace, ROOT_CONTEXT, SpanKind, SpanStatusCode } = api;
    const { BasicTracerProvider, BatchSpanProcessor } = base;
    const { OTLPTraceExporter } = http;
    const { resourceFromAttributes } = resources;
    return {
      ...{ trace, ROOT_CONTEXT, SpanKind, SpanStatusCode },
      ...{ BasicTracerProvider, BatchSpanProcessor, OTLPTraceExporter, resourceFromAttributes },
    };
  } catch (error) {
    throw new IronError('E_TOOL_MISSING', {
      message: 'the SDK of OpenTelemetry is not installed',
      because: errorMessage(error),
      hint: 'npm install @opentelemetry/api @opentelemetry/sdk-trace-base @opentelemetry/resources @opentelemetry/exporter-trace-otlp-http, beside ironcage',
      cause: error,
    });
  }
}

type Sdk = Awaited<ReturnType<typeof loadSdk>>;
type Tracer = ReturnType<InstanceType<Sdk['BasicTracerProvider']>['getTracer']>;

interface Spans {
  add(entry: TimedEntry): void;
  end(timeMs: number): void;
  count(): number;
}

function createSpans({ trace, ROOT_CONTEXT, SpanKind, SpanStatusCode }: Sdk, tracer: Tracer): Spans {
  const runs = new Map<string, { span: Span; agent: string; calls: Map<string, Span> }>();
  const exchanges = new Map<number, Span>();
  let spans = 0;
  const start = (
    name: string,
    parent: Span | undefined,
    startTime: TimeInput,
    attributes: Attributes,
    kind = SpanKind.INTERNAL,
  ): Span => {
    spans += 1;
    const within = parent === undefined ? ROOT_CONTEXT : trace.setSpan(ROOT_CONTEXT, parent);
    return tracer.startSpan(name, { startTime, kind, attributes }, within);
  };
  const fail = (span: Span, message: string): void => void span.setStatus({ code: SpanStatusCode.ERROR, message });
  /** Traffic is the cage's: it belongs to the only run, or to none. */
  const owner = (): Span | undefined => (runs.size === 1 ? [...runs.values()][0]?.span : undefined);

  function add(entry: TimedEntry): void {
    const { timeMs } = entry;
    switch (entry.kind) {
      case 'run': {
        const { model } = fieldsOf(entry.data);
        const agent = String(fieldsOf(entry.data)['agent']);
        const span = start(`invoke_agent ${agent}`, undefined, timeMs, {
          'gen_ai.operation.name': 'invoke_agent',
          'gen_ai.agent.name': agent,
          ...(typeof model === 'string' && { 'gen_ai.request.model': model }),
          'ironcage.run': entry.run,
        });
        runs.set(entry.run, { span, agent, calls: new Map() });
        return;
      }
      case 'agent':
        return addEvent(entry);
      case 'end': {
        const run = runs.get(entry.run);
        const { status, exitCode, costUsd, inputTokens, outputTokens } = fieldsOf(entry.data);
        for (const call of run?.calls.values() ?? []) call.end(timeMs);
        run?.calls.clear();
        run?.span.setAttributes({
          'gen_ai.usage.input_tokens': Number(inputTokens),
          'gen_ai.usage.output_tokens': Number(outputTokens),
          ...(typeof costUsd === 'number' && { 'ironcage.cost_usd': costUsd }),
          ...(typeof exitCode === 'number' && { 'process.exit.code': exitCode }),
        });
        if (run !== undefined && status !== 'done') fail(run.span, String(status));
        run?.span.end(timeMs);
        return;
      }
      case 'network':
        return addExchange(entry);
      case 'message':
        owner()?.addEvent('message', { 'ironcage.message.type': String(fieldsOf(entry.data)['type']) }, timeMs);
        return;
      case 'commit':
        owner()?.addEvent('commit', { 'vcs.ref.head.revision': entry.data.commit }, timeMs);
        return;
      case 'evidence':
      case 'prompt':
      case 'stderr':
      case 'note':
      case 'seal':
        return;
      default:
        entry satisfies never;
    }
  }

  function addEvent({ run: id, data: event, timeMs }: Extract<TimedEntry, { kind: 'agent' }>): void {
    const run = runs.get(id);
    if (run === undefined) return;
    if (event.type === 'tool-call') {
      const attributes = {
        'gen_ai.operation.name': 'execute_tool',
        'gen_ai.tool.name': event.name,
        'gen_ai.tool.call.id': event.id,
      };
      const [[oldest, open] = []] = run.calls;
      if (run.calls.size >= MAX_OPEN_CALLS && oldest !== undefined) {
        open?.end(timeMs);
        run.calls.delete(oldest);
      }
      run.calls.get(event.id)?.end(timeMs);
      run.calls.set(event.id, start(`execute_tool ${event.name}`, run.span, timeMs, attributes));
    } else if (event.type === 'tool-result') {
      const call = run.calls.get(event.id);
      if (event.isError && call !== undefined) fail(call, 'the tool failed');
      call?.end(timeMs);
      run.calls.delete(event.id);
    }
  }

  function addExchange({ data: record, timeMs }: Extract<TimedEntry, { kind: 'network' }>): void {
    if (record.end !== undefined) {
      const span = exchanges.get(record.end.of);
      span?.setAttributes({
        'http.response.status_code': record.end.status,
        'http.request.body.size': record.bytesOut,
        'http.response.body.size': record.bytesIn,
      });
      if (record.end.outcome !== 'complete' && span !== undefined) fail(span, record.end.outcome);
      span?.end(timeMs);
      exchanges.delete(record.end.of);
      return;
    }
    if (record.protocol !== 'http' && record.protocol !== 'websocket') return;
    const attributes = {
      ...{ 'http.request.method': record.method, 'server.address': record.host, 'server.port': record.port },
      ...{ 'ironcage.decision': record.decision, 'ironcage.rule': record.rule },
    };
    const span = start(`${record.method} ${record.host}`, owner(), timeMs, attributes, SpanKind.CLIENT);
    if (record.decision !== 'deny') exchanges.set(record.seq, span);
    else {
      fail(span, `refused by ${record.rule}`);
      span.end(timeMs);
    }
  }

  return {
    add,
    end(timeMs) {
      for (const { span, calls } of runs.values())
        for (const open of [...calls.values(), span]) if (open.isRecording()) open.end(timeMs);
      for (const span of exchanges.values()) span.end(timeMs);
    },
    count: () => spans,
  };
}

function fieldsOf(data: object): Record<string, unknown> {
  return { ...data };
}
