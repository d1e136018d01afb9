/** The panel: what runs now, what ran, and why it failed. */
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { Api, type Job, type PatternRun } from "./api";
import { useNow, useRuns, useStream, useAnswer, type Asked } from "./live";
import { Notice, Status, statusOf } from "./parts";
import { RunView, Taken } from "./RunView";
import { Jobs, Patterns, Timeline, useTimeline } from "./views";
import { clock, seconds, short, visible } from "./words";

export interface PanelProps {
  /** Shows this job alone; without it a job can be chosen. */
  jobId?: string;
  /** Where the routes are: the address of the server without the slash at its end. */
  apiBase?: string;
  /** Keeps what is shown in the address of the page, so that it can be sent to somebody. */
  keepAddress?: boolean;
  /** Where a trace can be seen, with {trace_id} in it. */
  traceUrl?: string;
}

const STATUSES = ["", "running", "failed", "success", "warning", "skipped"];
const VIEWS = ["runs", "timeline", "patterns", "jobs"] as const;
const TIMES: [string, string][] = [["", "any time"], ["1h", "last hour"], ["1d", "last day"], ["7d", "last week"]];
type View = (typeof VIEWS)[number];

interface Shown extends Asked {
  view: View;
  run: string;
}

function fromAddress(job: string): Shown {
  const asked = new URLSearchParams(window.location.search);
  const view = asked.get("view") as View;
  return {
    job: job || asked.get("job") || "",
    status: asked.get("status") ?? "",
    text: asked.get("text") ?? "",
    pattern: asked.get("pattern") ?? "",
    since: asked.get("since") ?? "",
    view: VIEWS.includes(view) ? view : "runs",
    run: asked.get("run") ?? "",
  };
}

export function PatternActivityPanel({ jobId = "", apiBase = "", keepAddress = false, traceUrl = "" }: PanelProps) {
  const api = useMemo(() => new Api(apiBase), [apiBase]);
  const nothing: Shown = { job: jobId, status: "", text: "", pattern: "", since: "", view: "runs", run: "" };
  const [shown, setShown] = useState<Shown>(() => (keepAddress ? fromAddress(jobId) : nothing));
  const change = useCallback((some: Partial<Shown>) => setShown((before) => ({ ...before, ...some })), []);
  useEffect(() => {
    if (!keepAddress) return;
    const asked = new URLSearchParams();
    for (const [name, value] of Object.entries(shown)) if (value && !(name === "view" && value === "runs")) asked.set(name, value as string);
    const text = asked.toString();
    window.history.replaceState(null, "", text ? `?${text}` : window.location.pathname);
  }, [keepAddress, shown]);

  const [typed, setTyped] = useState(shown.text);
  useEffect(() => {
    const timer = window.setTimeout(() => change({ text: typed }), 250);
    return () => window.clearTimeout(timer);
  }, [typed, change]);

  const asked: Asked = { job: shown.job, status: shown.status, text: shown.view === "timeline" ? "" : shown.text, pattern: shown.pattern, since: shown.since };
  const found = useRuns(api, asked);
  const timeline = useTimeline(api, shown.job, shown.view === "timeline");
  const [turn, setTurn] = useState(0);
  const [runTurn, setRunTurn] = useState(0);
  const pending = useRef(0);
  const connection = useStream(
    api,
    found.after,
    shown.job,
    (events) => {
      found.hear(events);
      timeline.hear(events);
      if (events.some((event) => event.pattern_run_id === shown.run)) setRunTurn((before) => before + 1);
      if (!pending.current) {
        pending.current = window.setTimeout(() => {
          pending.current = 0;
          setTurn((before) => before + 1);
        }, 1000);
      }
    },
    found.again,
  );
  const { body: settings } = useAnswer<{ trace_url: string }>(api, keepAddress ? "/panel-settings.json" : null);
  const { body: jobs } = useAnswer<{ jobs: Job[] }>(api, jobId ? null : "/api/jobs", { limit: 100 }, turn);

  const rows = useMemo(() => {
    const running = found.runs.filter((run) => statusOf(run, found.abandoned) === "running");
    return [...running, ...found.runs.filter((run) => !running.includes(run))];
  }, [found.runs, found.abandoned]);
  const [at, setAt] = useState(-1);
  const [isHelp, setHelp] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const search = useRef<HTMLInputElement>(null);
  const keys = useRef<(event: KeyboardEvent) => void>(() => {});
  keys.current = (event) => {
    const target = event.composedPath()[0];
    const isTyping = target instanceof HTMLInputElement || target instanceof HTMLSelectElement;
    if (event.key === "Escape") {
      if (isHelp) setHelp(false);
      else if (isTyping) (target as HTMLElement).blur();
      else change({ run: "" });
      return;
    }
    if (isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
    const step = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 }[event.key];
    if (event.key === "/") {
      event.preventDefault();
      search.current?.focus();
    } else if (event.key === "?") setHelp(!isHelp);
    else if (step && shown.view === "runs" && (event.key.length === 1 || target === document.body)) {
      const next = Math.max(0, Math.min(rows.length - 1, at + step));
      setAt(next);
      root.current?.querySelectorAll<HTMLElement>(".runs .line")[next]?.focus();
    } else if (event.key === "Enter" && target === document.body) {
      const run = rows[at];
      if (run) change({ run: run.pattern_run_id });
    }
  };
  useEffect(() => {
    const hear = (event: KeyboardEvent) => keys.current(event);
    window.addEventListener("keydown", hear);
    return () => window.removeEventListener("keydown", hear);
  }, []);

  const isNarrowed = Boolean(shown.status || shown.text || shown.pattern || shown.since || (shown.job && !jobId));
  return (
    <div className={`panel${shown.run ? " with-run" : ""}`} ref={root}>
      <header className="bar-top">
        <h1>Pattern activity</h1>
        <nav aria-label="Views">
          {VIEWS.map((view) => (
            <button key={view} type="button" aria-pressed={shown.view === view} onClick={() => change({ view })}>
              {view}
            </button>
          ))}
        </nav>
        <span className={`connection ${connection}`} role="status">
          <span aria-hidden="true">{connection === "live" ? "●" : "○"}</span> {connection}
        </span>
        <button type="button" className="quiet" onClick={() => setHelp(true)} aria-label="Keys (?)">
          ?
        </button>
      </header>
      <div className="filters" role="search">
        <input ref={search} type="search" placeholder="command or error  ( / )" aria-label="Text in command or error" value={typed} onChange={(event) => setTyped(event.target.value)} />
        <select aria-label="Status" value={shown.status} onChange={(event) => change({ status: event.target.value })}>
          {STATUSES.map((status) => (
            <option key={status} value={status}>
              {status || "any status"}
            </option>
          ))}
        </select>
        <select aria-label="Time" value={shown.since} onChange={(event) => change({ since: event.target.value })}>
          {TIMES.map(([value, name]) => (
            <option key={value} value={value}>
              {name}
            </option>
          ))}
        </select>
        {!jobId && (
          <select aria-label="Job" value={shown.job} onChange={(event) => change({ job: event.target.value })}>
            <option value="">all jobs</option>
            {shown.job && !jobs?.jobs.some((job) => job.job_id === shown.job) && <option value={shown.job}>{short(shown.job)}</option>}
            {jobs?.jobs.map((job) => (
              <option key={job.job_id} value={job.job_id}>
                {short(job.job_id)} · {clock(job.started_at)}
              </option>
            ))}
          </select>
        )}
        {shown.pattern && (
          <button type="button" onClick={() => change({ pattern: "" })} aria-label={`All patterns instead of ${shown.pattern}`}>
            {visible(shown.pattern)} ✕
          </button>
        )}
        {isNarrowed && (
          <button
            type="button"
            className="quiet"
            onClick={() => {
              setTyped("");
              change({ status: "", text: "", pattern: "", since: "", job: jobId });
            }}
          >
            clear
          </button>
        )}
      </div>
      {connection === "lost" && <Notice isError>The live connection is lost. Reload the page; what was recorded meanwhile is there then.</Notice>}
      <main>
        {shown.view === "runs" && (
          <>
            <Figures runs={found.runs} abandoned={found.abandoned} isAll={!found.cursor} />
            {found.error && <Notice isError>{found.error}</Notice>}
            {!found.error && !found.isLoading && !rows.length && (
              <Notice>
                {isNarrowed ? "No run is like this." : "No run yet. Put @pattern_span on an executor and call it, or try `patternspan demo`: its runs appear here."}
              </Notice>
            )}
            <ul className="runs" aria-label="Runs">
              {rows.map((run, number) => (
                <li key={run.pattern_run_id}>
                  <RunLine run={run} abandoned={found.abandoned} isOpen={run.pattern_run_id === shown.run} open={() => change({ run: run.pattern_run_id })} focus={() => setAt(number)} />
                </li>
              ))}
            </ul>
            {found.cursor && (
              <button type="button" onClick={found.more}>
                older runs
              </button>
            )}
          </>
        )}
        {shown.view === "timeline" && <Timeline events={timeline.events} error={timeline.error} job={shown.job} text={shown.text} open={(run) => change({ run })} />}
        {shown.view === "patterns" && <Patterns api={api} turn={turn} since={shown.since} choose={(pattern) => change({ pattern, view: "runs" })} />}
        {shown.view === "jobs" && <Jobs api={api} turn={turn} choose={(job) => change({ job, view: "runs" })} />}
      </main>
      {shown.run && (
        <aside aria-label="Run">
          <RunView
            key={shown.run}
            api={api}
            runId={shown.run}
            turn={runTurn}
            traceUrl={traceUrl || settings?.trace_url || ""}
            abandoned={found.abandoned}
            close={() => change({ run: "" })}
            open={(run) => change({ run })}
          />
        </aside>
      )}
      {isHelp && <Keys close={() => setHelp(false)} />}
    </div>
  );
}

function RunLine({ run, abandoned, isOpen, open, focus }: { run: PatternRun; abandoned: Set<string>; isOpen: boolean; open: () => void; focus: () => void }) {
  const status = statusOf(run, abandoned);
  const why = run.error ? `${run.error.type}: ${run.error.message}` : "";
  const findings = typeof run.outputs.findings === "number" ? `${run.outputs.findings} findings` : "";
  return (
    <button type="button" className="line" aria-current={isOpen} onClick={open} onFocus={focus}>
      <Status status={status} />
      <span className="name">{visible(run.pattern_id)}</span>
      <time>{clock(run.started_at)}</time>
      <Taken run={run} />
      <span className="dim">{visible(why || findings)}</span>
    </button>
  );
}

function Figures({ runs, abandoned, isAll }: { runs: PatternRun[]; abandoned: Set<string>; isAll: boolean }) {
  const running = runs.filter((run) => statusOf(run, abandoned) === "running");
  const now = useNow(running.length > 0);
  const counts = { success: 0, failed: 0 };
  let total = 0;
  let ended = 0;
  for (const run of runs) {
    if (run.status === "success" || run.status === "warning") counts.success++;
    if (run.status === "failed") counts.failed++;
    if (run.duration_seconds !== null) {
      total += run.duration_seconds;
      ended++;
    }
  }
  const longest = Math.max(0, ...running.map((run) => (now - Date.parse(run.started_at ?? "")) / 1000 || 0));
  return (
    <dl className="figures">
      <div>
        <dt>runs{isAll ? "" : " shown"}</dt>
        <dd>{runs.length}</dd>
      </div>
      <div>
        <dt>running</dt>
        <dd>
          {running.length}
          {longest > 0 && <small> {seconds(longest)}</small>}
        </dd>
      </div>
      <div>
        <dt>success</dt>
        <dd>{counts.success}</dd>
      </div>
      <div>
        <dt>failed</dt>
        <dd>{counts.failed}</dd>
      </div>
      <div>
        <dt>total</dt>
        <dd>{seconds(total) || "–"}</dd>
      </div>
      <div>
        <dt>mean</dt>
        <dd>{ended ? seconds(total / ended) : "–"}</dd>
      </div>
    </dl>
  );
}

function Keys({ close }: { close: () => void }) {
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => button.current?.focus(), []);
  return (
    <div className="veil" onClick={close}>
      <div className="keys" role="dialog" aria-modal="true" aria-label="Keys" onClick={(event) => event.stopPropagation()}>
        <h2>Keys</h2>
        <dl>
          {[["/", "search"], ["j, k", "next run, run before"], ["Enter", "open it"], ["Esc", "close it"], ["?", "these keys"]].map(([key, what]) => (
            <div key={key}>
              <dt>
                <kbd>{key}</kbd>
              </dt>
              <dd>{what}</dd>
            </div>
          ))}
        </dl>
        <button type="button" ref={button} onClick={close}>
          close
        </button>
      </div>
    </div>
  );
}
