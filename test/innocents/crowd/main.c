/*
 * A crowd of real connections, both ends in one process and many network namespaces: innocents, each of which carries
 * a small exchange that is checked byte by byte, and attacks among them, on the same ports and addresses, which say a
 * forbidden text after theirs and must die at both ends. A dead innocent and a surviving attack are failures.
 *
 *   crowd IN_FLIGHT RATE ATTACK_EVERY SEED
 *
 * IN_FLIGHT connections at once at most, RATE a second at most (slowly first: nobody starts a sensor in the middle of a
 * rush); one of ATTACK_EVERY is an attack (0: none). Input:
 *   listen NETNS ADDRESS PORT
 *   route NAME NETNS FROM TO PORT FIRST_PORT LAST_PORT WEIGHT BUDGET [CLOSER]
 *       connections from FROM (FIRST_PORT 0: any port, else those few in turn) to TO:PORT; WEIGHT of all in turn;
 *       BUDGET 0: as many as come, else so many (then "done NAME", and the namespace is let go);
 *       CLOSER: server (the default) or client, who closes first
 *   steady COUNT ROUTE         connections of that route that exchange now and then, until the end
 *   go COUNT                   innocents in all
 *   rate RATE                  another rate
 * Output: "ready", "attack ID FROM PORT TO PORT SEEN_FROM SEEN_PORT CLIENT_NEXT SERVER_NEXT", "failure TEXT",
 * "progress INNOCENTS ATTACKS CUT FAILURES", "done NAME", "end INNOCENTS ATTACKS CUT FAILURES STEADY_EXCHANGES".
 */
#include "crowd.h"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/resource.h>

#define MAX_LISTENERS 16
#define EVENTS 256
/* An innocent that takes longer is stuck; an attack that lives longer has escaped. */
#define INNOCENT_LIMIT_NS 60000000000LL
#define ATTACK_LIMIT_NS 15000000000LL
#define STEADY_PAUSE_NS 200000000LL
/* How long it takes to come to RATE. */
#define RISE_NS 6000000000LL

struct connection connections[MAX_IN_FLIGHT];
struct route routes[MAX_ROUTES];
int free_slots[MAX_IN_FLIGHT], free_count;
unsigned char pattern_bytes[MAX_BYTES + PATTERN_PERIOD];
struct counts counted;

static int route_count, epoll, current_ns, in_flight_limit, started_going;
static long target, started, attack_every, rate;
static uint32_t generation;

void fail(const char *what)
{
	fprintf(stderr, "crowd: %s: %s\n", what, strerror(errno));
	exit(1);
}

int64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static uint64_t random_state = 88172645463325252ULL;

uint32_t random_below(uint32_t limit)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(random_state >> 20) % limit;
}

static int open_netns(const char *name)
{
	char path[64];
	snprintf(path, sizeof path, "/run/netns/%s", name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) fail(path);
	return fd;
}

void enter(int ns)
{
	if (ns == current_ns) return;
	if (setns(ns, CLONE_NEWNET) < 0) fail("setns");
	current_ns = ns;
}

void watch(int fd, int role, uint32_t value, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.u64 = (uint64_t)role << 32 | value};
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0 && (errno != EEXIST || epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event) < 0)) fail("epoll");
}

static void on_listener(int listener)
{
	for (int fd; (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) watch(fd, ACCEPTED, (uint32_t)fd, EPOLLIN | EPOLLRDHUP);
}

static int start(struct route *r, int is_steady)
{
	int one = 1;
	if (r->port_slots > 0 && r->port_count == 0) return 0;
	enter(r->ns);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0) fail("socket");
	struct connection *c = &connections[free_slots[--free_count]];
	*c = (struct connection){.state = CONNECTING, .route = r, .client = fd, .server = -1, .is_steady = is_steady, .since_ns = now_ns()};
	c->id = ++generation * MAX_IN_FLIGHT + (uint32_t)(c - connections);
	c->request_bytes = HEADER_BYTES + random_below(random_below(4) == 0 ? 4000 : 200);
	c->response_bytes = 1 + random_below(random_below(4) == 0 ? MAX_BYTES - 1 : 200);
	c->is_attack = !is_steady && attack_every > 0 && random_below((uint32_t)attack_every) == 0;
	c->server_attacks = random_below(3) == 0;
	r->in_flight++;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	struct sockaddr_in from = r->from;
	if (r->port_slots > 0) {
		c->port = r->ports[r->port_first];
		r->port_first = (r->port_first + 1) % r->port_slots;
		r->port_count--;
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	} else {
		setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
	}
	from.sin_port = htons(c->port);
	int refused = bind(fd, (struct sockaddr *)&from, sizeof from) < 0 || (connect(fd, (struct sockaddr *)&r->to, sizeof r->to) < 0 && errno != EINPROGRESS);
	if (refused && (errno == EADDRINUSE || errno == EADDRNOTAVAIL)) {
		/* The one before has not quite gone. */
		finish(c);
		return 0;
	}
	r->started++;
	if (!is_steady && !c->is_attack) started++;
	if (refused) report(c, "connect", errno);
	else watch(fd, CLIENT, c->id, EPOLLOUT);
	return 1;
}

static void start_some(int64_t allowed)
{
	static long turn;
	int tries = 0;
	while (allowed > 0 && free_count > MAX_IN_FLIGHT - in_flight_limit && started < target && tries++ < 4 * MAX_ROUTES) {
		int total = 0;
		for (int i = 0; i < route_count; i++) if (routes[i].ns >= 0) total += routes[i].weight;
		long at = turn++ % (total > 0 ? total : 1);
		struct route *r = routes;
		for (int i = 0; i < route_count; i++) {
			if (routes[i].ns < 0) continue;
			r = &routes[i];
			if ((at -= r->weight) < 0) break;
		}
		if (r->budget > 0 && r->started >= r->budget) continue;
		if (start(r, 0)) { allowed--; tries = 0; }
	}
}

static void look_at_the_clock(int64_t now)
{
	for (int i = 0; i < MAX_IN_FLIGHT; i++) {
		struct connection *c = &connections[i];
		if (c->state == FREE) continue;
		if (c->state == RESTING) {
			if (now - c->since_ns > STEADY_PAUSE_NS) { c->since_ns = now; ask(c); }
		} else if (now - c->since_ns > (c->state == ATTACKING ? ATTACK_LIMIT_NS : INNOCENT_LIMIT_NS)) {
			report(c, c->state == ATTACKING ? (c->client_dead ? "its server lives" : c->server_dead ? "its client lives" : "lives") : "stuck", 0);
		}
	}
}

static void listen_at(const char *netns, const char *address_text, unsigned port)
{
	static int listener_count;
	int one = 1, ns = open_netns(netns);
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = inet_addr(address_text), .sin_port = htons((uint16_t)port)};
	enter(ns);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (listener_count++ >= MAX_LISTENERS || bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 4096) < 0) fail("listen");
	watch(fd, LISTENER, (uint32_t)fd, EPOLLIN);
}

/* A place for a route: that of a pod that is gone, or a new one. */
static struct route *free_route(void)
{
	for (int i = 0; i < route_count; i++) if (routes[i].ns < 0) return &routes[i];
	if (route_count == MAX_ROUTES) fail("too many routes");
	return &routes[route_count++];
}

static void give_ports(struct route *r, unsigned first, unsigned last)
{
	r->port_slots = r->port_count = last - first + 1;
	r->ports = calloc(r->port_slots, sizeof *r->ports);
	for (unsigned i = 0; i < r->port_count; i++) r->ports[i] = (uint16_t)(first + i);
}

static void obey(char *line)
{
	char name[24], netns[24], from[24], to[24], closer[24] = "server";
	unsigned port, first, last, count;
	int weight;
	long number;
	if (sscanf(line, "listen %23s %23s %u", netns, from, &port) == 3) {
		listen_at(netns, from, port);
	} else if (sscanf(line, "route %23s %23s %23s %23s %u %u %u %d %ld %23s", name, netns, from, to, &port, &first, &last, &weight, &number, closer) >= 9) {
		struct route *r = free_route();
		free(r->ports);
		*r = (struct route){.ns = open_netns(netns), .weight = weight, .budget = number, .client_closes = !strcmp(closer, "client")};
		strcpy(r->name, name);
		strcpy(r->netns, netns);
		r->from = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = inet_addr(from)};
		r->to = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = inet_addr(to), .sin_port = htons((uint16_t)port)};
		if (first > 0) give_ports(r, first, last);
	} else if (sscanf(line, "steady %u %23s", &count, name) == 2) {
		for (int i = 0; i < route_count; i++) if (!strcmp(routes[i].name, name)) for (; count > 0 && free_count > 0; count--) start(&routes[i], 1);
	} else if (sscanf(line, "rate %ld", &number) == 1 && number > 0) {
		rate = number;
	} else if (sscanf(line, "go %ld", &number) == 1) {
		target = number;
		started_going = 1;
	} else {
		fprintf(stderr, "crowd: cannot obey: %s\n", line);
		exit(2);
	}
}

static void on_input(void)
{
	static char input[1 << 16];
	static size_t filled;
	ssize_t got = read(0, input + filled, sizeof input - 1 - filled);
	if (got <= 0) exit(3); /* Nobody is left who wants to know. */
	filled += (size_t)got;
	input[filled] = 0;
	char *line = input, *end;
	while ((end = strchr(line, '\n'))) { *end = 0; obey(line); line = end + 1; }
	filled -= (size_t)(line - input);
	memmove(input, line, filled);
}

static int only_steady_left(void)
{
	for (int i = 0; i < MAX_IN_FLIGHT; i++) if (connections[i].state != FREE && !connections[i].is_steady) return 0;
	return 1;
}

int main(int argc, char **argv)
{
	if (argc != 5) { fprintf(stderr, "usage: crowd IN_FLIGHT RATE ATTACK_EVERY SEED\n"); return 2; }
	in_flight_limit = atoi(argv[1]);
	rate = atol(argv[2]);
	attack_every = atol(argv[3]);
	random_state ^= (uint64_t)atol(argv[4]) << 24;
	if (in_flight_limit < 1 || in_flight_limit > MAX_IN_FLIGHT || rate < 1) { fprintf(stderr, "crowd: IN_FLIGHT up to %d, RATE from 1\n", MAX_IN_FLIGHT); return 2; }
	struct rlimit files = {4 * MAX_IN_FLIGHT, 4 * MAX_IN_FLIGHT};
	setrlimit(RLIMIT_NOFILE, &files);
	for (size_t i = 0; i < sizeof pattern_bytes; i++) pattern_bytes[i] = (unsigned char)(i % PATTERN_PERIOD);
	for (int i = 0; i < MAX_IN_FLIGHT; i++) free_slots[free_count++] = MAX_IN_FLIGHT - 1 - i;
	setvbuf(stdout, NULL, _IOLBF, 0);
	current_ns = -1;
	epoll = epoll_create1(EPOLL_CLOEXEC);
	watch(0, INPUT, 0, EPOLLIN);
	printf("ready\n");
	int64_t last = now_ns(), looked = last, said = last, began = last;
	double allowed = 0;
	for (;;) {
		struct epoll_event events[EVENTS];
		int count = epoll_wait(epoll, events, EVENTS, 2);
		for (int i = 0; i < count; i++) {
			uint32_t value = (uint32_t)events[i].data.u64;
			struct connection *c;
			switch (events[i].data.u64 >> 32) {
			case CLIENT: case SERVER:
				c = of_id(value);
				if (c != NULL && (events[i].data.u64 >> 32 == CLIENT ? c->client : c->server) >= 0) on_end(c, (int)(events[i].data.u64 >> 32));
				break;
			case LISTENER: on_listener((int)value); break;
			case ACCEPTED: on_accepted((int)value); break;
			default: on_input();
			}
		}
		int64_t now = now_ns();
		if (started_going) {
			double share = (double)(now - began) / RISE_NS;
			allowed += (double)(now - last) * (double)rate / 1e9 * (share < 1 ? share : 1);
			if (allowed > in_flight_limit) allowed = in_flight_limit;
			long before = started;
			start_some((int64_t)allowed);
			allowed -= (double)(started - before);
		}
		else began = now;
		last = now;
		if (now - looked > 50000000) { looked = now; look_at_the_clock(now); }
		if (now - said > 1000000000) { said = now; printf("progress %ld %ld %ld %ld\n", counted.innocents, counted.attacks, counted.cut, counted.failures); }
		if (started_going && started >= target && only_steady_left()) break;
	}
	printf("end %ld %ld %ld %ld %ld\n", counted.innocents, counted.attacks, counted.cut, counted.failures, counted.steady_exchanges);
	return counted.failures > 0;
}
