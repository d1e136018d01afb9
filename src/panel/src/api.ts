/** What the server answers: the objects of the specification. */
export interface PatternEvent {
  event_id: string;
  event_type: string;
  timestamp: string;
  job_id: string;
  step_id: string | null;
  pattern_run_id: string;
  pattern_id: string;
  status: string;
  details: Record<string, unknown>;
  trace_id?: string;
  span_id?: string;
}

export interface PatternRun {
  pattern_run_id: string;
  pattern_id: string;
  job_id: string;
  step_id: string | null;
  pattern_version: string | null;
  operation_kind: string;
  status: string;
  started_at: string | null;
  finished_at: string | null;
  duration_seconds: number | null;
  inputs: Record<string, unknown>;
  outputs: Record<string, unknown>;
  artifacts: string[];
  events: string[];
  metrics: Record<string, number>;
  tool_metadata: Record<string, string>;
  error: { type: string; message: string; exit_code: number | null } | null;
}

export interface RunPage {
  runs: PatternRun[];
  abandoned: string[];
  cursor: string | null;
  last_event_id: string | null;
}

export interface Job {
  job_id: string;
  runs: number;
  open: number;
  results: Record<string, number>;
  started_at: string;
  last_event_at: string;
  total_seconds: number;
}

export interface Percentiles {
  count: number;
  p50: number;
  p95: number;
  p99: number;
}

export interface Statistics {
  runs: number;
  open: number;
  results: Record<string, number>;
  rate: { success: number; low: number; high: number } | null;
  durations: Record<string, Percentiles>;
}

export interface RecentRun {
  pattern_run_id: string;
  status: string;
  started_at: string | null;
  duration_seconds: number | null;
}

export interface Difference {
  name: string;
  one?: unknown;
  other?: unknown;
}

/** Asks one server. */
export class Api {
  constructor(readonly base: string) {}

  url(path: string, query: Record<string, string | number | undefined> = {}): string {
    const asked = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) if (value !== undefined && value !== "") asked.set(name, String(value));
    const text = asked.toString();
    return `${this.base}${path}${text ? `?${text}` : ""}`;
  }

  /** Returns the answer; throws an Error with what the server says, or with what to do where none answers. */
  async get<T>(path: string, query: Record<string, string | number | undefined> = {}, signal?: AbortSignal): Promise<T> {
    let answer: Response;
    try {
      answer = await fetch(this.url(path, query), { signal: signal ?? null, credentials: "same-origin" });
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new Error("The server does not answer. Is `patternspan serve` running?");
    }
    if (answer.status === 401) throw new Error("A token is wanted: open the address that `patternspan serve` has shown once.");
    let body: unknown;
    try {
      body = await answer.json();
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new Error(answer.ok ? "The server's answer was cut off: reload the page." : `The server answers ${answer.status}.`);
    }
    if (!answer.ok) throw new Error((body as { error?: string }).error ?? `The server answers ${answer.status}.`);
    return body as T;
  }
}

export const id = encodeURIComponent;
