/** What stands in the main column besides runs: the timeline of events, patterns, jobs. */
import { useEffect, useState } from "react";
import { id, type Api, type Job, type PatternEvent, type RecentRun, type Statistics } from "./api";
import { useAnswer } from "./live";
import { Notice, Rows, Sparkline, Status } from "./parts";
import { clock, note, seconds, short, visible } from "./words";

const MOST = 100_000;
const PAGE = 5000;

interface EventPage {
  events: PatternEvent[];
  cursor: string | null;
}

/** Returns a job's events, those that come too, by time. */
export function useTimeline(api: Api, job: string, isWanted: boolean): { events: PatternEvent[]; error: string; hear: (events: PatternEvent[]) => void } {
  const [events, setEvents] = useState<PatternEvent[]>([]);
  const [error, setError] = useState("");
  useEffect(() => {
    setEvents([]);
    setError("");
    if (!job || !isWanted) return;
    const stop = new AbortController();
    const read = async () => {
      let cursor: string | null = null;
      let all: PatternEvent[] = [];
      do {
        const page: EventPage = await api.get<EventPage>(`/api/jobs/${id(job)}/pattern-events`, { limit: PAGE, after: cursor ?? undefined }, stop.signal);
        all = merged(all, page.events);
        cursor = page.cursor;
        const whole = all;
        setEvents((before) => merged(whole, before));
      } while (cursor && all.length < MOST);
    };
    read().catch((reason: Error) => {
      if (!stop.signal.aborted) setError(reason.message);
    });
    return () => stop.abort();
  }, [api, job, isWanted]);
  const hear = (more: PatternEvent[]) => {
    const own = more.filter((event) => event.job_id === job);
    if (isWanted && own.length) setEvents((before) => merged(before, own));
  };
  return { events, error, hear };
}

function merged(some: PatternEvent[], more: PatternEvent[]): PatternEvent[] {
  if (!more.length) return some;
  const known = new Set(some.map((event) => event.event_id));
  const fresh = more.filter((event) => !known.has(event.event_id));
  if (!fresh.length) return some;
  const last = some[some.length - 1];
  const all = [...some, ...fresh];
  // Mostly what comes stands behind all that is there.
  const isLater = !last || fresh.every((event) => event.timestamp >= last.timestamp);
  const inOrder = isLater && fresh.every((event, at) => at === 0 || event.timestamp >= (fresh[at - 1]?.timestamp ?? ""));
  if (!inOrder) all.sort((one, other) => (one.timestamp < other.timestamp ? -1 : one.timestamp > other.timestamp ? 1 : one.event_id < other.event_id ? -1 : 1));
  return all.slice(-MOST);
}

export function Timeline({ events, error, job, text, open }: { events: PatternEvent[]; error: string; job: string; text: string; open: (runId: string) => void }) {
  if (!job) return <Notice>A timeline is that of one job: choose one above.</Notice>;
  if (error) return <Notice isError>{error}</Notice>;
  const sought = text.toLowerCase();
  const shown = sought ? events.filter((event) => `${event.pattern_id} ${event.event_type} ${note(event)}`.toLowerCase().includes(sought)) : events;
  if (!shown.length) return <Notice>{events.length ? "No event has this text." : "No event of this job yet."}</Notice>;
  return (
    <div className="timeline">
      <Rows
        count={shown.length}
        height={30}
        label="Events of the job"
        stick
        row={(at) => {
          const event = shown[at];
          if (!event) return null;
          return (
            <button type="button" className="line" onClick={() => open(event.pattern_run_id)}>
              <time>{clock(event.timestamp)}</time>
              <Status status={event.status === "in_progress" ? "running" : event.status} brief />
              <span className="name">{visible(event.pattern_id)}</span>
              <span>{event.event_type.replace("pattern.", "")}</span>
              <span className="dim">{note(event)}</span>
            </button>
          );
        }}
      />
    </div>
  );
}

export function Patterns({ api, turn, since, choose }: { api: Api; turn: number; since: string; choose: (pattern: string) => void }) {
  const { body, error } = useAnswer<{ patterns: Record<string, Statistics> }>(api, "/api/patterns", { since }, turn);
  if (error) return <Notice isError>{error}</Notice>;
  if (!body) return <Notice>Loading…</Notice>;
  const rows = Object.entries(body.patterns);
  if (!rows.length) return <Notice>No run of any pattern in this time.</Notice>;
  return (
    <table className="wide">
      <thead>
        <tr>
          <th scope="col">pattern</th>
          <th scope="col">last</th>
          <th scope="col">runs</th>
          <th scope="col">success</th>
          <th scope="col">p50</th>
          <th scope="col">p95</th>
          <th scope="col">last runs</th>
        </tr>
      </thead>
      <tbody>
        {rows.map(([pattern, found]) => (
          <PatternRow key={pattern} api={api} turn={turn} pattern={pattern} found={found} choose={choose} />
        ))}
      </tbody>
    </table>
  );
}

function PatternRow({ api, turn, pattern, found, choose }: { api: Api; turn: number; pattern: string; found: Statistics; choose: (pattern: string) => void }) {
  const { body } = useAnswer<{ recent: RecentRun[] }>(api, `/api/patterns/${id(pattern)}`, {}, turn);
  const recent = [...(body?.recent ?? [])].reverse();
  const rate = found.rate;
  const last = body?.recent[0];
  return (
    <tr>
      <th scope="row">
        <button type="button" className="quiet" onClick={() => choose(pattern)}>
          {visible(pattern)}
        </button>
      </th>
      <td>{last && <Status status={last.duration_seconds === null ? "running" : last.status} />}</td>
      <td>{found.runs.toLocaleString()}</td>
      <td title={rate ? `95 % interval ${percent(rate.low)} to ${percent(rate.high)}` : ""}>{rate ? percent(rate.success) : "–"}</td>
      <td>{seconds(found.durations.run?.p50)}</td>
      <td>{seconds(found.durations.run?.p95)}</td>
      <td>
        <Sparkline values={recent.map((one) => ({ seconds: one.duration_seconds, failed: one.status === "failed" }))} />
      </td>
    </tr>
  );
}

function percent(value: number): string {
  return `${Math.round(value * 100)} %`;
}

export function Jobs({ api, turn, choose }: { api: Api; turn: number; choose: (job: string) => void }) {
  const { body, error } = useAnswer<{ jobs: Job[] }>(api, "/api/jobs", { limit: 200 }, turn);
  if (error) return <Notice isError>{error}</Notice>;
  if (!body) return <Notice>Loading…</Notice>;
  if (!body.jobs.length) return <Notice>No job yet.</Notice>;
  return (
    <table className="wide">
      <thead>
        <tr>
          <th scope="col">job</th>
          <th scope="col">began</th>
          <th scope="col">runs</th>
          <th scope="col">running</th>
          <th scope="col">success</th>
          <th scope="col">not</th>
          <th scope="col">total</th>
        </tr>
      </thead>
      <tbody>
        {body.jobs.map((job) => {
          const good = job.results.success ?? 0;
          const skipped = job.results.skip ?? 0;
          return (
            <tr key={job.job_id}>
              <th scope="row">
                <button type="button" className="quiet" title={job.job_id} onClick={() => choose(job.job_id)}>
                  {visible(short(job.job_id))}
                </button>
              </th>
              <td>{clock(job.started_at)}</td>
              <td>{job.runs}</td>
              <td>{job.open || ""}</td>
              <td>{good}</td>
              <td>{job.runs - job.open - good - skipped || ""}</td>
              <td>{seconds(job.total_seconds)}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}
