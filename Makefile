# Two commands are all that a fresh machine with Rust and Node needs: `make demo` and `make test`.

.PHONY: demo test check fmt web setup-web clean

CARGO ?= cargo

demo: web ## Set everything up and show the main job: a world dies and everyone is brought over
	$(CARGO) build --release --bin lifeboat
	./target/release/lifeboat demo --clients 500 --keep

test: web ## Set everything up and run every test
	./.ci/setup
	$(CARGO) nextest run --workspace --features lifeboat-store/conformance
	$(CARGO) test --workspace --doc --quiet
	npm test

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

clean: ## Remove everything that was built
	$(CARGO) clean
	rm -rf node_modules web/dist sdk/typescript/dist
