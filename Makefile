# meet: the two commands a newcomer needs are `make run` and `make test`.

# GOTEST holds more flags of go test, PACKAGES what to test instead of all.
ROOM     ?= demo
GO       ?= go
GOTEST   ?=
PACKAGES ?=
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS  := -s -w -X main.released=$(VERSION)
# A Mac that has a compiler gets the driver that others have run for years.
CGO      ?= $(shell [ "$$(uname -s)" = Darwin ] && xcode-select -p >/dev/null 2>&1 && echo 1 || echo 0)
BUILD    := CGO_ENABLED=$(CGO) $(GO) build -trimpath -ldflags '$(LDFLAGS)'

.PHONY: all build run test race check fmt vet lint cross e2e test-browser pictures netlab soak compare bench dist clean bench-lines

all: build

build: ## one static binary: bin/meet
	$(BUILD) -o bin/meet ./cmd/meet

run: build ## join ROOM (default demo), hosting a server if none runs
	./bin/meet join $(ROOM)

test: ## every test that needs nothing but Go
	$(GO) test -timeout 30m $(GOTEST) $(or $(PACKAGES),./...)
	$(GO) test $(GOTEST) -tags purego ./media/video/vp8 # as on machines without its assembly
	cd tools && $(GO) test $(GOTEST) ./shot

race: ## the same under the race detector (needs a C compiler), fewer of the long ones
	CGO_ENABLED=1 $(GO) test -race -short -timeout 45m $(GOTEST) $(or $(PACKAGES),./...)

check: fmt vet lint cross test race ## what a commit must pass

fmt:
	@out=$$(gofmt -l $$(git ls-files '*.go')); if [ -n "$$out" ]; then echo "not formatted:"; echo "$$out"; exit 1; fi

vet: ## and what only other systems build
	$(GO) vet ./...
	@for os in darwin windows; do CGO_ENABLED=0 GOOS=$$os $(GO) vet -trimpath -buildvcs=false ./media/... ./internal/identity || exit 1; done

lint: ## staticcheck, pinned in tools/go.mod
	$(GO) tool -modfile=tools/go.mod staticcheck ./...

cross: ## the other systems must keep building
	@for t in linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64; do \
		echo "build $$t"; \
		CGO_ENABLED=0 GOOS=$${t%/*} GOARCH=$${t#*/} $(GO) build -trimpath -buildvcs=false -o /dev/null ./cmd/meet || exit 1; \
	done

e2e: build ## end-to-end tests with real parts: PulseAudio, tmux, network namespaces
	MEET_E2E=1 $(GO) test $(GOTEST) -count=1 -p 1 -timeout 30m $(or $(PACKAGES),./e2e/... ./internal/netlab \
		./internal/netwatch ./media/audio/... ./media/video/... ./rtc/conn ./tui/...)

test-browser: build ## the page in real Chromium and Firefox; installs what it needs (Debian, as root)
	@for p in chromium firefox-esr iproute2 nftables nodejs; do dpkg -s $$p >/dev/null 2>&1 || apt-get install -y -qq --no-install-recommends $$p; done
	MEET_E2E=1 $(GO) test $(GOTEST) -count=1 -timeout 15m ./e2e/browser

pictures: build ## the pictures of the terminal in docs/images (needs tmux)
	$(GO) run -C tools ./shot -meet ../bin/meet -faces ../tui/termvideo/testdata -images ../docs/images

netlab: build ## figures from real networks in namespaces (needs root; 40 minutes)
	MEET_E2E=1 MEET_BENCH=1 MEET_BENCH_OUT=$(CURDIR)/bin/netlab $(GO) test -count=1 -timeout 90m -v -run TestNet ./e2e

soak: ## random trouble for thousands of virtual minutes
	MEET_SOAK=1000 $(GO) test -count=1 -timeout 60m -run TestSoak ./internal/meettest

compare: ## random scripts to the peer machines of Go and of the page, nine minutes
	MEET_COMPARE=9m $(GO) test -count=1 -timeout 15m -v -run TestSameAsPage ./rtc

bench: build ## figures of docs/PERFORMANCE.md
	$(GO) run ./bench/participant -meet bin/meet
	$(GO) run ./bench/signaling
	$(GO) run ./bench/relay
	MEET_BENCH=1 $(GO) test -count=1 -v -run Bench ./tui/termvideo ./media/video/vp8
	$(GO) test -run '^$$' -bench . -benchmem ./...

bench-lines: ## calls over thin, far and lossy lines, in virtual time (two minutes)
	MEET_BENCH=1 $(GO) test -count=1 -v -run TestBenchLines ./internal/meettest

bench-voice: ## echo and noise beside WebRTC and speexdsp (C++17 compiler, libspeexdsp-dev; minutes)
	cd bench/voice && CGO_ENABLED=1 $(GO) run .

dist: ## everything a release consists of, in dist/ (archives, packages, image, recipes); the same bytes every time
	$(GO) run -C tools ./dist -version '$(filter-out dev,$(VERSION))'

clean:
	rm -rf bin dist
