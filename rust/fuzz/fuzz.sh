#!/bin/sh
# Runs libFuzzer on one target, or on all in turn: fuzz.sh [TARGET] [SECONDS]. Needs `cargo install cargo-fuzz`.
set -eu
cd "$(dirname "$0")/../.."
targets=${1:-"bencode lsd magnet metainfo peer picker swarm uploader wire"}
seconds=${2:-60}
for target in $targets; do
    mkdir -p "target/fuzz-corpus/$target"
    RUSTC_BOOTSTRAP=1 cargo fuzz run --fuzz-dir rust/fuzz/cargo-fuzz --target-dir target/fuzz "$target" \
        "target/fuzz-corpus/$target" "rust/fuzz/corpus/$target" \
        -- "-max_total_time=$seconds" -malloc_limit_mb=64 -rss_limit_mb=1024 -timeout=5
done
