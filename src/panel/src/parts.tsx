/** Small parts that several views share. */
import { useEffect, useRef, useState, type ReactNode } from "react";
import type { PatternRun } from "./api";
import { SIGNS } from "./words";

export function statusOf(run: PatternRun, abandoned: Set<string>): string {
  if (run.finished_at) return run.status;
  return abandoned.has(run.pattern_run_id) ? "abandoned" : "running";
}

/** A status as a sign and a word: never as a colour alone. */
export function Status({ status, brief = false }: { status: string; brief?: boolean }) {
  return (
    <span className={`status ${status}`} title={status}>
      <span aria-hidden="true">{SIGNS[status] ?? "·"}</span>
      <span className={brief ? "unseen" : ""}> {status.replace("_", " ")}</span>
    </span>
  );
}

export function Copy({ text, label }: { text: string; label: string }) {
  const [said, setSaid] = useState("");
  const copy = () => {
    navigator.clipboard.writeText(text).then(
      () => setSaid("copied"),
      () => setSaid("not allowed here"),
    );
    window.setTimeout(() => setSaid(""), 1500);
  };
  return (
    <button type="button" className="quiet" onClick={copy} aria-label={`Copy ${label}`}>
      <span aria-live="polite">{said || "copy"}</span>
    </button>
  );
}

/** Tells what is wrong, or that there is nothing, and what to do. */
export function Notice({ children, isError = false }: { children: ReactNode; isError?: boolean }) {
  return (
    <div className={`notice${isError ? " wrong" : ""}`} role={isError ? "alert" : "status"}>
      {children}
    </div>
  );
}

export function Section({ title, children, extra }: { title: string; children: ReactNode; extra?: ReactNode }) {
  return (
    <section aria-label={title}>
      <header>
        <h3>{title}</h3>
        {extra}
      </header>
      {children}
    </section>
  );
}

/** Rows of one height, of which only those that can be seen are there. */
export function Rows({ count, height, row, label, stick = false }: { count: number; height: number; row: (at: number) => ReactNode; label: string; stick?: boolean }) {
  const box = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const [room, setRoom] = useState(600);
  const isAtEnd = useRef(stick);
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const watch = new ResizeObserver(() => setRoom(element.clientHeight || 600));
    watch.observe(element);
    return () => watch.disconnect();
  }, []);
  useEffect(() => {
    const element = box.current;
    if (element && stick && isAtEnd.current) element.scrollTop = element.scrollHeight;
  }, [count, stick]);
  const first = Math.max(0, Math.floor(top / height) - 10);
  const last = Math.min(count, Math.ceil((top + room) / height) + 10);
  const rows: ReactNode[] = [];
  for (let at = first; at < last; at++) {
    rows.push(
      <div key={at} className="row" role="listitem" aria-setsize={count} aria-posinset={at + 1} style={{ top: at * height, height }}>
        {row(at)}
      </div>,
    );
  }
  return (
    <div
      ref={box}
      className="rows"
      role="list"
      aria-label={label}
      tabIndex={0}
      onScroll={(event) => {
        const element = event.currentTarget;
        isAtEnd.current = element.scrollTop + element.clientHeight >= element.scrollHeight - height;
        setTop(element.scrollTop);
      }}
    >
      <div className="all" style={{ height: count * height }}>
        {rows}
      </div>
    </div>
  );
}

/** The durations of the last runs as a line; those that failed as marks on it. */
export function Sparkline({ values }: { values: { seconds: number | null; failed: boolean }[] }) {
  const told = values.filter((value): value is { seconds: number; failed: boolean } => value.seconds !== null);
  if (told.length < 2) return <span className="dim">–</span>;
  const most = Math.max(...told.map((value) => value.seconds)) || 1;
  const at = (index: number) => (index / (told.length - 1)) * 98 + 1;
  const up = (value: number) => 19 - (value / most) * 17;
  return (
    <svg className="spark" viewBox="0 0 100 20" preserveAspectRatio="none" role="img" aria-label={`Durations of the last ${told.length} runs`}>
      <polyline points={told.map((value, index) => `${at(index)},${up(value.seconds)}`).join(" ")} />
      {told.map((value, index) => value.failed && <rect key={index} x={at(index) - 1} y={up(value.seconds) - 2} width="2" height="4" />)}
    </svg>
  );
}
