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

.PHONY: setup
setup: compiler $(GOLANGCI) venv-2 venv-3 ## Install what the tests need: linter, both MLflow lines

.PHONY: venv-2 venv-3
venv-2 venv-3: venv-%:
	@examples/churn/setup.sh $*

.PHONY: compiler
compiler: # the race detector links with a C compiler
	@.ci/compiler

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
go-test: compiler
	go test $(TEST_FLAGS) ./...

.PHONY: unit
unit: compiler ## The Go tests that need nothing but Go
	go test $(TEST_FLAGS) $$(go list -f '{{.Dir}}' ./... | grep -vxF -f <(realpath -- $(INTEGRATION) /nonexistent 2>/dev/null))

.PHONY: integration
integration: compiler venv-2 venv-3 ## The Go tests that talk to a real MLflow of either line
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

.PHONY: bench-judge
bench-judge: ## Simulate rollouts and print the judge's table
	go run ./bench/judge

.PHONY: clean
clean: ## Remove what was built; ./data (the journal of `make run`), .venv and .tools stay
	rm -rf bin .demo
