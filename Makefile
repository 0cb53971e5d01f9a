# Every target installs what it needs and is missing (see scripts/bootstrap).
.DEFAULT_GOAL := help
.PHONY: help demo test check bench soak

# rustup puts its folder on the PATH of login shells only.
export PATH := $(PATH):$(HOME)/.cargo/bin

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 16

demo: ## a Django and a Next.js app behind Sidgate at http://localhost:3000; Ctrl-C stops them
	@scripts/bootstrap demo
	cargo build --release -p sidgate
	@exec env SIDGATE_BIN="$${CARGO_TARGET_DIR:-target}/release/sidgate" deploy/demo/run

test: ## formatting, lints, every Rust, Python, JavaScript and browser test, tidiness
	@scripts/test

check: ## formatting and lints only
	@scripts/bootstrap build
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --all-features -- -D warnings

bench: ## micro benches, memory, Sidgate against a bare Pingora; one table against the budgets
	@scripts/bootstrap bench
	@benches/run

soak: ## the Rust tests with many more random cases (CASES=20000), the long forms of the cluster's tests, the npm package in Next.js 14, 15 and 16
	@scripts/bootstrap test
	SIDGATE_SOAK=1 PROPTEST_CASES=$${CASES:-20000} cargo nextest run --workspace --all-features --no-fail-fast --profile soak
	scripts/js build && scripts/js npm run --silent versions --workspace clients/js -- 14 15 16
