# Needs Python 3.11 or newer and make; every target installs the rest into .venv.

# The first of these that is new enough makes .venv.
PYTHON ?= python3.13 python3.12 python3.11 python3 python
# Workers share the tests: three on two processors, as a test also waits. What needs one process
# (-s, --pdb) says ARGS="-n0 --pdb"; -p no:xdist would not know these options.
WORKERS ?= --numprocesses $(shell expr \( $$(getconf _NPROCESSORS_ONLN) '*' 3 + 1 \) / 2) \
	--maxprocesses 6 --dist worksteal
# Passed on by run, test, test-durability, test-node, test-lowest, test-python, bench and lock.
ARGS ?=

# The environment of test-python: 3.13, python3.13 and /usr/bin/python3.13 share one.
ON_VENV := .venv-on-$(patsubst 3%,python3%,$(notdir $(ON)))

BIN := .venv/bin
INSTALL := $(BIN)/uv pip install --quiet --compile-bytecode
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --custom-compile-command 'make lock'

.DEFAULT_GOAL := help
.PHONY: help run dev test test-durability test-node test-lowest test-python check fix generate \
	baseline lock bench clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-16s %s\n", $$1, $$2 }' Makefile

run: .venv/.server ## serve on an embedded store; ARGS="--listen 0.0.0.0:50051" passes flags
	@exec $(BIN)/tocsin-server serve $(ARGS)

dev: .venv/.dev ## install everything for development into .venv

test: .venv/.dev ## run every test but those of durability and Node; ARGS passes pytest's flags (-n0: one process)
	$(BIN)/pytest $(WORKERS) -m 'not durability and not node' $(ARGS)

test-durability: .venv/.dev ## watch the server's system calls: an fsync before every answer
	@command -v strace >/dev/null \
		|| { apt-get -qq update && apt-get -qq install -y strace >/dev/null; } \
		|| { echo 'strace is missing: install it, or run this as root with apt-get' >&2; exit 1; }
	$(BIN)/pytest -m durability $(ARGS)

test-node: .venv/.dev ## check the types of the example in Node, and run it against the server
	@{ command -v node && command -v npm; } >/dev/null \
		|| { apt-get -qq update && apt-get -qq install -y --no-install-recommends nodejs npm \
			>/dev/null; } \
		|| { echo 'Node is missing: install it, or run this as root with apt-get' >&2; exit 1; }
	$(BIN)/pytest -m node $(ARGS)

test-lowest: .venv-lowest/.installed ## run tests with the oldest dependencies allowed; ARGS picks them
	.venv-lowest/bin/pytest $(WORKERS) -p no:cacheprovider -m 'not durability and not node' \
		$(or $(ARGS),$(LOWEST))

test-python: $(ON_VENV)/.installed ## run the unit and integration tests on another Python: ON=3.13, a command or a path
	$(ON_VENV)/bin/pytest $(WORKERS) -p no:cacheprovider $(or $(ARGS),tests/unit \
		tests/integration)

check: .venv/.dev .venv-generate/.installed ## lint, types, arrows, protos, generated code
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy --strict
	$(BIN)/lint-imports --no-logo
	$(BIN)/buf lint
	$(BIN)/buf breaking --against protos/baseline.binpb
	@fresh=$$(mktemp -d) && trap 'rm -rf "$$fresh"' EXIT && $(call write_code,"$$fresh") \
		&& { diff -qr -x __pycache__ "$$fresh/tocsin" generated/tocsin >/dev/null \
		|| { echo 'generated/ is not what protos/ gives: run make generate' >&2; exit 1; }; }
	@fresh=$$(mktemp -d) && trap 'rm -rf "$$fresh"' EXIT && $(call write_methods,"$$fresh") \
		&& { diff -qr -x __pycache__ "$$fresh/$(METHODS)" $(METHODS) >/dev/null \
		|| { echo '$(METHODS) is not what $(ASYNC_METHODS) gives: run make generate' >&2; exit 1; }; }

fix: .venv/.dev ## apply what the linter and the formatter can repair
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

generate: .venv/.dev .venv-generate/.installed ## write generated/ from protos/, and the blocking client's methods
	@fresh=$$(mktemp -d) && trap 'rm -rf "$$fresh"' EXIT && $(call write_code,"$$fresh") \
		&& rm -rf generated/tocsin && mkdir -p generated && cp -R "$$fresh/tocsin" generated/
	@fresh=$$(mktemp -d) && trap 'rm -rf "$$fresh"' EXIT && $(call write_methods,"$$fresh") \
		&& rm -rf $(METHODS) && cp -R "$$fresh/$(METHODS)" $(METHODS)

baseline: .venv/.dev ## renew what `make check` compares the protos with; at a release only
	$(BIN)/buf build --exclude-source-info -o protos/baseline.binpb

lock: .venv/.uv ## resolve the locks again; ARGS=--upgrade takes newer versions
	$(COMPILE) --all-extras --group install --group dev $(ARGS) -o requirements.lock pyproject.toml
	$(COMPILE) --group generate $(ARGS) -o protos/generate.lock
	$(COMPILE) --all-extras --resolution lowest-direct --no-deps --upgrade -o .venv/floors.txt \
		pyproject.toml
	$(COMPILE) --all-extras --group install --group dev -c .venv/floors.txt $(ARGS) \
		-o tests/lowest.lock pyproject.toml

bench: .venv/.dev ## run the benchmarks; ARGS passes their flags
	$(BIN)/python -m tests.benchmarks $(ARGS)

clean: ## remove environments, caches and builds, never data
	rm -rf .venv .venv-generate .venv-lowest .venv-on-* .hypothesis .import_linter_cache \
		.mypy_cache .pytest_cache .ruff_cache dist docs/node/build docs/node/generated docs/node/node_modules
	find client generated server tests -name __pycache__ -prune -exec rm -rf {} +

# $(call write_code,DIR) writes DIR/tocsin: messages, services, their stubs, and the package.
PROTOC := .venv-generate/bin/python -m grpc_tools.protoc --proto_path=protos \
	--plugin=protoc-gen-mypy=.venv-generate/bin/protoc-gen-mypy \
	--plugin=protoc-gen-mypy_grpc=.venv-generate/bin/protoc-gen-mypy_grpc
define write_code
$(PROTOC) --python_out=$(1) --mypy_out=quiet:$(1) $$(find protos -name '*.proto') \
	&& $(PROTOC) --grpc_python_out=$(1) --mypy_grpc_out=quiet:$(1) \
		$$(find protos -name '*_service.proto') \
	&& find $(1)/tocsin -type d -exec touch {}/__init__.py ';' \
	&& touch $(1)/tocsin/py.typed
endef

# $(call write_methods,DIR) writes DIR/$(METHODS), the blocking client's methods, from the asyncio
# client's. In a copy, because unasyncd leaves a folder behind; it exits with 1 when it wrote
# something. ruff removes the imports left over.
ASYNC_METHODS := client/tocsin_client/_async_services
METHODS := client/tocsin_client/_services
define write_methods
mkdir -p $(1)/$(ASYNC_METHODS) && cp $(ASYNC_METHODS)/*.py $(1)/$(ASYNC_METHODS) \
	&& cp pyproject.toml $(1) && cp client/tocsin_client/__init__.py $(1)/client/tocsin_client \
	&& (here=$$PWD && cd $(1) && { "$$here/.venv-generate/bin/unasyncd" --quiet || test $$? = 1; } \
	&& "$$here/$(BIN)/ruff" check --quiet --no-cache --fix $(METHODS) \
	&& "$$here/$(BIN)/ruff" format --quiet --no-cache $(METHODS))
endef

# What touches every library: without kill -9, documents, long histories and benchmarks.
LOWEST := tests/unit tests/contract tests/integration tests/e2e/test_foreign_clients.py \
	tests/e2e/test_command_line.py

# $(call install_everything,ENVIRONMENT,LOCK) installs what the lock has, and this checkout.
define install_everything
$(INSTALL) --python $(1) --require-hashes -r $(2) \
	&& $(INSTALL) --python $(1) --no-index --no-build-isolation --all-extras --group dev \
		-r pyproject.toml -e .
endef

# Stamps: what is installed follows the lock, whose hashes hold as constraints, too. Everything
# comes from the lock alone (--no-index), so that one without a dependency fails.
.venv/.uv: requirements.lock
	@test -x $(BIN)/python || { \
		for python in $(PYTHON); do \
			$$python -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' \
				2>/dev/null && exec $$python -m venv .venv; \
		done; \
		echo 'no Python 3.11 or newer (with venv) among: $(PYTHON)' >&2; exit 1; }
	@sed -n '/^uv==/,/# via/p' requirements.lock >.venv/uv.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes \
		-r .venv/uv.txt
	@touch $@

.venv/.server: .venv/.uv pyproject.toml
	@echo 'installing the server and the command line into .venv' >&2
	@$(INSTALL) --python .venv -c requirements.lock -b requirements.lock \
		-e '.[cli,postgres,server]'
	@touch $@

.venv/.dev: .venv/.uv pyproject.toml
	@echo 'installing everything into .venv' >&2
	@$(call install_everything,.venv,requirements.lock)
	@touch .venv/.server $@

# The project's own dependencies at their floors; what only tests need, as new as goes with them.
.venv-lowest/.installed: .venv/.uv tests/lowest.lock pyproject.toml
	@echo 'installing the oldest dependencies into .venv-lowest' >&2
	@rm -rf .venv-lowest && $(BIN)/uv venv --quiet --python $(BIN)/python .venv-lowest
	@$(call install_everything,.venv-lowest,tests/lowest.lock)
	@touch $@

.venv-on-%/.installed: .venv/.uv requirements.lock pyproject.toml
	@echo 'installing everything into $(@D)' >&2
	@rm -rf $(@D) && $(BIN)/uv venv --quiet --no-python-downloads --python $(ON) $(@D)
	@$(call install_everything,$(@D),requirements.lock)
	@touch $@

.venv-on-/.installed:
	@echo 'which Python? ON=3.13, a command such as ON=python3.13, or a path' >&2; exit 1

.venv-generate/.installed: .venv/.uv protos/generate.lock
	@echo 'installing the generator into .venv-generate' >&2
	@test -x .venv-generate/bin/python || $(BIN)/uv venv --quiet --python $(BIN)/python .venv-generate
	@$(INSTALL) --python .venv-generate --require-hashes -r protos/generate.lock
	@touch $@
