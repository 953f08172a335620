# The commands of this project. What a command needs, it installs first; a second run takes seconds.
# Longer shell logic is in .ci/. ARGS is handed on: make run ARGS="--port 9000"

.DEFAULT_GOAL := help
.PHONY: help setup setup-check setup-tests run up test check bench soak docs docs-serve pictures

ARGS ?=

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | while IFS='|' read -r name text; do printf '%-20s %s\n' "$$name" "$$text"; done

setup: ## Install what the hub needs, into .venv
	@.ci/setup run

setup-check: ## Install what `make check` needs as well
	@.ci/setup check

setup-tests: ## Install what `make test` needs as well: PostgreSQL and Chromium
	@.ci/setup tests

run: setup ## Start the demo: hub, stand-ins for PBX and CRMs, a little traffic; Ctrl-C stops all of it
	@exec .venv/bin/dozvon demo $(ARGS)

up: setup ## Start an empty hub for real use; Ctrl-C stops all of it
	@exec .venv/bin/dozvon up $(ARGS)

# Whole hubs in processes of their own come last, two files at a time: they wait more than they work.
WHOLE = tests/e2e tests/faults tests/cli tests/docs

test: setup-tests ## Run all the tests but the long proofs; ARGS="tests/net -k redirect" runs a part
	@if [ -n "$(ARGS)" ]; then exec .venv/bin/pytest -m "not slow" $(ARGS); fi; \
	.venv/bin/pytest -m "not slow" -n 2 --dist loadfile $(WHOLE:%=--ignore=%); parts=$$?; \
	.venv/bin/pytest -m "not slow" -n 2 --dist loadfile $(WHOLE) && exit $$parts

check: setup-check ## Lint, format, types, import floors, house rules
	@exec .ci/check

bench: setup-tests ## Measure intake and delivery on this machine
	@exec .venv/bin/python -m bench $(ARGS)

soak: setup-tests ## Run the long proofs, which `make test` leaves out
	@exec .venv/bin/pytest -m slow $(ARGS)

docs: export NO_MKDOCS_2_WARNING = 1
docs: setup-check ## Make a site of the documentation, in site/; a broken link or a missing page fails
	@exec .venv/bin/mkdocs build --strict --quiet $(ARGS)

docs-serve: export NO_MKDOCS_2_WARNING = 1
docs-serve: setup-check ## Show the documentation at http://127.0.0.1:8000/ and follow each change
	@exec .venv/bin/mkdocs serve $(ARGS)

pictures: setup-tests ## Take the pictures of the documentation anew, from the demo; ARGS="call desk" takes some
	@exec .venv/bin/python -m docs.pictures $(ARGS)
