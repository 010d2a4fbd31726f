/* What the two ends of a connection say to each other, and what its end means: as it should be, or a failure. */
#include "crowd.h"

#include <linux/tcp.h>

#define MAGIC 0x43524f57u
#define FAILURES_SHOWN 50

static const char FORBIDDEN[] = "KILL-THIS-CONNECTION";

static unsigned char buffer[65536];

/* What connection `id` says from byte `at` on. The whole is another for each id. */
static const unsigned char *words_of(uint32_t id, uint32_t at) { return pattern_bytes + (id + at) % PATTERN_PERIOD; }

struct connection *of_id(uint32_t id)
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

void finish(struct connection *c)
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

void report(struct connection *c, const char *what, int error)
{
	static long of_attacks, of_others;
	counted.failures++;
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

void ask(struct connection *c)
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
	counted.attacks++;
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
		counted.steady_exchanges++;
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
		counted.innocents++;
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
	counted.cut++;
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
	counted.innocents++;
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

void on_end(struct connection *c, int role)
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
void on_accepted(int fd)
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
