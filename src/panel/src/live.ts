/** What was recorded and what comes: pages of runs, and a stream that changes them. */
import { useCallback, useEffect, useRef, useState } from "react";
import type { Api, PatternEvent, PatternRun, RunPage } from "./api";
import { id } from "./api";
import { END_TYPES } from "./words";

export type Connection = "connecting" | "live" | "lost";

/** Hears events as they come; in one batch for each frame, however many there are. */
export function useStream(api: Api, after: string | null | undefined, job: string, hear: (events: PatternEvent[]) => void, reset: () => void): Connection {
  const [state, setState] = useState<Connection>("connecting");
  const heard = useRef(hear);
  heard.current = hear;
  const anew = useRef(reset);
  anew.current = reset;
  useEffect(() => {
    if (after === undefined) return;
    const source = new EventSource(api.url("/api/stream", { job_id: job, after: after ?? undefined }));
    let waiting: PatternEvent[] = [];
    let frame = 0;
    const flush = () => {
      frame = 0;
      const some = waiting;
      waiting = [];
      heard.current(some);
    };
    source.addEventListener("open", () => setState("live"));
    source.addEventListener("error", () => setState(source.readyState === EventSource.CLOSED ? "lost" : "connecting"));
    source.addEventListener("pattern_event", (message) => {
      waiting.push(JSON.parse((message as MessageEvent<string>).data) as PatternEvent);
      // A page that is not looked at has no frames.
      if (!frame) frame = document.hidden ? window.setTimeout(flush, 100) : requestAnimationFrame(flush);
    });
    source.addEventListener("reset", () => anew.current());
    return () => source.close();
  }, [api, after, job]);
  return state;
}

export interface Asked {
  job: string;
  status: string;
  text: string;
  pattern: string;
  since: string;
}

export interface Runs {
  runs: PatternRun[];
  abandoned: Set<string>;
  cursor: string | null;
  after: string | null | undefined;
  error: string;
  isLoading: boolean;
}

const NOTHING: Runs = { runs: [], abandoned: new Set(), cursor: null, after: undefined, error: "", isLoading: true };

function query(asked: Asked): Record<string, string | undefined> {
  return { job_id: asked.job, status: asked.status, text: asked.text, pattern_id: asked.pattern, since: asked.since };
}

/** Returns the runs that are asked for, and keeps them as they are now. */
export function useRuns(api: Api, asked: Asked): Runs & { more: () => void; hear: (events: PatternEvent[]) => void; again: () => void } {
  const [found, setFound] = useState<Runs>(NOTHING);
  const [turn, setTurn] = useState(0);
  const again = useCallback(() => setTurn((before) => before + 1), []);
  const key = JSON.stringify(asked);
  useEffect(() => {
    const stop = new AbortController();
    setFound((before) => ({ ...before, isLoading: true }));
    api
      .get<RunPage>("/api/pattern-runs", { ...query(JSON.parse(key) as Asked), limit: 100 }, stop.signal)
      .then((page) =>
        setFound({
          runs: page.runs, abandoned: new Set(page.abandoned), cursor: page.cursor, after: page.last_event_id, error: "", isLoading: false,
        }),
      )
      .catch((error: Error) => {
        if (!stop.signal.aborted) setFound((before) => ({ ...before, error: error.message, isLoading: false }));
      });
    return () => stop.abort();
  }, [api, key, turn]);

  const more = useCallback(() => {
    if (!found.cursor) return;
    api
      .get<RunPage>("/api/pattern-runs", { ...query(JSON.parse(key) as Asked), limit: 100, cursor: found.cursor })
      .then((page) =>
        setFound((before) => ({
          ...before,
          runs: [...before.runs, ...page.runs],
          abandoned: new Set([...before.abandoned, ...page.abandoned]),
          cursor: page.cursor,
        })),
      )
      .catch((error: Error) => setFound((before) => ({ ...before, error: error.message })));
  }, [api, key, found.cursor]);

  const changed = useRef(new Set<string>());
  const timer = useRef(0);
  const hear = useCallback(
    (events: PatternEvent[]) => {
      const ids = new Set(events.map((event) => event.pattern_run_id));
      setFound((before) => ({ ...before, runs: told(before.runs, events, JSON.parse(key) as Asked) }));
      for (const one of ids) changed.current.add(one);
      if (timer.current) return;
      // The row changes at once; what else the run says (result, error, artifacts) comes with the whole of it.
      timer.current = window.setTimeout(() => {
        timer.current = 0;
        const wanted = [...changed.current].slice(0, 40);
        changed.current = new Set([...changed.current].slice(40));
        void Promise.all(wanted.map((one) => api.get<PatternRun>(`/api/pattern-runs/${id(one)}`).catch(() => null))).then((runs) => {
          const whole = new Map(runs.filter((run) => run !== null).map((run) => [run.pattern_run_id, run]));
          const wants = JSON.parse(key) as Asked;
          setFound((before) => ({
            ...before,
            runs: before.runs.map((run) => whole.get(run.pattern_run_id) ?? run).filter((run) => fits(run, wants)),
          }));
        });
      }, 250);
    },
    [api, key],
  );
  return { ...found, more, hear, again };
}

function fits(run: PatternRun, asked: Asked): boolean {
  const status = run.finished_at ? run.status : "running";
  return (
    (!asked.job || run.job_id === asked.job) && (!asked.pattern || run.pattern_id === asked.pattern) && (!asked.status || asked.status === status)
  );
}

/** Changes rows by what has happened; a run that is new stands first. */
function told(runs: PatternRun[], events: PatternEvent[], asked: Asked): PatternRun[] {
  const rows = new Map(runs.map((run) => [run.pattern_run_id, run]));
  const fresh: PatternRun[] = [];
  for (const event of events) {
    const known = rows.get(event.pattern_run_id);
    const run: PatternRun = known
      ? { ...known }
      : {
          pattern_run_id: event.pattern_run_id, pattern_id: event.pattern_id, job_id: event.job_id, step_id: event.step_id,
          pattern_version: null, operation_kind: "", status: "in_progress", started_at: event.timestamp, finished_at: null,
          duration_seconds: null, inputs: {}, outputs: {}, artifacts: [], events: [], metrics: {}, tool_metadata: {}, error: null,
        };
    if (event.event_type === "pattern.selection.resolved") run.pattern_id = event.pattern_id;
    if (END_TYPES.has(event.event_type) || event.status === "skipped") {
      run.status = event.status;
      run.finished_at = event.timestamp;
      run.duration_seconds = (Date.parse(event.timestamp) - Date.parse(run.started_at ?? event.timestamp)) / 1000;
      const message = event.details.error_message ?? event.details.reason;
      if (event.status === "failed") run.error = { type: String(event.details.error_type ?? "failed"), message: String(message ?? ""), exit_code: null };
    }
    // A text is looked for by the server alone; a run that is new is not known to have it.
    if (!known && (!fits(run, asked) || asked.text)) continue;
    if (!known) fresh.unshift(run);
    rows.set(run.pattern_run_id, run);
  }
  const all = [...fresh.map((run) => rows.get(run.pattern_run_id) ?? run), ...runs.map((run) => rows.get(run.pattern_run_id) ?? run)];
  return all.filter((run) => fits(run, asked)).slice(0, 2000);
}

/** Returns the time, again and again while something runs. */
export function useNow(isRunning: boolean): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (!isRunning) return;
    const timer = window.setInterval(() => setNow(Date.now()), 500);
    return () => window.clearInterval(timer);
  }, [isRunning]);
  return now;
}

/** Returns an answer, asked again where `turn` changes. */
export function useAnswer<T>(api: Api, path: string | null, query: Record<string, string | number | undefined> = {}, turn: unknown = 0): { body: T | null; error: string } {
  const [found, setFound] = useState<{ path: string | null; body: T | null; error: string }>({ path: null, body: null, error: "" });
  const key = JSON.stringify(query);
  useEffect(() => {
    if (path === null) return;
    const stop = new AbortController();
    api
      .get<T>(path, JSON.parse(key) as Record<string, string>, stop.signal)
      .then((body) => setFound({ path, body, error: "" }))
      .catch((error: Error) => {
        if (!stop.signal.aborted) setFound({ path, body: null, error: error.message });
      });
    return () => stop.abort();
  }, [api, path, key, turn]);
  return found.path === path ? found : { body: null, error: "" };
}
