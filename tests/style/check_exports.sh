#!/usr/bin/env bash
# check_exports.sh LIBRARY NAME: fails if LIBRARY makes any symbol visible that
# does not begin with NAME, a regular expression (C++ symbols are read
# demangled; the type and vtable records of a class count as the class).
set -euo pipefail
library=$1 name=$2

symbols=$(nm --dynamic --defined-only --demangle "$library" | cut -d' ' -f3-)
strangers=$(sed -E 's/^(typeinfo|typeinfo name|vtable) for //' <<<"$symbols" |
  grep -vE "^$name" || true)
if [ -z "$symbols" ]; then
  echo "$library exports nothing" && exit 1
fi
if [ -n "$strangers" ]; then
  printf '%s exports what it should hide:\n%s\n' "$library" "$strangers"
  exit 1
fi
echo "$library: $(wc -l <<<"$symbols") symbols, all of them $name*"
