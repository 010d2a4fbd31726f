/*
 * What the pods of tests run: both ends of TCP connections that say how they die.
 *
 *   workload serve PORT                     sends back what it is sent; to "GET " it answers HTTP/1.0 with who asked
 *   workload connect ADDRESS PORT [EVERY [TEXT]]
 *                                           keeps a connection on which TEXT goes and comes back every EVERY ms (100)
 *   workload storm ADDRESS PORT COUNT [TEXT]
 *                                           COUNT such connections; each that dies, or is refused, is made anew after 20 ms
 *   workload get ADDRESS PORT               one HTTP request; prints the body
 *   workload sockets                        the IPv4 TCP sockets of its network namespace, as "STATE LOCAL REMOTE"
 *   workload sleep                          waits until it is told to end
 *
 * Says, a line each: "listening PORT", "open LOCAL REMOTE AT", "end LOCAL REMOTE HOW RECEIVED AT" and "refused
 * REMOTE HOW AT" where HOW is EOF or the error's name, RECEIVED counts bytes, and AT is Unix time in milliseconds with three decimals.
 * Both families; an end of IPv6 is written [ADDRESS]:PORT.
 * Ends 0, 1 where it cannot do its work, 2 where it is misused.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#define LISTENERS 2
#define CONNECTIONS 1024
#define TEXT 64
#define EVERY_MS 100

static const char TEXT_SENT[] = "a line that goes and comes back\n";

struct connection {
	char local[TEXT], remote[TEXT];
	long long received;
};

static void fail(const char *what)
{
	fprintf(stderr, "workload: %s: %s\n", what, strerrorname_np(errno));
	exit(1);
}

/* An endpoint of either family. */
union endpoint {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static union endpoint endpoint_of(const char *address, const char *port)
{
	union endpoint found = {0};
	found.any.sa_family = strchr(address, ':') ? AF_INET6 : AF_INET;
	/* The port stands at the same place in both. */
	found.v4.sin_port = htons((uint16_t)atoi(port));
	void *to = found.any.sa_family == AF_INET ? (void *)&found.v4.sin_addr : (void *)&found.v6.sin6_addr;
	if (inet_pton(found.any.sa_family, address, to) != 1) { fprintf(stderr, "workload: not an address: %s\n", address); exit(2); }
	return found;
}

static socklen_t length_of(const union endpoint *endpoint)
{
	return endpoint->any.sa_family == AF_INET ? sizeof endpoint->v4 : sizeof endpoint->v6;
}

static double now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void show(const union endpoint *endpoint, char *text)
{
	char ip[INET6_ADDRSTRLEN];
	int is4 = endpoint->any.sa_family == AF_INET;
	inet_ntop(endpoint->any.sa_family, is4 ? (const void *)&endpoint->v4.sin_addr : (const void *)&endpoint->v6.sin6_addr, ip, sizeof ip);
	snprintf(text, TEXT, is4 ? "%s:%d" : "[%s]:%d", ip, ntohs(endpoint->v4.sin_port));
}

static void opened(int fd, struct connection *connection)
{
	union endpoint local = {0}, remote = {0};
	socklen_t length = sizeof local;
	getsockname(fd, &local.any, &length);
	length = sizeof remote;
	getpeername(fd, &remote.any, &length);
	connection->received = 0;
	show(&local, connection->local);
	show(&remote, connection->remote);
	printf("open %s %s %.3f\n", connection->local, connection->remote, now_ms());
}

static void ended(const struct connection *connection, const char *how)
{
	printf("end %s %s %s %lld %.3f\n", connection->local, connection->remote, how, connection->received, now_ms());
}

/* Answers one chunk. False: the connection has ended, and it was said how. */
static int answer(int fd, struct connection *connection)
{
	char bytes[4096];
	ssize_t count = recv(fd, bytes, sizeof bytes, 0);
	if (count <= 0) {
		ended(connection, count == 0 ? "EOF" : strerrorname_np(errno));
		return 0;
	}
	connection->received += count;
	if (count >= 4 && !memcmp(bytes, "GET ", 4)) {
		int length = snprintf(bytes, sizeof bytes, "HTTP/1.0 200 OK\r\nConnection: close\r\n\r\n%s asked %s\n", connection->remote, connection->local);
		send(fd, bytes, (size_t)length, MSG_NOSIGNAL);
		ended(connection, "EOF");
		return 0;
	}
	if (send(fd, bytes, (size_t)count, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno != EAGAIN) {
		ended(connection, strerrorname_np(errno));
		return 0;
	}
	return 1;
}

/* One a family: an IPv4 caller is shown by its own address. -1: the machine has no such family. */
static int listener_at(const char *address, const char *port)
{
	union endpoint own = endpoint_of(address, port);
	int listener = socket(own.any.sa_family, SOCK_STREAM, 0), one = 1;
	if (listener < 0 && errno == EAFNOSUPPORT) return -1;
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (own.any.sa_family == AF_INET6) setsockopt(listener, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
	if (bind(listener, &own.any, length_of(&own)) == 0 && listen(listener, 128) == 0) return listener;
	if (errno == EADDRNOTAVAIL && own.any.sa_family == AF_INET6) return -1;
	fail("listen");
	return -1;
}

static _Noreturn void serve(const char *port)
{
	static struct pollfd polled[LISTENERS + CONNECTIONS];
	static struct connection connections[LISTENERS + CONNECTIONS];
	nfds_t count = LISTENERS;
	/* poll() passes over what is -1. */
	polled[0].fd = listener_at("0.0.0.0", port);
	polled[1].fd = listener_at("::", port);
	printf("listening %s\n", port);
	for (;;) {
		for (int i = 0; i < LISTENERS; i++) polled[i].events = count < LISTENERS + CONNECTIONS ? POLLIN : 0;
		if (poll(polled, count, -1) < 0 && errno != EINTR) fail("poll");
		for (nfds_t i = count - 1; i >= LISTENERS; i--) {
			if (!polled[i].revents || answer(polled[i].fd, &connections[i])) continue;
			close(polled[i].fd);
			count--;
			polled[i] = polled[count];
			connections[i] = connections[count];
		}
		for (int i = 0; i < LISTENERS && count < LISTENERS + CONNECTIONS; i++) {
			int fd = polled[i].revents & POLLIN ? accept(polled[i].fd, NULL, NULL) : -1;
			if (fd < 0) continue;
			polled[count] = (struct pollfd){.fd = fd, .events = POLLIN};
			opened(fd, &connections[count++]);
		}
	}
}

/* -1: refused, errno says how. */
static int open_to(const char *address, const char *port)
{
	union endpoint remote = endpoint_of(address, port);
	int fd = socket(remote.any.sa_family, SOCK_STREAM, 0);
	if (fd < 0) fail("socket");
	if (connect(fd, &remote.any, length_of(&remote)) == 0) return fd;
	int error = errno;
	close(fd);
	errno = error;
	return -1;
}

/* Until the connection has ended; says how. */
static void keep(int fd, int every, const char *text)
{
	struct connection connection;
	struct timespec last = {0};
	opened(fd, &connection);
	for (;;) {
		struct pollfd polled = {.fd = fd, .events = POLLIN};
		struct timespec now;
		clock_gettime(CLOCK_MONOTONIC, &now);
		long left = every - ((now.tv_sec - last.tv_sec) * 1000 + (now.tv_nsec - last.tv_nsec) / 1000000);
		if (left <= 0) {
			if (send(fd, text, strlen(text), MSG_NOSIGNAL) < 0) break;
			last = now;
			left = every;
		}
		if (poll(&polled, 1, (int)left) <= 0) continue;
		char bytes[4096];
		ssize_t count = recv(fd, bytes, sizeof bytes, 0);
		if (count == 0) errno = 0;
		if (count <= 0) break;
		connection.received += count;
	}
	ended(&connection, errno == 0 ? "EOF" : strerrorname_np(errno));
	close(fd);
}

static _Noreturn void storm(const char *address, const char *port, int count, const char *text)
{
	for (int i = 0; i < count; i++) {
		pid_t child = fork();
		if (child < 0) fail("fork");
		if (child > 0) continue;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;) {
			int fd = open_to(address, port);
			if (fd < 0) printf(strchr(address, ':') ? "refused [%s]:%s %s %.3f\n" : "refused %s:%s %s %.3f\n", address, port, strerrorname_np(errno), now_ms());
			else keep(fd, EVERY_MS, text);
			usleep(20000);
		}
	}
	for (;;) pause();
}

static int get(const char *address, const char *port)
{
	int fd = open_to(address, port), body = 0;
	if (fd < 0) fail("connect");
	FILE *stream = fdopen(fd, "r+");
	char line[4096];
	if (send(fd, "GET / HTTP/1.0\r\n\r\n", 18, MSG_NOSIGNAL) < 0) fail("send");
	while (fgets(line, sizeof line, stream)) {
		if (body) fputs(line, stdout);
		if (!strcmp(line, "\r\n")) body = 1;
	}
	return body ? 0 : 1;
}

static int sockets(void)
{
	static const char *const STATES[] = {"?", "ESTAB", "SYN-SENT", "SYN-RECV", "FIN-WAIT-1", "FIN-WAIT-2", "TIME-WAIT", "CLOSE", "CLOSE-WAIT", "LAST-ACK", "LISTEN", "CLOSING", "SYN-RECV"};
	FILE *table = fopen("/proc/net/tcp", "r");
	char line[512];
	if (!table) fail("/proc/net/tcp");
	while (fgets(line, sizeof line, table)) {
		union endpoint local = {.any.sa_family = AF_INET}, remote = local;
		unsigned local_port, remote_port, state;
		if (sscanf(line, " %*d: %x:%x %x:%x %x", &local.v4.sin_addr.s_addr, &local_port, &remote.v4.sin_addr.s_addr, &remote_port, &state) != 5) continue;
		local.v4.sin_port = htons((uint16_t)local_port);
		remote.v4.sin_port = htons((uint16_t)remote_port);
		char from[TEXT], to[TEXT];
		show(&local, from);
		show(&remote, to);
		printf("%s %s %s\n", state < sizeof STATES / sizeof *STATES ? STATES[state] : "?", from, to);
	}
	return 0;
}

static void stop(int number)
{
	(void)number;
	_exit(0);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	setvbuf(stdout, NULL, _IOLBF, 0);
	/* The first process of a container is not ended by a signal that it does not ask for. */
	signal(SIGTERM, stop);
	signal(SIGINT, stop);
	if (!strcmp(what, "serve") && argc == 3) serve(argv[2]);
	if (!strcmp(what, "connect") && argc >= 4 && argc <= 6) {
		int fd = open_to(argv[2], argv[3]);
		if (fd < 0) fail("connect");
		keep(fd, argc > 4 ? atoi(argv[4]) : EVERY_MS, argc > 5 ? argv[5] : TEXT_SENT);
		return 0;
	}
	if (!strcmp(what, "storm") && (argc == 5 || argc == 6)) storm(argv[2], argv[3], atoi(argv[4]), argc > 5 ? argv[5] : TEXT_SENT);
	if (!strcmp(what, "get") && argc == 4) return get(argv[2], argv[3]);
	if (!strcmp(what, "sockets")) return sockets();
	if (!strcmp(what, "sleep")) for (;;) pause();
	fprintf(stderr, "usage: workload serve PORT | connect ADDRESS PORT [EVERY [TEXT]] | storm ADDRESS PORT COUNT [TEXT] | get ADDRESS PORT | sockets | sleep\n");
	return 2;
}
