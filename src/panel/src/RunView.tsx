/** One run: why it failed first, then where its time went, what it ran, what it wrote and what it left. */
import { useEffect, useMemo, useRef, useState } from "react";
import { id, type Api, type Difference, type PatternEvent, type PatternRun, type RunPage } from "./api";
import { bare, coloured } from "./ansi";
import { useAnswer, useNow } from "./live";
import { Copy, Notice, Rows, Section, Status, statusOf } from "./parts";
import { clock, END_TYPES, millis, note, seconds, short, shown, visible } from "./words";

const STARTS: Record<string, string> = {
  "pattern.selection.started": "selection",
  "pattern.validation.started": "validation",
  "pattern.execution.started": "execution",
};
const ENDS: Record<string, string> = {
  "pattern.selection.resolved": "selection",
  "pattern.selection.failed": "selection",
  "pattern.template.expanded": "template",
  "pattern.validation.completed": "validation",
  "pattern.validation.failed": "validation",
  "pattern.execution.completed": "execution",
  "pattern.execution.failed": "execution",
};

interface Props {
  api: Api;
  runId: string;
  turn: number;
  traceUrl: string;
  abandoned: Set<string>;
  close: () => void;
  open: (runId: string) => void;
}

export function RunView({ api, runId, turn, traceUrl, abandoned, close, open }: Props) {
  const { body: run, error } = useAnswer<PatternRun>(api, `/api/pattern-runs/${id(runId)}`, {}, turn);
  const { body: page } = useAnswer<{ events: PatternEvent[] }>(api, `/api/pattern-runs/${id(runId)}/events`, {}, turn);
  const title = useRef<HTMLHeadingElement>(null);
  useEffect(() => title.current?.focus(), [runId]);
  if (error) return <Notice isError>{error}</Notice>;
  if (!run) return <Notice>Loading the run…</Notice>;
  const events = page?.events ?? [];
  const status = statusOf(run, abandoned);
  const trace = events.find((event) => event.trace_id)?.trace_id;
  const command = run.tool_metadata.command ?? "";
  return (
    <article className="run" aria-label={`Run of ${run.pattern_id}`}>
      <header className="top">
        <h2 ref={title} tabIndex={-1}>
          <Status status={status} /> {visible(run.pattern_id)}
        </h2>
        <button type="button" className="quiet" onClick={close} aria-label="Close the run (Esc)">
          ✕
        </button>
      </header>
      <p className="facts">
        <span>{clock(run.started_at)}</span> <Taken run={run} /> <span title={run.job_id}>{visible(short(run.job_id))}</span>{" "}
        {run.step_id && <span>{visible(run.step_id)}</span>} <span title={run.pattern_run_id}>{short(run.pattern_run_id)}</span>{" "}
        <Copy text={run.pattern_run_id} label="the id of the run" />{" "}
        {trace && traceUrl && (
          <a href={traceUrl.replaceAll("{trace_id}", encodeURIComponent(trace))} target="_blank" rel="noreferrer">
            trace ↗
          </a>
        )}
      </p>
      {run.error && (
        <div className="why" role="alert">
          <strong>{visible(run.error.type)}</strong>
          {run.error.exit_code !== null && <span className="dim"> exit code {run.error.exit_code}</span>}
          <pre>{visible(run.error.message)}</pre>
        </div>
      )}
      {status === "abandoned" && <Notice>Its process is gone, or silent past its timeout: `patternspan recover` writes its end.</Notice>}
      {run.error && <Output api={api} run={run} events={events} isOpen />}
      <Waterfall run={run} events={events} />
      {command && (
        <Section title="Command" extra={<Copy text={command} label="the command" />}>
          <pre>{visible(command)}</pre>
        </Section>
      )}
      <Members title="Inputs" members={run.inputs} />
      <Members title="Outputs" members={run.outputs} />
      <Artifacts api={api} run={run} />
      {!run.error && <Output api={api} run={run} events={events} isOpen={status === "running"} />}
      <Compare api={api} run={run} open={open} />
      <Section title="Events">
        <ol className="events">
          {events.map((event) => (
            <li key={event.event_id}>
              <details>
                <summary>
                  <time>{clock(event.timestamp)}</time> {event.event_type.replace("pattern.", "")} <Status status={event.status} brief />{" "}
                  <span className="dim">{note(event)}</span>
                </summary>
                <pre>{visible(JSON.stringify(event.details, null, 2))}</pre>
              </details>
            </li>
          ))}
        </ol>
      </Section>
    </article>
  );
}

export function Taken({ run }: { run: PatternRun }) {
  const now = useNow(!run.finished_at);
  const value = run.duration_seconds ?? Math.max(0, (now - millis(run.started_at)) / 1000);
  return <span className="taken">{seconds(value)}</span>;
}

function Waterfall({ run, events }: { run: PatternRun; events: PatternEvent[] }) {
  const now = useNow(!run.finished_at);
  const start = millis(run.started_at);
  const end = run.finished_at ? millis(run.finished_at) : now;
  const whole = Math.max(1, end - start);
  const bars: { name: string; from: number; to: number; status: string }[] = [];
  const begun = new Map<string, number>();
  let before = start;
  for (const event of events) {
    const at = millis(event.timestamp);
    const begins = STARTS[event.event_type];
    const ends = ENDS[event.event_type];
    if (begins && !begun.has(begins)) begun.set(begins, at);
    if (ends) {
      const from = ends === "template" ? before : begun.get(ends);
      if (from !== undefined) bars.push({ name: ends, from, to: at, status: END_TYPES.has(event.event_type) ? event.status : "success" });
      begun.delete(ends);
    }
    before = at;
  }
  if (!run.finished_at) for (const [name, from] of begun) bars.push({ name, from, to: end, status: "running" });
  if (!bars.length) return null;
  const percent = (value: number) => `${Math.min(100, Math.max(0, ((value - start) / whole) * 100))}%`;
  return (
    <Section title="Phases">
      <ol className="waterfall">
        {bars.map((bar, at) => (
          <li key={at}>
            <span>{bar.name}</span>
            <span className="lane">
              <span className={`bar ${bar.status}`} style={{ left: percent(bar.from), width: `max(3px, ${((bar.to - bar.from) / whole) * 100}%)` }} />
            </span>
            <span className="taken">{seconds((bar.to - bar.from) / 1000)}</span>
          </li>
        ))}
      </ol>
    </Section>
  );
}

function Members({ title, members }: { title: string; members: Record<string, unknown> }) {
  const entries = Object.entries(members);
  if (!entries.length) return null;
  return (
    <Section title={title}>
      <dl>
        {entries.map(([name, value]) => (
          <div key={name}>
            <dt>{visible(name)}</dt>
            <dd>{visible(shown(value))}</dd>
          </div>
        ))}
      </dl>
    </Section>
  );
}

function Artifacts({ api, run }: { api: Api; run: PatternRun }) {
  if (!run.artifacts.length) return null;
  return (
    <Section title="Artifacts">
      <ul className="artifacts">
        {run.artifacts.map((path, number) => (
          <li key={path}>
            <a href={api.url(`/api/pattern-runs/${id(run.pattern_run_id)}/artifacts/${number}`)} target="_blank" rel="noreferrer">
              {visible(path)}
            </a>{" "}
            <a href={api.url(`/api/pattern-runs/${id(run.pattern_run_id)}/artifacts/${number}`)} download={path.split("/").pop()} aria-label={`Download ${path}`}>
              ↓
            </a>
          </li>
        ))}
      </ul>
    </Section>
  );
}

const MOST_BYTES = 8_000_000;

/** What the tool has written: with its colours, searched, and followed while the run goes on. */
function Output({ api, run, events, isOpen }: { api: Api; run: PatternRun; events: PatternEvent[]; isOpen: boolean }) {
  const [stream, setStream] = useState<"stdout" | "stderr">("stdout");
  const [text, setText] = useState("");
  const [state, setState] = useState<"loading" | "there" | "none">("loading");
  const [needle, setNeedle] = useState("");
  const [isShown, setShown] = useState(isOpen);
  const runId = run.pattern_run_id;
  useEffect(() => {
    if (!isShown) return;
    const stop = new AbortController();
    setText("");
    setState("loading");
    const read = async () => {
      const answer = await fetch(api.url(`/api/pattern-runs/${id(runId)}/logs`, { stream, follow: "true" }), { signal: stop.signal });
      if (!answer.ok || !answer.body) {
        setState("none");
        return;
      }
      setState("there");
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      let kept = "";
      for (let part = await reader.read(); !part.done; part = await reader.read()) {
        kept = (kept + part.value).slice(-MOST_BYTES);
        setText(kept);
      }
    };
    read().catch(() => {
      if (!stop.signal.aborted) setState((before) => (before === "there" ? before : "none"));
    });
    return () => stop.abort();
  }, [api, runId, stream, isShown]);
  const preview = useMemo(() => {
    for (const event of events) {
      const found = event.details[`${stream}_preview`];
      if (typeof found === "string") return found;
    }
    return "";
  }, [events, stream]);
  const whole = state === "there" ? text : state === "none" ? preview : "";
  const lines = useMemo(() => {
    const all = whole.split("\n");
    if (all[all.length - 1] === "") all.pop();
    return needle ? all.filter((line) => bare(line).toLowerCase().includes(needle.toLowerCase())) : all;
  }, [whole, needle]);
  const hasTool = run.tool_metadata.executor === "subprocess" || Boolean(run.tool_metadata.tool_name) || preview;
  if (!hasTool) return null;
  const choice = (name: "stdout" | "stderr") => (
    <button type="button" aria-pressed={stream === name} onClick={() => setStream(name)}>
      {name}
    </button>
  );
  return (
    <Section
      title="Output"
      extra={
        <span className="tools">
          {!isShown && (
            <button type="button" onClick={() => setShown(true)}>
              show
            </button>
          )}
          {isShown && choice("stdout")}
          {isShown && choice("stderr")}
          {isShown && <input type="search" placeholder="in the output" aria-label="Search in the output" value={needle} onChange={(event) => setNeedle(event.target.value)} />}
        </span>
      }
    >
      {isShown && state === "none" && !preview && <Notice>No {stream} was kept of this run.</Notice>}
      {isShown && state === "none" && preview && <p className="dim">The file is gone; this is the part that the event kept.</p>}
      {isShown && state === "there" && !lines.length && <p className="dim">{needle ? "No line has this." : "Nothing was written."}</p>}
      {isShown && lines.length > 0 && (
        <div className={`output${lines.length > 14 ? " long" : ""}`}>
          <Rows count={lines.length} height={19} label={`Lines of ${stream}`} stick row={(at) => <code>{coloured(lines[at] ?? "", needle)}</code>} />
        </div>
      )}
    </Section>
  );
}

/** What is different from another run: the last one of the same pattern that succeeded, unless another is chosen. */
function Compare({ api, run, open }: { api: Api; run: PatternRun; open: (runId: string) => void }) {
  const [isShown, setShown] = useState(false);
  const [other, setOther] = useState("");
  const { body: page } = useAnswer<RunPage>(api, isShown ? "/api/pattern-runs" : null, { pattern_id: run.pattern_id, limit: 30 });
  const others = (page?.runs ?? []).filter((one) => one.pattern_run_id !== run.pattern_run_id && one.finished_at);
  const usual = others.find((one) => one.status === "success" && millis(one.started_at) <= millis(run.started_at)) ?? others.find((one) => one.status === "success") ?? others[0];
  const chosen = other || usual?.pattern_run_id || "";
  const { body, error } = useAnswer<{ differences: Difference[] }>(api, chosen ? `/api/pattern-runs/${id(chosen)}/diff/${id(run.pattern_run_id)}` : null);
  return (
    <Section
      title="Compare"
      extra={
        isShown ? (
          <select aria-label="Compare with" value={chosen} onChange={(event) => setOther(event.target.value)}>
            {others.map((one) => (
              <option key={one.pattern_run_id} value={one.pattern_run_id}>
                {clock(one.started_at)} {one.status} {seconds(one.duration_seconds)}
              </option>
            ))}
          </select>
        ) : (
          <button type="button" onClick={() => setShown(true)}>
            with the last success
          </button>
        )
      }
    >
      {isShown && page && !others.length && <p className="dim">No other run of this pattern has ended.</p>}
      {error && <Notice isError>{error}</Notice>}
      {isShown && body && (
        <table className="diff">
          <thead>
            <tr>
              <th scope="col" />
              <th scope="col">
                <button type="button" className="quiet" onClick={() => open(chosen)}>
                  {short(chosen)}
                </button>
              </th>
              <th scope="col">this run</th>
            </tr>
          </thead>
          <tbody>
            {body.differences.map((pair) => (
              <tr key={pair.name}>
                <th scope="row">{visible(pair.name)}</th>
                <td>{differing(pair, pair.one)}</td>
                <td>{differing(pair, pair.other)}</td>
              </tr>
            ))}
            {!body.differences.length && (
              <tr>
                <td colSpan={3}>No difference.</td>
              </tr>
            )}
          </tbody>
        </table>
      )}
    </Section>
  );
}

function differing(pair: Difference, value: unknown): string {
  if (value === undefined) return "–";
  if (pair.name.startsWith("seconds.") && typeof value === "number") return seconds(value);
  if (pair.name.startsWith("artifacts.")) return "there";
  return visible(shown(value));
}
