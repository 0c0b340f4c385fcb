# The version of everything that is not in go.mod.
GOLANGCI_LINT = github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
GOVULNCHECK   = golang.org/x/vuln/cmd/govulncheck@v1.9.0

# Made when the modules of the console's page have passed their tests, which read two files of docs.
PAGE_TESTED = console/web/node_modules/.tested
NPM_CI = timeout 300 npm ci --no-audit --no-fund

.PHONY: build test demo web lint vuln bench fuzz lab clean

build: ## the daemon, as ./supervisiond
	go build -trimpath -o supervisiond ./cmd/supervisiond

test: lab $(PAGE_TESTED) ## sets up what is missing and passes all tests, with the race detector
	go test -race -count=1 -timeout 20m $$(go list ./... | grep -v /test/bench)
	go test -race -count=1 -timeout 5m ./test/bench # what it measures wants the machine for itself

demo: lab ## a PBX, people who call each other, and the console to pick up in; DEMO_SECONDS=20 ends it
	go build -o bin/demo ./test/demo
	bin/demo -seconds $(or $(DEMO_SECONDS),0)

web: ## checks, tests and builds the console's page into console/web/dist; needs Node. go build alone does not
	cd console/web && $(NPM_CI) && npm run check && npm test && npm run build
	touch $(PAGE_TESTED)

# Not again after make web.
$(PAGE_TESTED): $(shell find console/web -name node_modules -prune -o -path console/web/dist -prune -o -type f -print) docs/openapi.json docs/semantics.md | lab
	cd console/web && $(NPM_CI) && npm test
	touch $@

lab: ## a real Asterisk for tests and demo
	test/setup

lint:
	go vet ./...
	go run $(GOLANGCI_LINT) run

vuln: ## known vulnerabilities; needs the public database
	go run $(GOVULNCHECK) ./...

bench: lab ## the hot path, from the PBX's frame to NATS and event streams, and from a ring to the painted row and the lamp
	go test -run '^$$' -bench . -benchmem ./supervision ./ari ./bus ./sip ./sip/body ./sip/digest ./sip/front ./sip/notifier ./test/bench

fuzz: ## each fuzz target for FUZZ_TIME (5s), one after the other
	set -e; for package in $$(grep -rl --include='*_test.go' '^func Fuzz' . | xargs -n 1 dirname | sort -u); do \
		for target in $$(grep -h -o '^func Fuzz[A-Za-z]*' $$package/*_test.go | cut -d ' ' -f 2); do \
			echo "$$package $$target"; go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(or $(FUZZ_TIME),5s) $$package; \
		done; \
	done

clean:
	rm -f supervisiond
