/*
 * Holds both ends of real connections between two network namespaces in one thread, and says when each end dies.
 *
 *   ends CLIENT_NETNS SERVER_NETNS ADDRESS PORT      ADDRESS is the server's, in its own namespace
 *
 * "open" on standard input makes a connection on which a line goes and comes back; it says "open CLIENT_PORT". When an
 * end dies: "dead client|server CLIENT_PORT ERROR MS", MS of CLOCK_MONOTONIC. "close CLIENT_PORT" ends one in order.
 * Ends with its standard input.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ENDS 512

static struct end {
	int fd, port;
	const char *side;
} ends[ENDS];
static int count;

static void fail(const char *what)
{
	fprintf(stderr, "ends: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static int open_netns(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) fail(path);
	return fd;
}

static void enter(int netns)
{
	if (setns(netns, CLONE_NEWNET) < 0) fail("setns");
}

static void add(int fd, int port, const char *side)
{
	if (count == ENDS) { errno = EMFILE; fail("open one more"); }
	ends[count++] = (struct end){fd, port, side};
}

static void line_there_and_back(int from, int to)
{
	char bytes[8] = "hello\n";
	if (send(from, bytes, 6, 0) != 6 || recv(to, bytes, 6, MSG_WAITALL) != 6 || send(to, bytes, 6, 0) != 6 || recv(from, bytes, 6, MSG_WAITALL) != 6) fail("exchange a line");
}

static void open_one(int client_netns, int listener, const struct sockaddr_in *target)
{
	int one = 1;
	enter(client_netns);
	int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (client < 0 || connect(client, (const void *)target, sizeof *target) < 0) fail("connect");
	int server = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (server < 0) fail("accept");
	setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	line_there_and_back(client, server);
	struct sockaddr_in own;
	socklen_t length = sizeof own;
	getsockname(client, (void *)&own, &length);
	int port = ntohs(own.sin_port);
	add(client, port, "client");
	add(server, port, "server");
	printf("open %d\n", port);
}

static void close_port(int port)
{
	for (int i = count - 1; i >= 0; i--)
		if (ends[i].port == port) { close(ends[i].fd); ends[i] = ends[--count]; }
}

/* What it says was read; a dead one is taken out. */
static void look(int index, double at_ms)
{
	struct end *end = &ends[index];
	char bytes[64];
	ssize_t n = recv(end->fd, bytes, sizeof bytes, MSG_DONTWAIT);
	if (n > 0 || (n < 0 && errno == EAGAIN)) return;
	printf("dead %s %d %s %.3f\n", end->side, end->port, n == 0 ? "EOF" : strerrorname_np(errno), at_ms);
	close(end->fd);
	ends[index] = ends[--count];
}

int main(int argc, char **argv)
{
	if (argc != 5) { fprintf(stderr, "usage: ends CLIENT_NETNS SERVER_NETNS ADDRESS PORT\n"); return 2; }
	int client_netns = open_netns(argv[1]), server_netns = open_netns(argv[2]), one = 1;
	struct sockaddr_in target = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(argv[4]))};
	if (inet_pton(AF_INET, argv[3], &target.sin_addr) != 1) { fprintf(stderr, "ends: not an IPv4 address: %s\n", argv[3]); return 2; }
	setlinebuf(stdout);
	enter(server_netns);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(listener, (void *)&target, sizeof target) < 0 || listen(listener, 64) < 0) fail("listen");
	printf("ready\n");
	char line[64];
	size_t length = 0;
	for (;;) {
		struct pollfd polled[ENDS + 1] = {{STDIN_FILENO, POLLIN, 0}};
		for (int i = 0; i < count; i++) polled[i + 1] = (struct pollfd){ends[i].fd, POLLIN, 0};
		if (poll(polled, (nfds_t)count + 1, -1) < 0) fail("poll");
		double at_ms = now_ms();
		for (int i = count - 1; i >= 0; i--) if (polled[i + 1].revents) look(i, at_ms);
		if (!polled[0].revents) continue;
		ssize_t n = read(STDIN_FILENO, line + length, sizeof line - 1 - length);
		if (n <= 0) return 0;
		length += (size_t)n;
		line[length] = 0;
		for (char *end; (end = strchr(line, '\n')) != NULL;) {
			*end = 0;
			if (!strcmp(line, "open")) open_one(client_netns, listener, &target);
			else if (!strncmp(line, "close ", 6)) close_port(atoi(line + 6));
			length -= (size_t)(end + 1 - line);
			memmove(line, end + 1, length + 1);
		}
		if (length == sizeof line - 1) length = 0;
	}
}
