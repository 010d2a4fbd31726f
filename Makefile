# FlowReset. `make demo` shows it, `make test` proves it; both do all the set-up that they need.
SHELL := /bin/sh
.DEFAULT_GOAL := help
PREFIX ?= /usr/local

# Everything runs through Node 24 or newer: the machine's own, or one that tools/node.sh brings.
node_path = PATH="$$(tools/node.sh):$$PATH"
run = $(node_path) node
vitest = $(node_path) node node_modules/vitest/vitest.mjs run

# Debian packages, each behind a command that it brings.
DEMO_PACKAGES = ip=iproute2 nft=nftables unshare=util-linux curl=curl ssh=openssh-client sshd=openssh-server
LAB_PACKAGES = $(DEMO_PACKAGES) tcpdump=tcpdump iperf3=iperf3 conntrack=conntrack /usr/lib/postgresql=postgresql
CAP_PACKAGES = /usr/include/pcap.h=libpcap-dev c++=g++ python3=python3
CLUSTER_PACKAGES = ip=iproute2 nft=nftables iptables=iptables conntrack=conntrack unshare=util-linux containerd=containerd runc=runc /usr/lib/cni/bridge=containernetworking-plugins
BENCH_PACKAGES = tcpkill=dsniff ethtool=ethtool

##@ See it
.PHONY: demo
demo: setup native ## Attacks die, everything else lives: six scenes in a lab
	@tools/packages.sh $(DEMO_PACKAGES)
	@$(run) test/lab/demo.ts

.PHONY: cluster
cluster: setup cluster-packages ## A Kubernetes cluster of two nodes on this machine, as root (CLUSTER=bridge|ptp|vxlan)
	@$(run) test/cluster/main.ts up $(CLUSTER)

.PHONY: cluster-load
cluster-load: setup ## Puts the image that `make image` built on its nodes
	@$(run) test/cluster/main.ts load docker.io/library/flowreset:$$(sed -n "s/^  \"version\": \"\(.*\)\",$$/\1/p" package.json) images/build

.PHONY: cluster-down
cluster-down: setup ## Removes every trace of it
	@$(run) test/cluster/main.ts down

##@ Prove it
.PHONY: check
check: setup native ## Types, lint, unit and property tests: about a minute
	@$(node_path) node_modules/.bin/tsc -p .
	@$(node_path) node_modules/.bin/oxlint --quiet
	@$(vitest) --project unit

.PHONY: test
test: setup native lab-packages cluster-packages cap-if-possible ## Everything: unit, fuzz, API server, lab, cluster
	@$(node_path) node_modules/.bin/tsc -p .
	@$(node_path) node_modules/.bin/oxlint --quiet
	@$(run) test/run.ts

.PHONY: apiserver
apiserver: setup native lab-packages ## The tests on an API server, of any Kubernetes (KUBERNETES=1.32.13, built once)
	@$(vitest) --project apiserver

.PHONY: fuzz
fuzz: setup native ## Mutated packets, for ever (FUZZ_INPUTS=n FUZZ_SEED=n)
	@FUZZ_INPUTS=$${FUZZ_INPUTS:-100000000} $(vitest) --project fuzz

.PHONY: innocents
innocents: setup native lab-packages ## A million innocents beside attacks: none dies (INNOCENTS=n)
	@$(run) test/innocents/main.ts

.PHONY: bench
bench: setup native lab-packages ## Figures beside peers, half an hour (BENCH="kills memory")
	@tools/packages.sh $(BENCH_PACKAGES)
	@$(run) test/bench/main.ts

.PHONY: crds
crds: setup ## The CRDs and the reference pages, from the schemas
	@$(run) tools/generateCrds.ts

.PHONY: chart
chart: crds ## What the chart holds of the schemas: CRDs and the shape of a fleet
	@$(run) tools/chart.ts

.PHONY: manifests
manifests: chart ## The chart as plain YAML, in deploy/ (HELM=path, else one is built)
	@tools/manifests.sh

.PHONY: bench-cluster
bench-cluster: setup native cluster-packages ## The same of a cluster, as root (BENCH="scale kill memory" NODES="500 5000")
	@$(run) test/cluster/bench/main.ts

##@ Have it
.PHONY: install
install: setup native ## The product and its Node.js, to PREFIX (/usr/local)
	@tools/install.sh "$(PREFIX)"

##@ Run it in Kubernetes
.PHONY: image
image: setup native ## The image of operator and sensor, an OCI archive in images/build (no daemon)
	@images/build.sh

##@ Set-up (done by the others as needed)
.PHONY: setup
setup: node_modules/.ready ## Node 24 and the npm packages

node_modules/.ready: package.json package-lock.json
	@tools/modules.sh .
	@touch $@

.PHONY: native
native: setup ## The native file
	@tools/native.sh

.PHONY: cap
cap: setup ## The binding of libpcap, the portable capture (optional)
	@tools/cap.sh

# Its tests are skipped where the headers of libpcap cannot be had.
.PHONY: cap-if-possible
cap-if-possible: setup
	@tools/packages.sh $(CAP_PACKAGES) && tools/cap.sh || echo "going on without libpcap: its tests are skipped" >&2

.PHONY: lab-packages
lab-packages: ## Debian packages of the lab (as root; else names them)
	@tools/packages.sh $(LAB_PACKAGES)

.PHONY: cluster-packages
cluster-packages: ## Debian packages of the cluster, which only root can bring up
	@[ "$$(id -u)" != 0 ] || tools/packages.sh $(CLUSTER_PACKAGES)

.PHONY: clean
clean: ## Removes what was built and fetched
	@rm -rf node_modules .tools sensor/native/*.node test/*/build test/cluster/bench/build images/build bench.json bench-cluster.json

.PHONY: help
help: ## This list
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
