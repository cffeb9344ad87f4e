# Headgate. `make` prints what there is.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# One MLflow line for the demonstration: 2 (stages) or 3 (aliases).
MLFLOW ?= 2
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
GOLANGCI_VERSION := v2.15.0
GOLANGCI := .tools/golangci-lint-$(GOLANGCI_VERSION)
# Packages tested at the same time, and how long one may take.
TEST_FLAGS ?= -race -p 2 -timeout 15m
# The packages whose tests talk to a real MLflow.
INTEGRATION = $(shell grep -rl --include='*_test.go' '/internal/registry/mlflowtest"' . | xargs -r -n1 dirname | sort -u)

.PHONY: help
help: ## Print this
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  %-14s %s\n", $$1, $$2}'

.PHONY: build
build: ## Build bin/headgate, one static binary, and bin/sample
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o bin/headgate ./cmd/headgate
	CGO_ENABLED=0 go build -trimpath -o bin/sample ./examples/sample

.PHONY: run
run: build ## Serve with the built-in policy and two sample backends; Ctrl-C stops all
	@echo 'traffic http://127.0.0.1:8080/predict · admin http://127.0.0.1:8090 · in another terminal:'
	@echo '  bin/headgate start sample-model --version 2 --baseline 1'
	@echo '  bin/headgate status sample-model'
	@bin/sample pair --rate 50 -- bin/headgate serve

.PHONY: demo
demo: build venv-$(MLFLOW) ## The demonstration on a real MLflow: make demo [MLFLOW=2|3]
	@.venv/mlflow$(MLFLOW)/bin/python examples/churn/demo/main.py --mlflow $(MLFLOW) --headgate bin/headgate

.PHONY: demo-shadow
demo-shadow: build venv-$(MLFLOW) ## Shadow, approval, canary on a real MLflow: make demo-shadow [MLFLOW=2|3]
	@.venv/mlflow$(MLFLOW)/bin/python examples/churn/demo/shadow_main.py --mlflow $(MLFLOW) --headgate bin/headgate

.PHONY: demo-colours
demo-colours: build venv-$(MLFLOW) ## Two colours and their roles on a real MLflow: make demo-colours [MLFLOW=2|3]
	@.venv/mlflow$(MLFLOW)/bin/python examples/churn/demo/colours_main.py --mlflow $(MLFLOW) --headgate bin/headgate

.PHONY: setup
setup: compiler prometheus $(GOLANGCI) venv-2 venv-3 ## Install what the tests need: linter, both MLflow lines

.PHONY: venv-2 venv-3
venv-2 venv-3: venv-%:
	@examples/churn/setup.sh $*

.PHONY: compiler
compiler: # the race detector links with a C compiler
	@.ci/compiler

.PHONY: prometheus
prometheus: # the alert tests run the real one, with Alertmanager
	@.ci/prometheus

$(GOLANGCI):
	@mkdir -p .tools
	GOBIN='$(CURDIR)/.tools' go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
	mv .tools/golangci-lint $@

.PHONY: test
test: ## Everything: linter, tests with -race, both real MLflow lines, the example's tests
	@.ci/test

.PHONY: lint
lint: $(GOLANGCI) ## go vet, the linter with the import rules, a tidy go.mod
	go vet ./...
	$(GOLANGCI) run ./...
	go mod tidy -diff

.PHONY: go-test
go-test: compiler prometheus
	go test $(TEST_FLAGS) ./...

.PHONY: cost
cost: ## The tests that the race detector would disturb: allocations and memory
	go test -count=1 -run 'Allocate|MemoryOf' ./internal/kpi ./shadow ./proxy

.PHONY: shadow-faults
shadow-faults: ## A mirror in front of shadows that hang, die, crawl and flood: what users notice, what is lost (12 min)
	@mkdir -p bin
	@go build -trimpath -o bin/headgate-shadow-faults ./cmd/headgate
	@go run ./bench/shadow --headgate bin/headgate-shadow-faults --policy bench/shadow/policy.yaml.tmpl --order 'start m --version 2 --baseline 1'

.PHONY: unit
unit: compiler ## The Go tests that need nothing but Go
	go test $(TEST_FLAGS) $$(go list -f '{{.Dir}}' ./... | grep -vxF -f <(realpath -- $(INTEGRATION) /nonexistent 2>/dev/null))

.PHONY: integration
integration: compiler prometheus venv-2 venv-3 ## The Go tests that talk to a real MLflow of either line
	go test $(TEST_FLAGS) $(INTEGRATION)

.PHONY: churn-2 churn-3
churn-2 churn-3: churn-%: venv-%
	examples/churn/test.sh $*

.PHONY: fuzz
fuzz: ## Half a minute of fuzzing for each fuzz test
	@grep -r --include='*_test.go' '^func Fuzz' . | sed -E 's|^\./(.*)/[^/]*:func (Fuzz[A-Za-z0-9_]*).*|\1 \2|' | \
		while read -r dir name; do go test "./$$dir" -run '^$$' -fuzz "^$$name\$$" -fuzztime 30s -fuzzminimizetime 10x; done

.PHONY: kills
kills: build venv-$(MLFLOW) ## 200 kill -9 over the steps of a rollback against a real MLflow
	go run ./bench/kills --mlflow $(MLFLOW)

.PHONY: images
images: ## Build every image; print size, user and Headgate's digest in two builds
	@deploy/test/images

.PHONY: alerts
alerts: ## Make the stack's Prometheus rules and Alertmanager routes from its policy
	go run ./cmd/headgate alerts generate --config configs/compose.yaml --url http://headgate:8090 \
		--prometheus-rules deploy/prometheus/rules.yml --alertmanager deploy/alertmanager/alertmanager.yml --token-file /run/secrets/alerter_token

.PHONY: compose-test
compose-test: ## The compose stack on a real engine, under traffic (about 10 minutes)
	@deploy/test/run

.PHONY: alarm
alarm: build prometheus venv-2 ## A rule fires in a real Prometheus, and the candidate goes: the times of it
	go run ./bench/alerts --alarm --headgate bin/headgate

.PHONY: alert-storm
alert-storm: build ## 1,000 alerts a second for 10 s while users are served
	go run ./bench/alerts --headgate bin/headgate

.PHONY: blue-green
blue-green: build ## Switches and switch backs under 500 requests/s, and kill -9 in the middle (3 min)
	@go run ./bench/bluegreen --headgate bin/headgate

.PHONY: bench-judge
bench-judge: ## Simulate rollouts beside the rules of others: docs/judge.md and its plots
	go run ./bench/judge --out docs

.PHONY: judge-live
judge-live: build ## Candidates that are worse in one way each, on a running Headgate
	go run ./bench/live --out docs/judge-live.md

.PHONY: clean
clean: ## Remove what was built; ./data (the journal of `make run`), .venv and .tools stay
	rm -rf bin .demo
