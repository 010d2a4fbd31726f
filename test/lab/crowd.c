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
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <linux/tcp.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_IN_FLIGHT 4096
#define MAX_ROUTES 64
#define MAX_LISTENERS 16
#define MAX_BYTES 6000
#define HEADER_BYTES 12
#define MAGIC 0x43524f57u
#define EVENTS 256
/* An innocent that takes longer is stuck; an attack that lives longer has escaped. */
#define INNOCENT_LIMIT_NS 60000000000LL
#define ATTACK_LIMIT_NS 15000000000LL
#define STEADY_PAUSE_NS 200000000LL
/* How long it takes to come to RATE. */
#define RISE_NS 6000000000LL
#define FAILURES_SHOWN 50

static const char FORBIDDEN[] = "KILL-THIS-CONNECTION";

struct route {
	char name[24], netns[24];
	int ns; /* -1: closed */
	struct sockaddr_in from, to;
	uint16_t *ports; /* a ring of those that are free */
	unsigned port_slots, port_first, port_count;
	int weight, client_closes, in_flight, announced;
	long budget, started;
};

enum state { FREE, CONNECTING, ASKING, RESTING, CLOSING, ATTACKING };

struct connection {
	enum state state;
	uint32_t id;
	struct route *route;
	int client, server, client_dead, server_dead, is_attack, is_steady, server_attacks;
	uint16_t port; /* of the ring, 0 for none */
	uint32_t request_bytes, response_bytes, server_got, client_got;
	int64_t since_ns;
	long exchanges;
};

static struct connection connections[MAX_IN_FLIGHT];
static int free_slots[MAX_IN_FLIGHT], free_count;
static struct route routes[MAX_ROUTES];
static int route_count, epoll, current_ns, in_flight_limit, started_going;
static long target, innocents, attacks, cut, failures, started, steady_exchanges, attack_every, rate;
static uint32_t generation;
static unsigned char pattern_bytes[MAX_BYTES + 256], buffer[65536];

static void fail(const char *what)
{
	fprintf(stderr, "crowd: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static uint64_t random_state = 88172645463325252ULL;
static uint32_t random_below(uint32_t limit)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(random_state >> 20) % limit;
}

/* What connection `id` says from byte `at` on: `length` bytes. The whole is another for each id. */
static const unsigned char *words_of(uint32_t id, uint32_t at) { return pattern_bytes + (id + at) % 251; }

static int open_netns(const char *name)
{
	char path[64];
	snprintf(path, sizeof path, "/run/netns/%s", name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) fail(path);
	return fd;
}

static void enter(int ns)
{
	if (ns == current_ns) return;
	if (setns(ns, CLONE_NEWNET) < 0) fail("setns");
	current_ns = ns;
}

/* Events name who they are for: a slot with its id, client or server; a listener; or a socket that was just accepted. */
enum { CLIENT, SERVER, LISTENER, ACCEPTED, INPUT };
static void watch(int fd, int role, uint32_t value, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.u64 = (uint64_t)role << 32 | value};
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0 && (errno != EEXIST || epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event) < 0)) fail("epoll");
}

static struct connection *of_id(uint32_t id)
{
	struct connection *c = &connections[id % MAX_IN_FLIGHT];
	return c->state != FREE && c->id == id ? c : NULL;
}

static void give_back_port(struct connection *c)
{
	struct route *r = c->route;
	if (c->port == 0) return;
	r->ports[(r->port_first + r->port_count++) % r->port_slots] = c->port;
	c->port = 0;
}

static void finish(struct connection *c)
{
	struct route *r = c->route;
	if (c->client >= 0) close(c->client);
	if (c->server >= 0) close(c->server);
	give_back_port(c);
	c->state = FREE;
	free_slots[free_count++] = (int)(c - connections);
	r->in_flight--;
	if (r->budget > 0 && r->started >= r->budget && r->in_flight == 0 && !r->announced) {
		r->announced = 1;
		enter(routes[0].ns);
		close(r->ns);
		r->ns = -1;
		printf("done %s\n", r->name);
	}
}

static void report(struct connection *c, const char *what, int error)
{
	static long of_attacks, of_others;
	failures++;
	if ((c->is_attack ? of_attacks++ : of_others++) < FAILURES_SHOWN) {
		struct sockaddr_in own = {0};
		socklen_t length = sizeof own;
		if (c->client >= 0) getsockname(c->client, (struct sockaddr *)&own, &length);
		char from[INET_ADDRSTRLEN], to[INET_ADDRSTRLEN];
		inet_ntop(AF_INET, &own.sin_addr, from, sizeof from);
		inet_ntop(AF_INET, &c->route->to.sin_addr, to, sizeof to);
		struct timespec t;
		clock_gettime(CLOCK_REALTIME, &t);
		printf("failure %s %u of route %s, %s:%u to %s:%u: %s%s%s; server got %u of %u, client got %u of %u; at %lld.%06ld\n",
			c->is_attack ? "attack" : c->is_steady ? "steady" : "innocent", c->id, c->route->name, from, ntohs(own.sin_port), to, ntohs(c->route->to.sin_port),
			what, error ? ": " : "", error ? strerror(error) : "", c->server_got, c->request_bytes, c->client_got, c->response_bytes, (long long)t.tv_sec, t.tv_nsec / 1000);
	}
	finish(c);
}

static int error_of(int fd)
{
	int error = 0;
	socklen_t length = sizeof error;
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
	return error;
}

static int say(int fd, const void *bytes, size_t length)
{
	ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL);
	if (sent == (ssize_t)length) return 0;
	return sent < 0 ? errno : EMSGSIZE;
}

static void ask(struct connection *c)
{
	unsigned char message[MAX_BYTES];
	uint32_t header[3] = {htonl(MAGIC), htonl(c->id), htonl(c->response_bytes)};
	memcpy(message, header, sizeof header);
	memcpy(message + HEADER_BYTES, words_of(c->id, HEADER_BYTES), c->request_bytes - HEADER_BYTES);
	c->state = ASKING;
	c->server_got = c->client_got = 0;
	int error = say(c->client, message, c->request_bytes);
	if (error) report(c, "request", error);
}

/* The number of the next byte that the socket sends (queue 2) or expects (queue 1). */
static uint32_t next_number(int fd, int queue)
{
	uint32_t number = 0;
	socklen_t length = sizeof number;
	setsockopt(fd, IPPROTO_TCP, TCP_REPAIR_QUEUE, &queue, sizeof queue);
	getsockopt(fd, IPPROTO_TCP, TCP_QUEUE_SEQ, &number, &length);
	return number;
}

static void attack(struct connection *c)
{
	struct sockaddr_in own, seen;
	socklen_t length = sizeof own;
	int on = TCP_REPAIR_ON, off = TCP_REPAIR_OFF_NO_WP;
	getsockname(c->client, (struct sockaddr *)&own, &length);
	length = sizeof seen;
	getpeername(c->server, (struct sockaddr *)&seen, &length);
	if (setsockopt(c->client, IPPROTO_TCP, TCP_REPAIR, &on, sizeof on) < 0) fail("TCP_REPAIR");
	uint32_t client_next = next_number(c->client, TCP_SEND_QUEUE), server_next = next_number(c->client, TCP_RECV_QUEUE);
	setsockopt(c->client, IPPROTO_TCP, TCP_REPAIR, &off, sizeof off);
	char from[INET_ADDRSTRLEN], to[INET_ADDRSTRLEN], seen_from[INET_ADDRSTRLEN];
	inet_ntop(AF_INET, &own.sin_addr, from, sizeof from);
	inet_ntop(AF_INET, &c->route->to.sin_addr, to, sizeof to);
	inet_ntop(AF_INET, &seen.sin_addr, seen_from, sizeof seen_from);
	printf("attack %u %s %u %s %u %s %u %u %u\n", c->id, from, ntohs(own.sin_port), to, ntohs(c->route->to.sin_port), seen_from, ntohs(seen.sin_port), client_next, server_next);
	attacks++;
	c->state = ATTACKING;
	c->since_ns = now_ns();
	int error = say(c->server_attacks ? c->server : c->client, FORBIDDEN, sizeof FORBIDDEN - 1);
	if (error) report(c, "attack before its time", error);
}

static void exchange_done(struct connection *c)
{
	if (c->is_steady) {
		c->state = RESTING;
		c->since_ns = now_ns();
		c->exchanges++;
		steady_exchanges++;
		return;
	}
	if (c->is_attack) {
		attack(c);
		return;
	}
	c->state = CLOSING;
	if (random_below(8) == 0) {
		/* One of eight ends by a RST of its own, as people's do. */
		struct linger abrupt = {.l_onoff = 1};
		setsockopt(c->client, SOL_SOCKET, SO_LINGER, &abrupt, sizeof abrupt);
		close(c->client);
		c->client = -1;
		innocents++;
		finish(c);
		return;
	}
	shutdown(c->route->client_closes ? c->client : c->server, SHUT_WR);
}

static void attacked(struct connection *c, int role, int error)
{
	if (error == EAGAIN) return;
	int *dead = role == CLIENT ? &c->client_dead : &c->server_dead;
	int *fd = role == CLIENT ? &c->client : &c->server;
	if (error != ECONNRESET && error != EPIPE) {
		report(c, error == 0 ? "attack ended in order" : "attack", error);
		return;
	}
	*dead = 1;
	close(*fd);
	*fd = -1;
	if (!c->client_dead || !c->server_dead) return;
	cut++;
	finish(c);
}

/* In order to its end: the other side answers the first FIN with its own. */
static void close_in_order(struct connection *c, int role, int error)
{
	int closes_first = c->route->client_closes ? CLIENT : SERVER;
	if (error == EAGAIN) return;
	if (error != 0) {
		report(c, "while closing", error);
		return;
	}
	if (role != closes_first) {
		int *fd = role == CLIENT ? &c->client : &c->server;
		close(*fd);
		*fd = -1;
		return;
	}
	innocents++;
	finish(c);
}

/* Reads what is there; returns 0 at the end of the stream, EAGAIN where it goes on, else the error. */
static int hear(struct connection *c, int role)
{
	int fd = role == CLIENT ? c->client : c->server;
	uint32_t *got = role == CLIENT ? &c->client_got : &c->server_got;
	uint32_t total = role == CLIENT ? c->response_bytes : c->request_bytes;
	for (;;) {
		ssize_t length = recv(fd, buffer, sizeof buffer, 0);
		if (length <= 0) return length == 0 ? 0 : errno;
		if (c->state == ATTACKING) continue;
		uint32_t at = *got, skip = role == SERVER && at < HEADER_BYTES ? HEADER_BYTES - at : 0;
		*got += (uint32_t)length;
		if (*got > total || ((uint32_t)length > skip && memcmp(buffer + skip, words_of(c->id, at + skip), (size_t)length - skip) != 0)) {
			report(c, role == CLIENT ? "other bytes than the server sent" : "other bytes than the client sent", 0);
			return -1;
		}
		if (*got < total) continue;
		if (role == CLIENT) {
			exchange_done(c);
		} else {
			int error = say(c->server, words_of(c->id, 0), c->response_bytes);
			if (error) { report(c, "response", error); return -1; }
		}
		if (c->state == FREE) return -1;
	}
}

static void on_end(struct connection *c, int role)
{
	if (c->state == CONNECTING) {
		int error = error_of(c->client);
		if (error) { report(c, "connect", error); return; }
		watch(c->client, CLIENT, c->id, EPOLLIN | EPOLLRDHUP);
		ask(c);
		return;
	}
	int error = hear(c, role);
	if (error == -1 || c->state == FREE) return;
	if (c->state == ATTACKING) attacked(c, role, error);
	else if (c->state == CLOSING) close_in_order(c, role, error);
	else if (error != EAGAIN) report(c, error == 0 ? "early end" : "exchange", error);
}

/* The first bytes say whose it is. */
static void on_accepted(int fd)
{
	uint32_t header[3];
	ssize_t got = recv(fd, header, sizeof header, MSG_PEEK);
	if (got < 0 && errno == EAGAIN) return;
	struct connection *c = got == (ssize_t)sizeof header && ntohl(header[0]) == MAGIC ? of_id(ntohl(header[1])) : NULL;
	if (c == NULL || c->server >= 0) {
		close(fd);
		return;
	}
	c->server = fd;
	watch(fd, SERVER, c->id, EPOLLIN | EPOLLRDHUP);
	on_end(c, SERVER);
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

static void obey(char *line)
{
	char name[24], netns[24], from[24], to[24], closer[24] = "server";
	unsigned port, first, last, count;
	int weight;
	long budget;
	if (sscanf(line, "listen %23s %23s %u", netns, from, &port) == 3) {
		static int listener_count;
		int one = 1, ns = open_netns(netns);
		struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = inet_addr(from), .sin_port = htons((uint16_t)port)};
		enter(ns);
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
		if (listener_count++ >= MAX_LISTENERS || bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 4096) < 0) fail("listen");
		watch(fd, LISTENER, (uint32_t)fd, EPOLLIN);
	} else if (sscanf(line, "route %23s %23s %23s %23s %u %u %u %d %ld %23s", name, netns, from, to, &port, &first, &last, &weight, &budget, closer) >= 9) {
		struct route *r = NULL;
		for (int i = 0; i < route_count; i++) if (routes[i].ns < 0) r = &routes[i]; /* of a pod that is gone */
		if (r == NULL) { if (route_count == MAX_ROUTES) fail("too many routes"); r = &routes[route_count++]; }
		free(r->ports);
		*r = (struct route){.ns = open_netns(netns), .weight = weight, .budget = budget, .client_closes = !strcmp(closer, "client")};
		strcpy(r->name, name);
		strcpy(r->netns, netns);
		r->from = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = inet_addr(from)};
		r->to = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = inet_addr(to), .sin_port = htons((uint16_t)port)};
		if (first > 0) {
			r->port_slots = r->port_count = last - first + 1;
			r->ports = calloc(r->port_slots, sizeof *r->ports);
			for (unsigned i = 0; i < r->port_count; i++) r->ports[i] = (uint16_t)(first + i);
		}
	} else if (sscanf(line, "steady %u %23s", &count, name) == 2) {
		for (int i = 0; i < route_count; i++) if (!strcmp(routes[i].name, name)) for (; count > 0 && free_count > 0; count--) start(&routes[i], 1);
	} else if (sscanf(line, "rate %ld", &budget) == 1 && budget > 0) {
		rate = budget;
	} else if (sscanf(line, "go %ld", &budget) == 1) {
		target = budget;
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
	for (size_t i = 0; i < sizeof pattern_bytes; i++) pattern_bytes[i] = (unsigned char)(i % 251);
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
		if (now - said > 1000000000) { said = now; printf("progress %ld %ld %ld %ld\n", innocents, attacks, cut, failures); }
		if (started_going && started >= target && only_steady_left()) break;
	}
	printf("end %ld %ld %ld %ld %ld\n", innocents, attacks, cut, failures, steady_exchanges);
	return failures > 0;
}
