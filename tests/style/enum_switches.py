#!/usr/bin/env python3
"""enum_switches.py SOURCE: no `default:` in a switch over an enum of ours.

With it the compiler (-Wswitch) says nothing when an enumerator is added and
one switch is forgotten. A switch whose cases are kLikeThis or Enum::kLikeThis
is one over an enum of ours, except over the id of a GObject property, which is
a number. First come examples, so that a check that finds nothing is seen."""
import pathlib
import re
import sys

TOKEN = re.compile(
    r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])+'"
    r"|\bswitch\b|\bdefault\s*:(?!:)|\bcase\s+[\w:]+|[{}]|\n", re.S)
OURS = re.compile(r"case\s+(?:\w*::)*k[A-Z]")
# The expression of a switch over the id of a property.
PROPERTY = re.compile(r"switch\s*\(\s*(?:property_|prop_)?id\s*\)")

EXAMPLES = [
    (True, "switch (f) { case F::kRgb: return 1; default: return 2; }"),
    (True, "switch (f) {\n  case kRgb: { g(); break; }\n  default:\n    h();\n}"),
    (True, "switch (n) { case 1: switch (f) { case tae::F::kRgb: default: ; } }"),
    (True, "switch (f) { default: return 2; case F::kRgb: return 1; }"),
    (True, "switch (g(id)) { case kRgb: default: ; }"),
    (False, "switch (f) { case F::kRgb: return 1; case F::kBgr: return 2; }"),
    (False, "switch (n) { case 1: return 1; default: return 2; }"),
    (False, "switch (GST_MESSAGE_TYPE(m)) { case GST_MESSAGE_EOS: default: ; }"),
    (False, "switch (id) { case kSeed: return true; default: return false; }"),
    (False, "switch (n) { case 1: switch (f) { case F::kRgb: break; } default: ; }"),
    (False, "switch (f) { case F::kRgb: s(\"{ default: }\");  // default: }\n}"),
]


def faults(text):
    """The lines of each such `default:`."""
    found, line = [], 1
    blocks = []  # of each open brace: a switch's facts, or None
    switch = None  # between `switch` and its brace
    for token in TOKEN.finditer(text):
        what = token.group()
        here = line
        line += what.count("\n")
        if what == "switch":
            switch = {"ours": False, "default": None,
                      "id": bool(PROPERTY.match(text, token.start()))}
        elif what == "{":
            blocks.append(switch)
            switch = None
        elif what == "}" and blocks:
            block = blocks.pop()
            if block and block["ours"] and block["default"] and not block["id"]:
                found.append(block["default"])
        elif what.startswith(("case", "default")):
            block = next((b for b in reversed(blocks) if b), None)
            if block is None:
                continue
            if what.startswith("default"):
                block["default"] = here
            elif OURS.match(what):
                block["ours"] = True
    return found


def main():
    source = pathlib.Path(sys.argv[1])
    wrong = 0
    for refused, text in EXAMPLES:
        if bool(faults(text)) != refused:
            print(f"{'taken' if refused else 'refused'} wrongly: {text}")
            wrong += 1
    files = switches = 0
    for folder in ("decoder", "elements", "plugin", "examples", "tests"):
        for path in sorted((source / folder).rglob("*")):
            if path.suffix not in (".cc", ".h", ".c"):
                continue
            text = path.read_text(encoding="utf-8")
            files += 1
            switches += len(re.findall(r"\bswitch\s*\(", text))
            for line in faults(text):
                print(f"{path.relative_to(source)}:{line}: `default:` in a "
                      "switch over an enum of ours: name every enumerator, so "
                      "that the compiler finds a place that is forgotten")
                wrong += 1
    print(f"{len(EXAMPLES)} examples, {switches} switches in {files} files")
    return 1 if wrong or switches < 10 else 0


if __name__ == "__main__":
    sys.exit(main())
