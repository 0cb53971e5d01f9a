# Every target installs what it needs and is missing (see scripts/bootstrap).
.DEFAULT_GOAL := help
.PHONY: help demo test docs test-edges test-packages test-systemd check bench bench-faults bench-growth bench-instructions bench-peers dist fleet soak load-test load-test-smoke load-test-stress

# rustup puts its folder on the PATH of login shells only.
export PATH := $(PATH):$(HOME)/.cargo/bin

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 24

demo: ## a Django and a Next.js app behind Sidgate at http://localhost:3000; Ctrl-C stops them
	@scripts/bootstrap demo
	cargo build --release -p sidgate
	@exec env SIDGATE_BIN="$${CARGO_TARGET_DIR:-target}/release/sidgate" deploy/demo/run

test: ## formatting, lints, every Rust, Python, JavaScript and browser test, tidiness
	@scripts/test

docs: ## the documentation as a site, in target/site/html; every link and anchor of it is checked
	@scripts/bootstrap docs
	@scripts/site

test-edges: ## forward-auth with every edge: nginx, Caddy, Traefik, HAProxy and Envoy, each with the configuration that is shipped
	@scripts/bootstrap test-edges
	cargo nextest run -p sidgate --all-features --no-fail-fast --run-ignored all -E 'test(/^edges::/)'

test-packages: ## packs a debug build and installs every package: deb into a Debian that boots with systemd, rpm, image by podman, wheel, npm package; needs root
	@scripts/bootstrap test-packages
	cargo build -p sidgate --all-features
	@SIDGATE_BIN=$${CARGO_TARGET_DIR:-target}/debug/sidgate deploy/package/check

test-systemd: ## the units with a real systemd 252 and 257: reload, watchdog, upgrade under load, socket activation, journal; needs root and mmdebstrap (RELEASE=bookworm)
	@scripts/bootstrap build
	cargo build -p sidgate --all-features
	@deploy/systemd/tests/run $(RELEASE)

check: ## formatting and lints only
	@scripts/bootstrap build
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --all-features -- -D warnings

bench: ## micro benches, memory, Sidgate against a bare Pingora; one table against the budgets
	@scripts/bootstrap bench
	@benches/run
	@benches/instructions

bench-instructions: ## instructions of single steps of a request, against the committed figures; fails beyond 5 %. WRITE=1 writes new ones
	@scripts/bootstrap bench
	@benches/instructions $(if $(WRITE),--write)

bench-faults: ## what visitors notice when servers of an app fail, and 10,000 connections by each way in and out: two tables (ARGS="--faults 503 --seconds 5")
	@scripts/bootstrap bench-faults
	cargo build --release --workspace --all-features
	@.venv/bench/bin/python benches/faults/run $(ARGS)
	@benches/ways.py

bench-peers: ## the same request through Sidgate, nginx, Envoy, HAProxy and Traefik; one table
	@scripts/bootstrap bench-peers
	@benches/peers/run

# COUNTS=FILE: those of a release, which give its bytes again.
dist: ## in dist/: tarball, deb, rpm, image, Helm chart, wheel, npm package, SBOM, checksums. The program has fat LTO and is laid out by a profile of its own use; some 20 minutes
	@scripts/bootstrap dist
	@scripts/dist $(if $(COUNTS),--counts $(COUNTS))
	@rm -rf dist
	@.venv/dist/bin/python deploy/package/build --binary $${CARGO_TARGET_DIR:-target}/shipped/sidgate --counts $${CARGO_TARGET_DIR:-target}/shipped/sidgate.profdata --out dist

bench-growth: ## 1,000 to 1,000,000 sessions in use, 10,000 to 10,000,000 rows in PostgreSQL: tables, plots, what bends (ARGS="--rows 10000,100000")
	@scripts/bootstrap bench-growth
	@.venv/bench/bin/python benches/growth/run $(ARGS)

fleet: ## what holds of several nodes, and of PostgreSQL and Redis as they are run in production, under faults and load: tables (ARGS="patroni")
	@scripts/bootstrap fleet
	@benches/fleet/run $(ARGS)

# HOST=http://localhost:3000 [ADMIN=http://localhost:9901]: a gateway that is there already. PROFILE: any that benches/load/run has.
load = scripts/bootstrap load && benches/load/run $(if $(HOST),--host $(HOST) $(if $(ADMIN),--admin $(ADMIN)) $(if $(ALLOW_REMOTE),--allow-remote))

load-test-smoke: ## load: 5 users for 30 s; a stack of its own, or HOST=http://localhost:3000
	@$(load) smoke

load-test: ## load: 50 users for 60 s; PROFILE=peak|migration-storm|revocation-under-load for another
	@$(load) $(or $(PROFILE),standard)

load-test-stress: ## load: 200 users for 10 minutes
	@$(load) stress

soak: ## the Rust tests with many more random cases (CASES=20000), the long forms of the tests of clusters and of overload, a load budget that is missed, the instructions of single steps, servers that fail, the npm package and its documents in fresh apps of Next.js 14, 15 and 16, two hours of load with a fault every minute
	@scripts/bootstrap test
	SIDGATE_SOAK=1 PROPTEST_CASES=$${CASES:-20000} cargo nextest run --workspace --all-features --no-fail-fast --profile soak
	scripts/bootstrap bench && benches/instructions
	cargo build --release --workspace --all-features && benches/faults/run --seconds 5 --servers 2 && benches/ways.py --connections 2000
	benches/load/run smoke --users 5 --run-time 10s --max-error-rate 0
	benches/load/run smoke --users 2 --run-time 3s --min-hit-rate 1.01; test $$? = 1
	scripts/js build && scripts/js npm run --silent versions --workspace clients/js -- 14 15 16
	scripts/js npm run --silent documents --workspace clients/js -- 14 15 16
	scripts/bootstrap fleet && benches/fleet/day
