/** A tool's output with its colours: SGR sequences become classes, every other escape sequence is left out. */
import type { ReactNode } from "react";
import { visible } from "./words";

// eslint-disable-next-line no-control-regex
const SEQUENCE = /\u001b(?:\[([0-9;:?]*)[ -/]*([@-~])|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[@-Z\\-_])/g;

interface Style {
  front: string;
  back: string;
  bold: boolean;
}

const PLAIN: Style = { front: "", back: "", bold: false };

function changed(style: Style, codes: string): Style {
  let found = { ...style };
  const numbers = codes.split(/[;:]/).map((code) => Number(code || 0));
  for (let at = 0; at < numbers.length; at++) {
    const code = numbers[at] ?? 0;
    if (code === 0) found = { ...PLAIN };
    else if (code === 1) found.bold = true;
    else if (code === 22) found.bold = false;
    else if (code >= 30 && code <= 37) found.front = `f${code - 30}`;
    else if (code >= 90 && code <= 97) found.front = `f${code - 90}`;
    else if (code === 39) found.front = "";
    else if (code >= 40 && code <= 47) found.back = `b${code - 40}`;
    else if (code === 49) found.back = "";
    else if (code === 38 || code === 48) at += numbers[at + 1] === 5 ? 2 : 4;
  }
  return found;
}

/** Returns one line as nodes; `needle` is marked where it stands. */
export function coloured(line: string, needle: string): ReactNode[] {
  const nodes: ReactNode[] = [];
  let style = PLAIN;
  let from = 0;
  const push = (text: string) => {
    if (!text) return;
    const name = [style.front, style.back, style.bold ? "bold" : ""].filter(Boolean).join(" ");
    for (const [part, isFound] of parted(visible(text), needle)) {
      const body = isFound ? <mark key={nodes.length}>{part}</mark> : part;
      nodes.push(name ? <span key={nodes.length} className={name}>{body}</span> : body);
    }
  };
  for (const match of line.matchAll(SEQUENCE)) {
    push(line.slice(from, match.index));
    if (match[2] === "m") style = changed(style, match[1] ?? "");
    from = match.index + match[0].length;
  }
  push(line.slice(from));
  return nodes;
}

function parted(text: string, needle: string): [string, boolean][] {
  if (!needle) return [[text, false]];
  const parts: [string, boolean][] = [];
  const low = text.toLowerCase();
  const sought = needle.toLowerCase();
  let from = 0;
  for (let at = low.indexOf(sought); at >= 0; at = low.indexOf(sought, from)) {
    if (at > from) parts.push([text.slice(from, at), false]);
    parts.push([text.slice(at, at + needle.length), true]);
    from = at + needle.length;
  }
  if (from < text.length) parts.push([text.slice(from), false]);
  return parts;
}

export function bare(line: string): string {
  return line.replace(SEQUENCE, "");
}
