#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The main job on real input: the files of this machine are hashed by four workers, one of which is killed in the middle.
# Exits 0 only if nothing was lost and nothing came twice, something was redelivered, and every process ended as it should.
#
# JOINQ names the tool (build/release/bin/joinq), JOINQ_DEMO_FILES how many files at most (4000).

set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly here
JOINQ=${JOINQ:-$here/../../build/release/bin/joinq}
export JOINQ
readonly FILES_MAX=${JOINQ_DEMO_FILES:-4000}
readonly PLACES=(/usr/share/doc /usr/include /usr/share /usr/lib)
readonly SECONDS_MAX=120

[ -x "$JOINQ" ] || { echo "demo: no $JOINQ: ./dev build first" >&2; exit 1; }

# Everything happens inside a private broker, which ends with this script.
if [ "${1:-}" != inside ]; then
    exec "$JOINQ" run -- "${BASH_SOURCE[0]}" inside
fi

work=$(mktemp -d)
cleanup() {
    jobs -p | xargs -r kill -KILL 2>/dev/null || true
    rm -rf "$work"
}
trap cleanup EXIT

failures=0
say() { printf '%s\n' "$*"; }
fail() {
    failures=$((failures + 1))
    progress_wipe
    say "  FAILED: $*"
}
number() { "$JOINQ" stat "$1" | awk -v name="$2" '$1 == name { print $2 }'; }
count() { wc -l <"$1" | tr -d ' '; }

# ---------------------------------------------------------------------------------------------- progress

shown=
progress_wipe() {
    [ -z "$shown" ] || printf '\r\033[K'
    shown=
}

# One line of numbers from `joinq stat`: rewritten in place on a terminal, otherwise printed about every two seconds.
ticks=0
progress() {
    local line
    line=$("$JOINQ" stat paths | awk -v all="$files" '{ n[$1] = $2 } END {
        printf "  %3d s  paths: %d of %d done, %d ready, %d leased, %d redelivered", age, n["done"], all, n["ready"],
            n["leased"], n["redelivered"] }' age="$SECONDS")
    ticks=$((ticks + 1))
    if [ -t 1 ]; then
        printf '\r%s\033[K' "$line"
        shown=yes
    elif [ $((ticks % 8)) -eq 1 ]; then
        say "$line"
    fi
    [ "$SECONDS" -lt "$SECONDS_MAX" ] || { fail "not finished after $SECONDS_MAX s"; "$JOINQ" list; exit 1; }
}

# ------------------------------------------------------------------------------------------------ input

find_files() {
    find "${PLACES[@]}" -type f -readable -size -1024k ! -name '*
*' ! -name '*\\*' 2>/dev/null || true
}

# head ends find by a broken pipe, which is no failure.
(set +o pipefail; find_files | awk -v max="$FILES_MAX" 'NR > max { exit } { print }' >"$work/paths")
files=$(count "$work/paths")
awk -v work="$work" '{ print >(work "/paths." (NR % 2 ? "a" : "b")) }' "$work/paths"
DEMO_VICTIM=$(sed -n "$((files / 3 + 1))p" "$work/paths")
DEMO_KILLED=$work/killed
export DEMO_VICTIM DEMO_KILLED

# One job: hashes a file; its worker puts the sum with the done, in one step. One of them, once, kills its worker before that.
cat >"$work/job" <<'JOB'
#!/bin/sh
sha256sum -- "$1" || exit 1
if [ "$1" = "$DEMO_VICTIM" ] && mkdir "$DEMO_KILLED" 2>/dev/null; then
    kill -KILL "$PPID"
fi
JOB
chmod +x "$work/job"

say "joinq demo: $files files, two producers, a queue of 100, four workers; one worker is killed on the way"

# -------------------------------------------------------------------------------------------- the main job

"$JOINQ" declare paths --max 100 --producers 2

"$JOINQ" get sums --all >"$work/sums" &
reader=$!

# Each producer leaves its exit status behind, whole or not at all.
for name in a b; do
    {
        status=0
        "$JOINQ" put paths --producer "$name" --finish <"$work/paths.$name" 2>"$work/producer.$name" || status=$?
        echo "$status" >"$work/status.$name"
        mv "$work/status.$name" "$work/ended.$name"
    } &
done

# The shell around each worker keeps its exit status, and to itself what shells say of a killed child.
workers=()
for i in 1 2 3 4; do
    { "$JOINQ" work paths --to sums -- "$work/job" {} 2>"$work/worker.$i"; exit $?; } 2>/dev/null &
    workers+=($!)
done

# A join with a deadline is the pause between two looks.
until [ -e "$work/ended.a" ] && [ -e "$work/ended.b" ]; do
    "$JOINQ" join paths --timeout 250ms 2>/dev/null || true
    progress
done
for name in a b; do
    status=$(cat "$work/ended.$name")
    [ "$status" = 0 ] || fail "producer $name exited with $status: $(cat "$work/producer.$name")"
done

until "$JOINQ" join paths --timeout 250ms 2>/dev/null; do
    progress
done
progress_wipe

killed=0
for i in 1 2 3 4; do
    status=0
    wait "${workers[i - 1]}" || status=$?
    case $status in
    0) ;;
    137) killed=$((killed + 1)) ;;
    *) fail "worker $i exited with $status: $(tail -n 3 "$work/worker.$i")" ;;
    esac
done

redelivered=$(number paths redelivered)
"$JOINQ" close sums
status=0
wait "$reader" || status=$?
[ "$status" -eq 0 ] || fail "the reader exited with $status"
seconds=$SECONDS

# ------------------------------------------------------------------------------------------------- result

LC_ALL=C sort -u "$work/sums" >"$work/result"
xargs -d '\n' sha256sum -- <"$work/paths" | LC_ALL=C sort -u >"$work/direct"
duplicates=$(($(count "$work/sums") - $(count "$work/result")))

cmp -s "$work/result" "$work/direct" || {
    fail "the sums are not those of sha256sum:"
    diff "$work/result" "$work/direct" | head -n 5 || true
}
[ "$duplicates" -eq 0 ] || fail "$duplicates sums came twice"
[ "$killed" -eq 1 ] || fail "$killed workers were killed, not one"
[ "$redelivered" -ge 1 ] || fail "nothing was redelivered"
[ "$(number paths unfinished)" = 0 ] || fail "join returned with something unfinished"
[ "$(number paths "done")" = "$files" ] || fail "not every path is done"

say "  the result is what sha256sum says directly: $(cmp -s "$work/result" "$work/direct" && echo yes || echo NO)"
say
say "  files          $(printf '%6d' "$files")"
say "  workers killed $(printf '%6d' "$killed")   (the other $((4 - killed)) ended at the end of the stream)"
say "  redeliveries   $(printf '%6d' "$redelivered")"
say "  duplicates     $(printf '%6d' "$duplicates")   (done-and-put: each sum leaves with the done, or not at all)"
say "  seconds        $(printf '%6d' "$seconds")"
say
if [ "$failures" -gt 0 ]; then
    say "demo: $failures things went wrong"
    exit 1
fi
say "nothing was lost"
