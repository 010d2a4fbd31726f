# FlowReset. `make demo` shows it, `make test` proves it; both do all the set-up that they need.
SHELL := /bin/sh
.DEFAULT_GOAL := help
PREFIX ?= /usr/local

# Everything runs through Node 24 or newer: the machine's own, or one that tools/node.sh brings.
node_path = PATH="$$(tools/node.sh):$$PATH"
run = $(node_path) node
vitest = $(node_path) node node_modules/vitest/vitest.mjs run

LAB_PACKAGES = ip=iproute2 tcpdump=tcpdump curl=curl ssh=openssh-client sshd=openssh-server iperf3=iperf3 \
  nft=nftables conntrack=conntrack unshare=util-linux /usr/lib/postgresql=postgresql

CAP_PACKAGES = /usr/include/pcap.h=libpcap-dev c++=g++ python3=python3

##@ See it
.PHONY: demo
demo: setup native lab-packages ## Six scenes in a lab of network namespaces: attacks die, the rest lives
	@$(run) test/lab/demo.ts

##@ Prove it
.PHONY: check
check: setup native ## The quick part, under a minute: types, lint, unit and property tests
	@$(node_path) node_modules/.bin/tsc -p .
	@$(node_path) node_modules/.bin/oxlint --quiet
	@$(vitest) --project unit

.PHONY: test
test: setup native lab-packages cap-if-possible ## Everything: unit, fuzz and lab (real kernels, real tools)
	@$(node_path) node_modules/.bin/tsc -p .
	@$(node_path) node_modules/.bin/oxlint --quiet
	@$(run) test/run.ts

.PHONY: fuzz
fuzz: setup native ## Mutated packets for ever: FUZZ_INPUTS=n FUZZ_SEED=n
	@FUZZ_INPUTS=$${FUZZ_INPUTS:-100000000} $(vitest) --project fuzz

.PHONY: innocents
innocents: setup native lab-packages ## No innocent dies: a million connections beside attacks and hostile packets (INNOCENTS=n)
	@$(run) test/innocents/main.ts

BENCH_PACKAGES = tcpkill=dsniff ethtool=ethtool

.PHONY: bench
bench: setup native lab-packages ## Figures beside peers and limits, about half an hour (BENCH="kills reaction", BENCH_SHARE=0.1)
	@tools/packages.sh $(BENCH_PACKAGES)
	@$(run) test/bench/main.ts

##@ Have it
.PHONY: install
install: setup native ## Copies the product to PREFIX (/usr/local)
	@tools/install.sh "$(PREFIX)"

##@ Set-up (done by the others as needed)
.PHONY: setup
setup: node_modules/.ready ## Node 24 and the npm packages

node_modules/.ready: package.json package-lock.json
	@$(node_path) npm ci --no-audit --no-fund 2>.npm.log >&2 || { cat .npm.log >&2; exit 1; }
	@rm -f .npm.log; touch $@

.PHONY: native
native: setup ## The one native file
	@tools/native.sh

.PHONY: cap
cap: setup ## libpcap's binding, the portable capture (optional)
	@tools/cap.sh

# Its tests are skipped where the headers of libpcap cannot be had.
.PHONY: cap-if-possible
cap-if-possible: setup
	@tools/packages.sh $(CAP_PACKAGES) && tools/cap.sh || echo "going on without libpcap: its tests are skipped" >&2

.PHONY: lab-packages
lab-packages:
	@tools/packages.sh $(LAB_PACKAGES)

.PHONY: clean
clean: ## Removes what was built and fetched
	@rm -rf node_modules .tools sensor/native/*.node test/lab/build test/bench/build bench.json

.PHONY: help
help: ## This list
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
