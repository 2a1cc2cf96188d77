# The commands that a person types. `make run` and `make test` are all that a newcomer needs.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:

BINARY := target/release/mlferry
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
PYTEST_WORKERS ?= 2
# What takes long to build and serves every clone: Garage alone takes a quarter of an hour.
TOOLS ?= $(HOME)/.cache/mlferry-tools

.PHONY: run build test test-rust test-python ui ui-lint ui-test crash abuse soak fuzz fuzz-api lint lint-deploy fmt deny docs wheel deb deploy-tools bench bench-artifacts bench-stores bench-tracking bench-code bench-tools clean

run: build ## Build and start the server on http://localhost:5000
	$(BINARY) server

# The page goes into the binary. Without npm there is a binary all the same, whose page says how to build it.
build: $(if $(shell command -v npm),ui) ## Build the release binary
	cargo build --release --locked

# The web page. Its files are named, so that it is built again only after a change.
UI_SOURCES := $(shell find ui -type f -not -path 'ui/node_modules/*' -not -path 'ui/dist/*' -not -path 'ui/packed/*')

ui: ui/dist/index.html ## Build the web page, in ui/dist

ui/dist/index.html: $(UI_SOURCES) ui/node_modules/ready
	cd ui && npm run --silent build -- --logLevel warn
	touch $@

ui/node_modules/ready: ui/package-lock.json | node
	cd ui && npm ci --silent
	touch $@

# What Vite runs on. Debian 12 has 18.
NODE_IS_ENOUGH := const [a, b] = process.versions.node.split(".").map(Number); \
	process.exit((a === 20 && b >= 19) || (a === 22 && b >= 12) || a > 22 ? 0 : 1)

.PHONY: node
node: ## Install Node for the web page, unless it is there
	command -v npm >/dev/null || { $(SUDO) apt-get update -qq; $(SUDO) apt-get install -y -qq npm; }
	@node -e '$(NODE_IS_ENOUGH)' || { echo "The web page needs Node 20.19 or a later 20, or 22.12 or later, and this is \
	$$(node --version): get one from https://nodejs.org or https://github.com/nodesource/distributions" >&2; exit 1; }

ui-lint: ui/node_modules/ready
	cd ui && npm run --silent lint

# Of what has no need of a browser; tests/ui drives one.
ui-test: ui
	cd ui && npm test --silent && npm run --silent size

test: test-rust ui-test test-python ## Install what the tests need, and run all of them

# What is not in a binary by default; all tests have it, so that nothing is compiled twice.
HOSTS := sftp,ftp,hdfs
# cargo-nextest runs tests in parallel processes; without it, cargo's own runner does. A package of its own would
# choose other features of the same libraries.
ifneq ($(shell command -v cargo-nextest),)
RUN_TESTS := nextest run
OF_STORE := --workspace --features $(HOSTS) -E 'package(mlferry-store)'
else
RUN_TESTS := test --quiet
OF_STORE := --package mlferry-store
endif

# The store's tests run twice: on SQLite, and on PostgreSQL.
test-rust: postgres
	cargo $(RUN_TESTS) --workspace --features $(HOSTS) --locked
	tests/scripts/with-postgres cargo $(RUN_TESTS) $(OF_STORE) --locked

test-python: build ui postgres stores identity-provider chromium zstd wheel deb deploy-tools .venv/ready .venv-skinny1/ready .venv-skinny2/ready
	cd tests && $(PYTEST)
	cargo build --locked --workspace --bin mlferry --features $(HOSTS)
	cd tests && MLFERRY_BIN=$(CURDIR)/target/debug/mlferry $(PYTEST) compat/destinations compat/test_hosts.py -k "sftp or ftp or hdfs"

PYTEST := MLFERRY_TOOLS=$(TOOLS) MLFLOW_DISABLE_TELEMETRY=true ../.venv/bin/pytest -n $(PYTEST_WORKERS)

ROUNDS ?= 200
crash: build stores postgres .venv/ready ## Kill the server ROUNDS times while it works, and see what it kept
	cd tests && MLFERRY_TEST_ROUNDS=$(ROUNDS) $(PYTEST) -n 0 faults/test_crash_rounds.py

abuse: build stores postgres .venv/ready ## Fill the disk and cut the wires of a busy server again and again, and flood it
	cd tests && MLFERRY_TEST_FULL_SIZE=1 $(PYTEST) -n 0 faults/test_disk_full.py faults/test_cut_off.py faults/test_abuse.py

MINUTES ?= 60
soak: build postgres .venv/ready ## Keep the server busy for MINUTES on each database, with faults now and then
	cd tests && MLFERRY_TEST_SOAK_MINUTES=$(MINUTES) $(PYTEST) -n 0 faults/test_soak.py

fuzz-api: build .venv/ready ## Send for minutes what `mlferry openapi` allows, and what it does not
	cd tests && MLFERRY_TEST_FULL_SIZE=1 $(PYTEST) -n 0 security/test_api_description.py

CARGO_FUZZ := 0.13.1
# One after the other, each for its share of the time. What was found is kept in fuzz/libfuzzer/corpus, for the next time.
FUZZ_TARGETS := $(basename $(notdir $(wildcard fuzz/libfuzzer/fuzz_targets/*.rs)))
FUZZ_SECONDS = $$(( $(MINUTES) * 60 / $(words $(FUZZ_TARGETS)) ))
fuzz: $(TOOLS)/cargo-fuzz/$(CARGO_FUZZ) cxx ## Look for MINUTES for inputs that break what reads them
	cargo build --quiet --locked --package mlferry-fuzz --example seeds
	export PATH="$(TOOLS)/cargo-fuzz/bin:$$PATH"; \
	if [ -w /dev/shm ]; then export TMPDIR=/dev/shm; fi; \
	for target in $(FUZZ_TARGETS); do \
		target/debug/examples/seeds $$target fuzz/libfuzzer/corpus/$$target; \
		cargo fuzz run --fuzz-dir fuzz/libfuzzer --sanitizer none $$target -- -max_total_time=$(FUZZ_SECONDS) \
			-max_len=8192 -timeout=20 -dict=$(CURDIR)/fuzz/words/$$target.dict -print_final_stats=1; \
	done

# libFuzzer is written in C++.
.PHONY: cxx
cxx:
	command -v c++ >/dev/null || { $(SUDO) apt-get update -qq; $(SUDO) apt-get install -y -qq --no-install-recommends g++; }

PYTHON_CODE := tests bench/scripts

lint: .venv/ready ## Check formats, lints and licences
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --features $(HOSTS) --locked -- -D warnings
	cargo clippy --package mlferry-artifacts --all-targets --no-default-features --locked -- -D warnings
	cargo clippy --package mlferry --no-default-features --locked -- -D warnings
	.venv/bin/ruff check $(PYTHON_CODE)
	.venv/bin/ruff format --check $(PYTHON_CODE)
	$(MAKE) deny lint-deploy ui-lint

lint-deploy: .venv-deploy/ready ## Check the files of deploy/, each with its own linter
	.venv-deploy/bin/hadolint deploy/Dockerfile deploy/client/Dockerfile
	for store in rustfs minio garage; do for tracking in one replicas; do \
		STORE=$$store TRACKING=$$tracking .venv-deploy/bin/docker-compose --file deploy/compose.yaml config --quiet; done; done

# Advisories live in a repository that not every machine reaches: `make deny CHECKS="advisories …"` where
# it does. Licences and sources need no network.
CHECKS ?= licenses bans sources
CARGO_DENY := 0.20.2
deny: $(TOOLS)/cargo-deny/$(CARGO_DENY)
	$(TOOLS)/cargo-deny/bin/cargo-deny --log-level error --locked check $(CHECKS)

fmt: .venv/ready ui/node_modules/ready ## Format everything
	cargo fmt --all
	.venv/bin/ruff format $(PYTHON_CODE)
	.venv/bin/ruff check --fix $(PYTHON_CODE)
	cd ui && npm run --silent fmt

# The same profile and flags as `build`, so that cargo has nothing left to do.
wheel: build .venv-deploy/ready ## Make the Python wheel in target/wheels
	.venv-deploy/bin/maturin build --release --locked --out target/wheels

CARGO_DEB := 3.8.0
deb: build $(TOOLS)/cargo-deb/$(CARGO_DEB) ## Make the Debian package in target/debian
	mkdir -p target/deb
	$(BINARY) man > target/deb/mlferry.1
	$(BINARY) completions bash > target/deb/mlferry.bash
	$(BINARY) completions zsh > target/deb/_mlferry
	$(BINARY) completions fish > target/deb/mlferry.fish
	$(TOOLS)/cargo-deb/bin/cargo-deb --quiet --package mlferry --locked --no-build --output target/debian/

deploy-tools: .venv-deploy/ready bench-tools ## Install what the tests of deploy/ need, unless it is there
	command -v lintian >/dev/null || ! command -v apt-get >/dev/null \
		|| { $(SUDO) apt-get update -qq; $(SUDO) apt-get install -y -qq --no-install-recommends lintian; }

docs: ## Renew docs/configure.md, which tells all settings
	cargo run --quiet --locked -- config reference > docs/configure.md.new
	mv docs/configure.md.new docs/configure.md

BENCH := cargo run --release --locked -p mlferry-bench --

# One after the other, also with `make -j`.
bench: ## Measure mlferry beside the reference, FastTrackML, nginx and boto3; writes bench/README.md
	$(MAKE) bench-artifacts
	$(MAKE) bench-stores
	$(MAKE) bench-tracking

bench-artifacts: build bench-tools .venv/ready ## Only with local files
	$(BENCH) artifacts --out bench/README.md

bench-stores: build garage .venv/ready ## Only on an object store
	$(BENCH) stores --garage $(TOOLS)/garage/bin/garage --out bench/README.md

bench-tracking: build bench-tools postgres .venv/ready .venv-fasttrackml/ready ## Only calls of the tracking API
	$(BENCH) tracking --out bench/README.md

bench-code: ## Time parsers and encodings without servers
	cargo bench --locked -p mlferry-search -p mlferry-protocol -p mlferry-artifacts \
		--bench filters --bench messages --bench paths

bench-tools:
	command -v nginx >/dev/null || { $(SUDO) apt-get update -qq; $(SUDO) apt-get install -y -qq nginx; }

.PHONY: postgres
postgres: ## Install PostgreSQL for tests, unless it is there
	ls -d /usr/lib/postgresql/*/bin >/dev/null 2>&1 || command -v initdb >/dev/null \
		|| { $(SUDO) apt-get update -qq; $(SUDO) apt-get install -y -qq postgresql; }

# fake-gcs-server comes with .venv. What each of the others is, tests/stores says.
GARAGE := 2.5.0
AZURITE := 3.37.0
OIDC_PROVIDER := 9.13.3

.PHONY: stores
stores: garage azurite sshd ## Install the object stores for tests, unless they are there

.PHONY: garage azurite
garage: $(TOOLS)/garage/$(GARAGE)
azurite: $(TOOLS)/azurite/$(AZURITE)

# It has little to do, and is built sooner without optimisation.
$(TOOLS)/cargo-deny/$(CARGO_DENY): INSTALL_FLAGS := --debug

# A file named after the version says that the tool is there whole.
$(foreach tool,garage/$(GARAGE) cargo-deb/$(CARGO_DEB) cargo-deny/$(CARGO_DENY) cargo-fuzz/$(CARGO_FUZZ),$(TOOLS)/$(tool)):
	cargo install --quiet --locked $(INSTALL_FLAGS) --root $(@D) --version $(@F) $(notdir $(@D))
	touch $@

$(TOOLS)/azurite/$(AZURITE) $(TOOLS)/oidc-provider/$(OIDC_PROVIDER): | node
	mkdir -p $(@D)
	npm install --silent --no-fund --no-audit --prefix $(@D) $(notdir $(@D))@$(@F)
	touch $@

.PHONY: identity-provider
identity-provider: $(TOOLS)/oidc-provider/$(OIDC_PROVIDER) ## Install the OpenID Connect provider for tests, unless it is there

# The system's own service is not wanted: the tests start a server of theirs.
.PHONY: sshd
sshd:
	command -v sshd >/dev/null || [ -x /usr/sbin/sshd ] || { \
		$(SUDO) apt-get update -qq; $(SUDO) apt-get install -y -qq --no-install-recommends openssh-server; }

.PHONY: chromium
chromium: ## Install the browser that walks through the web page, unless it is there
	command -v chromium >/dev/null \
		|| { $(SUDO) apt-get update -qq; $(SUDO) apt-get install -y -qq --no-install-recommends chromium; }

# The tests read and make archives with it.
.PHONY: zstd
zstd:
	command -v zstd >/dev/null || { $(SUDO) apt-get update -qq; $(SUDO) apt-get install -y -qq --no-install-recommends zstd; }

# Debian's python3 comes without venv.
.PHONY: python-venv
python-venv:
	python3 -c 'import ensurepip' 2>/dev/null || { $(SUDO) apt-get update -qq; $(SUDO) apt-get install -y -qq python3-venv; }

.venv/ready: tests/requirements.txt | python-venv
	python3 -m venv .venv
	.venv/bin/pip install --quiet --requirement $<
	touch $@

.venv-deploy/ready: tests/requirements-deploy.txt | python-venv
	python3 -m venv .venv-deploy
	.venv-deploy/bin/pip install --quiet --requirement $<
	touch $@

# The wheel carries one program, in Go, which needs no Python.
.venv-fasttrackml/ready: bench/requirements-fasttrackml.txt | python-venv
	python3 -m venv .venv-fasttrackml
	.venv-fasttrackml/bin/pip install --quiet --no-deps --requirement $<
	touch $@

.venv-skinny1/ready .venv-skinny2/ready: .venv-skinny%/ready: tests/requirements-skinny%.txt | python-venv
	python3 -m venv .venv-skinny$*
	.venv-skinny$*/bin/pip install --quiet --requirement $<
	touch $@

clean: ## Remove what was built and installed here
	rm -rf target ui/dist ui/node_modules .venv .venv-deploy .venv-fasttrackml .venv-skinny1 .venv-skinny2
