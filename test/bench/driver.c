/*
 * Holds both ends of real connections, one after the other, and says what became of each: sends a trigger, then
 * waits for the death of both sockets. One thread, one poll loop, the two ends in two network namespaces.
 *
 * driver CLIENT_NETNS SERVER_NETNS SERVER_ADDRESS PORT KIND COUNT [OPTION=VALUE ...]
 * KIND: idle | answer | http | upRATE | downRATE | bothRATE, the RATE in Mbit/s in bursts of a millisecond, or "full"
 * OPTION: answer (us until the server answers), limit (ms that an end may live on; 2000), pause (ms between two
 *   connections), killer (a program started before each trigger with the client's port, and ended after it)
 * A neighbour of the same two hosts and the same port stays all the time and exchanges a byte after each connection.
 * prints a line a connection, and one at the end:
 *   clientPort clientErrno serverErrno clientMs serverMs bytesPastTrigger
 *   neighbour EXCHANGES alive|dead
 * errno 0 and ms -1: that end lived on until the limit.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define KILLER_START_MS 60.0
#define BYTES_A_MS_OF_MBIT 125
#define MOST_OWED_BYTES 262144
#define TRIGGER_AFTER_BYTES 400000
static const char TRIGGER[] = "KILLMENOW";
static const char HTTP[] = "GET /KILLMENOW HTTP/1.1\r\nHost: bench.example\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n";
static char zeros[262144];

static double nowMs(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static void fail(const char *what) {
	fprintf(stderr, "Cannot %s: %s\n", what, strerror(errno));
	exit(1);
}

static void enter(const char *path) {
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET) < 0) fail(path);
	close(fd);
}

static socklen_t address(const char *host, int port, struct sockaddr_storage *out) {
	char service[16];
	struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM}, *found;
	snprintf(service, sizeof service, "%d", port);
	if (getaddrinfo(host, service, &hints, &found)) { errno = EINVAL; fail(host); }
	memcpy(out, found->ai_addr, found->ai_addrlen);
	socklen_t length = found->ai_addrlen;
	freeaddrinfo(found);
	return length;
}

struct end {
	int fd;
	int error;        /* 0 while alive; errno of its death, or -1 for an orderly end */
	double diedMs;    /* since the trigger */
	int writes;       /* sends bulk data */
	double owedBytes; /* what a paced sender may write by now */
	uint64_t sent, received;
};

/* 1 when the socket is dead; records why. */
static int died(struct end *e, double sinceMs) {
	int error = 0;
	socklen_t length = sizeof error;
	getsockopt(e->fd, SOL_SOCKET, SO_ERROR, &error, &length);
	if (!error) return 0;
	e->error = error;
	e->diedMs = sinceMs;
	return 1;
}

static void writeBulk(struct end *e, int paced, double sinceMs) {
	size_t want = paced ? (size_t)(e->owedBytes > sizeof zeros ? sizeof zeros : e->owedBytes) : sizeof zeros;
	if (!want) return;
	ssize_t n = send(e->fd, zeros, want, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n > 0) { e->sent += n; e->owedBytes -= n; }
	else if (errno != EAGAIN) { e->error = errno; e->diedMs = sinceMs; }
}

static void readAll(struct end *e, double sinceMs) {
	static char sink[262144];
	ssize_t n = recv(e->fd, sink, sizeof sink, MSG_DONTWAIT);
	if (n > 0) e->received += n;
	else if (n == 0) { e->error = -1; e->diedMs = sinceMs; }
	else if (errno != EAGAIN) { e->error = errno; e->diedMs = sinceMs; }
}

static const char *option(int argc, char **argv, const char *name, const char *otherwise) {
	size_t length = strlen(name);
	for (int i = 7; i < argc; i++) if (!strncmp(argv[i], name, length) && argv[i][length] == '=') return argv[i] + length + 1;
	return otherwise;
}

static void rest(double ms) {
	struct timespec nap = {(time_t)(ms / 1e3), (long)(ms * 1e6) % 1000000000L};
	if (ms > 0) nanosleep(&nap, NULL);
}

/* A byte there and back; 0 when the connection is dead. */
static int exchange(int from, int to) {
	char byte = 'x';
	struct pollfd p = {to, POLLIN, 0};
	return send(from, &byte, 1, MSG_NOSIGNAL) == 1 && poll(&p, 1, 5000) == 1 && recv(to, &byte, 1, 0) == 1;
}

static pid_t start(const char *program, int port) {
	pid_t child = fork();
	if (child < 0) fail("fork");
	if (child == 0) {
		char word[16];
		snprintf(word, sizeof word, "%d", port);
		execl("/bin/sh", "sh", program, word, (char *)NULL);
		_exit(127);
	}
	rest(KILLER_START_MS);
	return child;
}

static void end(pid_t child) {
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

int main(int argc, char **argv) {
	if (argc < 7) { fprintf(stderr, "usage: driver CLIENT_NETNS SERVER_NETNS ADDRESS PORT KIND COUNT [answer=US] [limit=MS] [pause=MS] [killer=PROGRAM]\n"); return 2; }
	const char *clientNs = argv[1], *serverNs = argv[2], *kind = argv[5];
	int count = atoi(argv[6]);
	double answerAfterMs = atof(option(argc, argv, "answer", "0")) / 1e3, limitMs = atof(option(argc, argv, "limit", "2000"));
	double pauseMs = atof(option(argc, argv, "pause", "0"));
	const char *killer = option(argc, argv, "killer", NULL);
	int up = !strncmp(kind, "up", 2) || !strncmp(kind, "both", 4), down = !strncmp(kind, "down", 4) || !strncmp(kind, "both", 4);
	const char *rate = kind + strcspn(kind, "0123456789");
	int paced = *rate != 0, burst = atoi(rate) * BYTES_A_MS_OF_MBIT, http = !strcmp(kind, "http"), answers = http || !strcmp(kind, "answer");
	int bulk = up || down;

	struct sockaddr_storage target;
	socklen_t targetLength = address(argv[3], atoi(argv[4]), &target);
	enter(serverNs);
	int listener = socket(target.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(listener, (void *)&target, targetLength) < 0 || listen(listener, 64) < 0) fail("listen");
	enter(clientNs);
	int neighbour = socket(target.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0), exchanges = 0, alive = 1;
	if (connect(neighbour, (void *)&target, targetLength) < 0) fail("connect");
	int neighbourServer = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	for (int i = 0; i < count; i++) {
		struct end c = {.writes = up, .diedMs = -1}, s = {.writes = down, .diedMs = -1};
		c.fd = socket(target.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
		setsockopt(c.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
		if (connect(c.fd, (void *)&target, targetLength) < 0) fail("connect");
		s.fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		if (s.fd < 0) fail("accept");
		setsockopt(s.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
		struct sockaddr_storage own;
		socklen_t ownLength = sizeof own;
		getsockname(c.fd, (void *)&own, &ownLength);
		int port = ntohs(own.ss_family == AF_INET ? ((struct sockaddr_in *)&own)->sin_port : ((struct sockaddr_in6 *)&own)->sin6_port);

		pid_t child = killer ? start(killer, port) : 0;

		/* The side that carries the trigger: the server only when it alone sends. */
		struct end *trigger = down && !up ? &s : &c, *reader = trigger == &c ? &s : &c;
		double triggerAt = 0, answerAt = 0, last = nowMs();
		uint64_t readBefore = 0, sentBefore = 0;
		int fired = 0, answered = 0;
		for (;;) {
			double t = nowMs(), since = fired ? t - triggerAt : 0;
			if (fired && since > limitMs) break;
			if (c.error && s.error) break;
			if (bulk && paced) { double add = (t - last) * burst; c.owedBytes += add; s.owedBytes += add; if (c.owedBytes > MOST_OWED_BYTES) c.owedBytes = MOST_OWED_BYTES; if (s.owedBytes > MOST_OWED_BYTES) s.owedBytes = MOST_OWED_BYTES; last = t; }
			if (!fired && (!bulk || trigger->sent >= TRIGGER_AFTER_BYTES)) {
				const char *what = http ? HTTP : TRIGGER;
				size_t length = http ? sizeof HTTP - 1 : sizeof TRIGGER - 1;
				sentBefore = trigger->sent;
				triggerAt = nowMs();
				ssize_t n = send(trigger->fd, what, length, MSG_NOSIGNAL | (bulk ? MSG_DONTWAIT : 0));
				if (n == (ssize_t)length) { fired = 1; trigger->sent += n; readBefore = sentBefore + length; last = triggerAt; answerAt = triggerAt + answerAfterMs; }
				else if (n > 0) { fprintf(stderr, "Cannot send the trigger whole: %zd bytes\n", n); return 1; }
				else if (n < 0 && errno != EAGAIN) fail("send the trigger");
				since = 0;
			}
			if (fired && answers && !answered && !s.error && s.received > 0 && nowMs() >= answerAt) { answered = 1; ssize_t n = send(s.fd, zeros, 1024, MSG_NOSIGNAL | MSG_DONTWAIT); if (n < 0 && errno != EAGAIN) { s.error = errno; s.diedMs = nowMs() - triggerAt; } }
			struct pollfd p[2] = {{c.fd, POLLIN, 0}, {s.fd, POLLIN, 0}};
			if (c.error) p[0].fd = -1;
			if (s.error) p[1].fd = -1;
			if (up && !c.error && (!paced || c.owedBytes >= burst)) p[0].events |= POLLOUT;
			if (down && !s.error && (!paced || s.owedBytes >= burst)) p[1].events |= POLLOUT;
			struct timespec nap = {0, (bulk && paced) ? 500000 : 1000000};
			if (fired && answers && !answered && answerAfterMs <= 2) nap.tv_nsec = 0;
			if (ppoll(p, 2, &nap, NULL) < 0) fail("poll");
			since = fired ? nowMs() - triggerAt : 0;
			struct end *ends[2] = {&c, &s};
			for (int k = 0; k < 2; k++) {
				if (ends[k]->error || !p[k].revents) continue;
				if (p[k].revents & POLLIN) readAll(ends[k], since);
				if (!ends[k]->error && (p[k].revents & (POLLERR | POLLHUP))) died(ends[k], since);
				if (!ends[k]->error && (p[k].revents & POLLOUT)) writeBulk(ends[k], paced, since);
			}
		}
		uint64_t past = reader->received > readBefore ? reader->received - readBefore : 0;
		if (child) end(child);
		printf("%d %d %d %.3f %.3f %llu\n", port, c.error, s.error, c.diedMs, s.diedMs, (unsigned long long)past);
		struct linger hard = {1, 0};
		setsockopt(c.fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
		setsockopt(s.fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
		close(c.fd);
		close(s.fd);
		if (alive && (alive = exchange(neighbour, neighbourServer) && exchange(neighbourServer, neighbour))) exchanges++;
		fflush(stdout);
		rest(pauseMs);
	}
	printf("neighbour %d %s\n", exchanges, alive ? "alive" : "dead");
	return 0;
}
