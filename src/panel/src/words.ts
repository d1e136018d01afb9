/** Values as people read them. */
export const END_TYPES = new Set([
  "pattern.selection.failed",
  "pattern.validation.failed",
  "pattern.execution.completed",
  "pattern.execution.failed",
]);

/** A sign for each status, since colour alone says nothing to many. */
export const SIGNS: Record<string, string> = {
  success: "✓",
  failed: "✗",
  warning: "!",
  skipped: "–",
  running: "●",
  abandoned: "?",
};

export function seconds(value: number | null | undefined): string {
  if (value === null || value === undefined) return "";
  if (value < 0.001) return `${Math.round(value * 1e6)}µs`;
  if (value < 1) return `${Math.round(value * 1000)}ms`;
  if (value < 60) return `${value < 10 ? value.toFixed(1) : Math.round(value)}s`;
  const whole = Math.round(value);
  if (whole < 3600) return `${Math.floor(whole / 60)}m ${whole % 60}s`;
  return `${Math.floor(whole / 3600)}h ${Math.floor((whole % 3600) / 60)}m`;
}

export function clock(text: string | null): string {
  if (!text) return "";
  const time = new Date(text);
  const today = new Date();
  const hours = time.toLocaleTimeString([], { hour12: false });
  return time.toDateString() === today.toDateString() ? hours : `${time.toLocaleDateString()} ${hours}`;
}

/** Milliseconds since the Unix epoch, with the microseconds as a fraction, which `Date` leaves out. */
export function millis(text: string | null): number {
  if (!text) return Number.NaN;
  const finer = /\.\d{3}(\d+)/.exec(text);
  return Date.parse(text) + (finer ? Number(`0.${finer[1]}`) : 0);
}

/** The short form of an id: what the eye tells apart. */
export function short(text: string): string {
  return text.length > 20 ? `${text.slice(0, text.indexOf("-") + 1)}…${text.slice(-8)}` : text;
}

/** A value that is no text, as text; one line. */
export function shown(value: unknown): string {
  if (value === undefined) return "–";
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** Characters that deceive who reads a text, written out: controls, and what turns the direction of reading. */
export function visible(text: string): string {
  return text.replace(
    /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** What an event adds to its name, in a few words. */
export function note(event: { event_type: string; details: Record<string, unknown> }): string {
  const details = event.details;
  const parts: string[] = [];
  for (const name of ["error_message", "reason", "skip_reason", "command", "command_preview", "executor"]) {
    if (typeof details[name] === "string") {
      parts.push(details[name]);
      break;
    }
  }
  const checks = details.failed_checks;
  if (Array.isArray(checks)) {
    parts.push(checks.map((one: { check?: unknown; error?: unknown }) => `${shown(one?.check)}: ${shown(one?.error)}`).join("; "));
  }
  const summary = details.result_summary;
  if (summary && typeof summary === "object") {
    const figures = Object.entries(summary).filter(([, value]) => typeof value === "number").slice(0, 3);
    parts.push(figures.map(([name, value]) => `${String(value)} ${name}`).join(", "));
  }
  if (typeof details.duration_seconds === "number") parts.push(seconds(details.duration_seconds));
  return visible(parts.filter(Boolean).join(" · "));
}
