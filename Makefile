# Two commands are all that a fresh machine with Rust and Node needs: `make demo` and `make test`.

.PHONY: demo test e2e screenshots check fmt web clean sim sim-million bench soak faults

CARGO ?= cargo

demo: web ## Set everything up and show the main job: a world dies and everyone is brought over
	$(CARGO) build --release --bin lifeboat
	./target/release/lifeboat demo --clients 500 --keep

test: web ## Set everything up and run every test
	./.ci/setup
	$(CARGO) nextest run --workspace --features lifeboat-store/conformance
	$(CARGO) test --workspace --doc --quiet
	npm test
	$(MAKE) e2e

e2e: web ## Drive the dashboard and the player's page in Chromium against the real program
	$(CARGO) build --workspace --features lifeboat-store/conformance --bin lifeboat
	npm run e2e

screenshots: web ## Make pictures of every page, in light, dark and phone width, in web/screenshots
	$(CARGO) build --workspace --features lifeboat-store/conformance --bin lifeboat
	npm run screenshots

check: ## Format, lint and check the dependency rules
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings

fmt: ## Format everything
	$(CARGO) fmt --all

web: node_modules/.installed ## Build the SDK, the dashboard and the player's page
	npm run build

node_modules/.installed: package-lock.json
	npm ci
	touch $@

SEEDS ?= 20000

sim: ## Simulate SEEDS seeds from FIRST on, or replay one: `make sim SEED=63`
	$(CARGO) run --release --quiet -p lifeboat-sim -- $(if $(SEED),seed $(SEED),run $(SEEDS) $(FIRST))

sim-million: ## Move a million simulated clients, print the figures and draw the curve
	mkdir -p docs/figures
	$(CARGO) run --release --quiet -p lifeboat-sim -- million docs/figures/million.svg

ROUNDS ?= 3

bench: web ## Measure Lifeboat against a bare epoll server, in ROUNDS rounds, and print the table
	$(CARGO) build --release --bin lifeboat --bin lifeboat-bench
	./target/release/lifeboat-bench --rounds $(ROUNDS)

TEST ?= all()

faults: web ## Every fault in its long form; one of them, or one seed: `make faults TEST='test(rude)' SEED=7`
	./.ci/setup
	LIFEBOAT_FAULT_FORM=long $(if $(SEED),LIFEBOAT_FAULT_SEED=$(SEED)) $(if $(RUNS),LIFEBOAT_FAULT_RUNS=$(RUNS)) \
		$(CARGO) nextest run --profile faults --workspace --features lifeboat-store/conformance \
		-E 'binary(faults) & ($(TEST))'

MINUTES ?= 20

soak: web ## An event of MINUTES minutes with a failover and a failback in each; memory has to stay flat
	$(CARGO) build --release --bin lifeboat --bin lifeboat-bench
	./target/release/lifeboat-bench soak --minutes $(MINUTES)

clean: ## Remove everything that was built
	$(CARGO) clean
	rm -rf node_modules web/dist sdk/typescript/dist
