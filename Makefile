# `make help` lists the targets. Needs Python >= 3.11, a Rust toolchain and make; the rest is fetched.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -q
# Both runs of cargo, for the tests and for the wheel, share what they compile.
export CARGO_TARGET_DIR ?= $(CURDIR)/target
WHEELS := $(CARGO_TARGET_DIR)/wheels
# The extension is built against the Python of the environment, whatever `python3` is.
export PYO3_PYTHON := $(CURDIR)/$(BIN)/python
BENCH_OPTIONS ?=
FUZZ_SECONDS ?= 60
SIM ?= all
SCHEDULER ?=

.NOTPARALLEL:
.PHONY: help demo test test-rust test-arm test-python lint bench bench-sockets bench-scheduler profile sim sim-nightly sim-golden fuzz wheel dev build peers clean

help: ## This list.
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 18

demo: build ## Creates, seeds, fetches and compares the standard library of this Python.
	$(BIN)/python -m p2pcore._demo

test: peers lint test-rust test-python ## Everything: peers, lints, Rust tests, Python tests with mypy and stubtest.

lint: $(VENV)/dev ## rustfmt, clippy and ruff.
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -q -- -D warnings
	$(BIN)/ruff check -q .
	$(BIN)/ruff format -q --check .

# The extension crate has no Rust tests: its tests are the Python ones.
test-rust: ## Rust tests and doc tests.
	@if cargo nextest --version > /dev/null 2>&1; then \
		cargo nextest run --workspace --exclude p2pcore-python --locked --cargo-quiet --status-level fail --final-status-level slow; \
	else \
		echo "cargo-nextest is not installed: the Rust tests run with cargo test"; \
		cargo test --workspace --exclude p2pcore-python --locked -q --lib --tests --examples; \
	fi
	cargo test --workspace --exclude p2pcore-python --locked -q --doc

# Needs the Rust target and Debian's gcc-aarch64-linux-gnu and qemu-user.
test-arm: ## The tests of the hashes on AArch64, in an emulator.
	CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc \
	CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER="qemu-aarch64 -cpu max -L /usr/aarch64-linux-gnu" \
		cargo test --locked -q --target aarch64-unknown-linux-gnu -p p2pcore-hashing

# On the installed release build, as users have it. stubtest and mypy --strict are among these tests.
test-python: $(VENV)/dev build ## Python tests, on the installed release build.
	$(BIN)/python -m pytest -q --durations=10

build: $(VENV)/run
	@rm -rf $(WHEELS)
	$(BIN)/maturin build --release --locked -q --interpreter $(BIN)/python --out $(WHEELS)
	@$(PIP) install --force-reinstall --no-deps $(WHEELS)/*.whl

dev: $(VENV)/dev ## An editable, quickly built extension for working on the code; benches refuse it.
	$(BIN)/maturin develop --locked

bench: $(VENV)/bench build ## Measurements beside other clients; BENCH_OPTIONS go to pytest (--runs=9, -k transfer, --disk=PATH).
	$(BIN)/python -m pytest -c benches/pytest.ini benches $(BENCH_OPTIONS)

bench-sockets: $(VENV)/bench build ## Crowds in network namespaces with shaped uplinks, beside other clients and the simulator; for root (--runs=20 -k p2pcore-8-64).
	$(BIN)/python -m pytest -c benches/pytest.ini benches/bench_shaped.py --results=benches/results/shaped $(BENCH_OPTIONS)

bench-scheduler: ## What the scheduler costs a HAVE, a pick, a block, a choice, and its memory; SCHEDULER=have runs one.
	cargo bench --locked -q -p p2pcore-scheduling --bench costs -- $(SCHEDULER)
	cargo bench --locked -q -p p2pcore-scheduling --bench picks
	cargo test --release --locked -q -p p2pcore-scheduling --test memory -- --nocapture

profile: $(VENV)/run $(BIN)/inferno-flamegraph build ## Where the time of a 1 GiB transfer goes, with flame graphs of leech and seed; needs perf.
	$(BIN)/python benches/hot.py

# Draws the flame graphs.
$(BIN)/inferno-flamegraph: $(VENV)/run
	cargo install inferno --version 0.12.8 --locked -q --no-default-features --features cli,nameattr --root $(VENV)
	@touch $@

sim: ## Swarms in virtual time against their marks: all but the nightly ones; SIM=s2 runs one scenario, SEED=3 one seed.
	cargo run --release --locked -q -p p2pcore-simulator --example sim -- $(SIM) $(if $(SEED),--seed $(SEED))

sim-golden: ## Writes down anew the traces that the tests compare with.
	cargo run --release --locked -q -p p2pcore-simulator --example sim -- s1-8 s5-16 s16 s21-long s22 slow --seed 1 --traces \
		> $(CARGO_TARGET_DIR)/golden.txt && mv $(CARGO_TARGET_DIR)/golden.txt rust/simulator/src/tests/golden.txt

sim-nightly: ## The swarm of 100,000: 45 minutes or more, and 19 GB of memory.
	$(MAKE) sim SIM=s4

fuzz: ## libFuzzer on each target for FUZZ_SECONDS; needs cargo-fuzz.
	for target in bencode lsd metainfo magnet wire swarm peer picker uploader; do rust/fuzz/fuzz.sh $$target $(FUZZ_SECONDS) || exit 1; done

wheel: $(VENV)/run ## The abi3 wheel and the sdist, in dist/.
	rm -rf dist
	$(BIN)/maturin build --release --locked -q --interpreter $(BIN)/python --out dist
	$(BIN)/maturin sdist --out dist
	@ls -l dist

# The environment: what a run needs, and on top of it what tests need.
INSTALL = $(BIN)/python -c 'import subprocess, sys, tomllib; \
	project = tomllib.load(open("pyproject.toml", "rb"))["project"]; \
	extras = [line for name in sys.argv[1:] for line in project["optional-dependencies"][name]]; \
	wanted = [line for line in ["maturin>=1.9,<2", *project["dependencies"], *extras] if not line.startswith("p2pcore")]; \
	sys.exit(subprocess.call([sys.executable, "-m", "pip", "--disable-pip-version-check", "-q", "install", *wanted]))'

$(VENV)/run: pyproject.toml
	@command -v $(PYTHON) > /dev/null || { echo "$(PYTHON) is not installed: p2pcore needs Python 3.11 or later"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python %d.%d is too old: p2pcore needs 3.11; set PYTHON=" % sys.version_info[:2])'
	@command -v cargo > /dev/null || { echo "cargo is not installed: p2pcore needs a Rust toolchain (https://rustup.rs)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@$(INSTALL)
	@touch $@

$(VENV)/dev: $(VENV)/run
	@$(INSTALL) test dev chart
	@touch $@

$(VENV)/bench: $(VENV)/dev
	@$(INSTALL) bench chart
	@touch $@

# Real clients for the tests, and what makes namespaces. Where they cannot be had, their tests are left out; in CI that is a failure.
peers:
	@missing=; \
	command -v aria2c > /dev/null || missing="$$missing aria2"; \
	command -v transmission-daemon > /dev/null || missing="$$missing transmission-daemon"; \
	command -v ip > /dev/null || missing="$$missing iproute2"; \
	command -v nft > /dev/null || missing="$$missing nftables"; \
	[ -z "$$missing" ] && exit 0; \
	if command -v apt-get > /dev/null && [ "$$(id -u)" = 0 ]; then \
		echo "installing$$missing"; \
		apt-get -qq update && RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive \
			apt-get -qq install -y --no-install-recommends $$missing > /dev/null; \
	else \
		echo "left out, because apt-get and root are not at hand: tests with$$missing"; \
		[ "$$CI" != true ]; \
	fi

clean: ## Removes all that was built.
	rm -rf target dist $(VENV) .pytest_cache .mypy_cache .ruff_cache .benchmarks
	find python tests benches -name __pycache__ -prune -exec rm -rf {} +
	find python -name '*.so' -delete
