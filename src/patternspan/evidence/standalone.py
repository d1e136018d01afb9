"""Check this bundle, with Python's standard library alone: `python verify.py [CHECKPOINT-KEPT-ELSEWHERE.json …]`."""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any


def sha256(data: bytes) -> bytes:
    """Return the SHA-256 of these bytes."""
    return hashlib.sha256(data).digest()


def root_of(line: bytes, index: int, count: int, path: list[str]) -> str:
    """Follow a path from a line up to the root of a tree of so many lines (RFC 6962, section 2.1)."""
    found, rest, last = sha256(b"\0" + line), [bytes.fromhex(each) for each in path], count - 1
    while last and 0 <= index <= last:
        if index % 2 or index < last:
            beside = rest.pop(0) if rest else b""
            found = sha256(b"\1" + (beside + found if index % 2 else found + beside))
        index, last = index // 2, last // 2
    return "" if rest or last or index else found.hex()


def check(here: Path, kept_elsewhere: list[str]) -> tuple[list[str], list[str]]:
    """Return what is wrong, and what was proven by which checkpoint."""
    wrong: list[str] = []
    there = {str(path.relative_to(here)): path for path in here.rglob("*") if path.is_file()}
    listed = set(there.pop("SHA256SUMS").read_bytes().decode().split("\n")[:-1])
    rows = {f"{sha256(path.read_bytes()).hex()}  {name}" for name, path in there.items()}
    wrong += [f"{name}: not as it stands in SHA256SUMS" for name in sorted({row[66:] for row in rows ^ listed})]
    manifests: list[tuple[str, dict[str, Any]]] = []
    for file in sorted((here / "manifests").glob("*.manifest.json")):
        manifest = json.loads(file.read_bytes())
        if manifest["previous"] != (manifests[-1][0] if manifests else None):
            wrong.append(f"{file.name}: does not follow on the manifest before it")
        manifests.append((sha256(file.read_bytes()).hex(), manifest))
    lines, texts = [(here / name).read_bytes().split(b"\n")[:-1] for name in ("lines.jsonl", "proofs.jsonl")]
    proofs = [json.loads(text) for text in texts]
    if len(lines) != len({(proof["file"], proof["index"]) for proof in proofs}) or len(lines) != len(proofs):
        wrong.append("lines.jsonl: there is not one proof for each line")
    told: list[str] = []
    for name in [str(here / "checkpoint.json"), *kept_elsewhere]:
        checkpoint = json.loads(Path(name).read_bytes())
        head, roots = checkpoint["head"], {each["file"]: each for each in checkpoint["open"]}
        known = [found for found, _ in manifests]
        if head is not None and head not in known:
            wrong.append(f"{name}: the manifests do not lead to its head")
        for _, manifest in manifests[: known.index(head) + 1 if head in known else 0]:
            roots[manifest["segment"]] = manifest
        missing = []
        for number, (line, proof) in enumerate(zip(lines, proofs, strict=False), 1):
            by, path, index = roots.get(proof["file"]), proof["path"], proof["index"]
            if by is None or path is None or root_of(line, index, by["lines"], path) != by["merkle_root"]:
                missing.append(number)
                if path is not None and not told:
                    wrong.append(f"lines.jsonl:{number}: not line {index + 1} of {proof['file']} as it was sealed")
        told.append(f"{name}, of {checkpoint['time']}: {len(lines) - len(missing)} of {len(lines)} lines proven")
        told += [f"  not proven: lines.jsonl:{number}" for number in missing]
    return wrong, told


if __name__ == "__main__":
    try:
        problems, report = check(Path(__file__).resolve().parent, sys.argv[1:])
    except (ArithmeticError, AttributeError, LookupError, OSError, TypeError, ValueError) as error:
        problems, report = [f"not readable: {error!r}"], []
    sys.stdout.write("\n".join([*problems, *report, "NOT OK" if problems else "ok"]) + "\n")
    sys.exit(1 if problems else 0)
