# spreader-pipeline. `make help` lists the targets.
SHELL := /bin/bash
.DEFAULT_GOAL := help

BUILD_PACKAGES := zlib1g-dev libavformat-dev libavcodec-dev libavfilter-dev libavutil-dev libswscale-dev \
	libswresample-dev libsqlite3-dev libpq-dev
TEST_PACKAGES := ffmpeg python3 curl postgresql pgbouncer faketime iproute2
DEMO_PACKAGES := ffmpeg curl
PREFIX ?= /usr/local
FOOTAGE ?= $(wildcard ../shared/footage)
DEMO_HOME := $(CURDIR)/.build/demo
EXAMPLES := $(wildcard Examples/*/Package.swift Examples/*/Sources Examples/*/Tests)
SAY := @printf '\n==> %s\n'

.PHONY: help demo build test lint format bench golden fuzz chaos farm install clean packages packages-test packages-demo schema graph docs

help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

packages: ## Install missing libraries that the build needs
	$(SAY) "checking system packages"
	@scripts/install-packages $(BUILD_PACKAGES)

packages-test: packages
	@scripts/install-packages $(TEST_PACKAGES)

packages-demo: packages
	@scripts/install-packages $(DEMO_PACKAGES)

build: packages ## Build the program (release)
	$(SAY) "building (the first time takes several minutes)"
	swift build -c release --product spreader-pipeline

demo: packages-demo build ## Build, make sample footage, post it to the local sandbox and show the post
	$(SAY) "making sample footage in footage/"
	@scripts/make-footage footage
	$(SAY) "spreader-pipeline run pipelines/tiktok.json --sandbox"
	SPREADER_HOME=$(DEMO_HOME) .build/release/spreader-pipeline run pipelines/tiktok.json --sandbox
	$(SAY) "posts in the sandbox"
	@scripts/show-posts .build/release/spreader-pipeline $(DEMO_HOME)

test: packages-test ## Run every test
	$(SAY) "running every test (the first build takes several minutes)"
	swift build --build-tests
	@scripts/run-tests
	$(SAY) "building and testing the examples (several minutes: one is a whole program)"
	@scripts/check-examples .build/debug/spreader-pipeline

golden: packages-test ## Regenerate the expected output of validate and lint in Tests/Diagnostics; review it like code
	$(SAY) "writing Tests/Diagnostics/*.expected"
	swift build --build-tests
	SPREADER_GOLDEN=write scripts/run-tests --filter DiagnosticsTests

lint: ## Check format, the module graph and the other house rules
	$(SAY) "checking format"
	swift format lint --strict --recursive --parallel Package.swift Sources Plugins Tests Benchmarks Fuzz $(EXAMPLES)
	$(SAY) "checking house rules"
	@scripts/check-house

graph: ## Write the module graph into ARCHITECTURE.md
	$(SAY) "writing the graph in ARCHITECTURE.md"
	@scripts/graph --write

format: ## Format all Swift files
	$(SAY) "formatting"
	swift format --in-place --recursive --parallel Package.swift Sources Plugins Tests Benchmarks Fuzz $(EXAMPLES)

schema: build ## Regenerate the schemas in pipelines/
	$(SAY) "writing pipelines/pipeline.schema.json and pipelines/test.schema.json"
	.build/release/spreader-pipeline schema --output pipelines/pipeline.schema.json
	.build/release/spreader-pipeline schema --tests --output pipelines/test.schema.json

DOCS ?= .build/docs
docs: packages ## Build the documentation of PipelineKit, PluginProtocol and TikTokSandbox in DOCS (default .build/docs)
	@grep -q swift-docc-plugin Package.swift || { echo "error: Package.swift does not declare swift-docc-plugin" >&2; exit 1; }
	$(SAY) "building the documentation"
	@mkdir -p $(DOCS)
	@for target in PipelineKit PluginProtocol TikTokSandbox; do \
		swift package --allow-writing-to-directory $(DOCS) generate-documentation --target $$target \
			--transform-for-static-hosting --hosting-base-path $$target --output-path $(DOCS)/$$target || exit 1; \
	done
	$(SAY) "to read it: python3 -m http.server --directory $(DOCS), then open /PipelineKit/documentation/pipelinekit/"

bench: packages-test build ## Measure start-up, overhead, uploads, the queue, and transcoding against ffmpeg
	$(SAY) "measuring"
	swift build -c release --product spreader-benchmarks
	@Benchmarks/run

CASES ?= 2000
SEED ?= 1
fuzz: packages ## Fuzz with CASES damaged clips (default 2000, SEED=1) and ten times as many pipelines: nothing may crash
	$(SAY) "fuzzing the files of FOOTAGE, of ../shared/footage, or generated clips"
	swift build -c release --product spreader-fuzz
	.build/release/spreader-fuzz pipelines --cases $$(( $(CASES) * 10 )) --seed $(SEED) pipelines Tests/Diagnostics
	.build/release/spreader-fuzz --cases $(CASES) --seed $(SEED) $(FOOTAGE)

N ?= 300
chaos: packages-test build ## Kill N runs (default 300, SEED=1) at random and at commits, with faults: each asset must have one post
	$(SAY) "killing runs against the sandbox"
	@scripts/chaos .build/release/spreader-pipeline --runs $(N) --seed $(SEED)

JOBS ?= 200
farm: packages-test build ## Run JOBS jobs (default 200, SEED=1) on four workers and one PostgreSQL, while everything fails
	$(SAY) "running workers on a private PostgreSQL"
	@scripts/farm .build/release/spreader-pipeline --jobs $(JOBS) --seed $(SEED)

install: build ## Install the program below PREFIX (default /usr/local)
	$(SAY) "installing to $(PREFIX)/bin"
	install -D -m 0755 .build/release/spreader-pipeline $(DESTDIR)$(PREFIX)/bin/spreader-pipeline

clean: ## Remove the build, and the demo's footage and data; keep your own footage
	$(SAY) "removing .build and footage/sample.mp4"
	rm -rf .build footage/sample.mp4
	@rmdir footage 2>/dev/null || true
