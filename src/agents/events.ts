// What an agent says while it works, in one form for all agents: a reader per agent makes these of its stream. All text in
// them comes from inside a cage and is hostile: whoever shows it makes it printable first. Nothing that was said is dropped.

export type AgentEvent =
  /** The agent has begun; `sessionId` is its own name for what can be resumed. */
  | { type: 'session'; sessionId: string; model?: string }
  | { type: 'thinking'; text: string }
  | { type: 'text'; text: string }
  | { type: 'tool-call'; id: string; name: string; input: unknown }
  | { type: 'tool-result'; id: string; output: string; isError: boolean }
  | UsageEvent
  /** What the agent says beside its work: that it tries again, that something is amiss. It goes on. */
  | { type: 'notice'; text: string }
  | { type: 'done'; isError: boolean; text?: string; durationMs?: number; turns?: number }
  /** What the reader does not know, whole: `kind` is the agent's word for it, `raw` the line. */
  | { type: 'unknown'; kind: string; raw: string };

export interface UsageEvent {
  type: 'usage';
  /**
   * `step`: to be added to what was used before. `total`: of the whole run so far; it takes the place of all sums.
   * `session`: the same, but of all runs of this session: a run that resumed takes off what the session had used before.
   */
  scope: 'step' | 'total' | 'session';
  /** All tokens that went in, those from and into a cache among them. */
  inputTokens: number;
  outputTokens: number;
  /** US dollars, where the agent says so itself. */
  costUsd?: number;
  model?: string;
}

/** Makes events of an agent's stream, one line (without its end) at a time. Never throws: what it cannot read is `unknown`. */
export interface StreamReader {
  read(line: string): AgentEvent[];
  /** What was held back for a next line, where the stream ends without one. Absent: nothing ever is. */
  end?(): AgentEvent[];
}
