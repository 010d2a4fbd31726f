/*
 * One end of a TCP connection with what Node.js cannot ask for: Multipath TCP, or TCP-MD5 signatures (RFC 2385).
 *
 *   peer listen|connect mptcp|md5 ADDRESS PORT [PEER]
 *
 * ADDRESS is what it binds or connects to. With md5 the peer's ADDRESS shares the key "secret"; a listener is told its
 * PEER. Sends each line of its input. Says "ready" (listen), "connected PORT" (its own, or its peer's where it
 * listens), "got TEXT" for what it receives, "end ERRNO" (0: in order).
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <linux/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

static const char KEY[] = "secret";

static void fail(const char *what)
{
	fprintf(stderr, "peer: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void sign(int fd, const char *peer)
{
	struct tcp_md5sig signature = {.tcpm_keylen = sizeof KEY - 1};
	struct sockaddr_in *address = (struct sockaddr_in *)&signature.tcpm_addr;
	address->sin_family = AF_INET;
	address->sin_addr.s_addr = inet_addr(peer);
	memcpy(signature.tcpm_key, KEY, sizeof KEY - 1);
	if (setsockopt(fd, IPPROTO_TCP, TCP_MD5SIG, &signature, sizeof signature) < 0) fail("TCP-MD5");
}

int main(int argc, char **argv)
{
	if (argc < 5) { fprintf(stderr, "usage: peer listen|connect mptcp|md5 ADDRESS PORT [PEER]\n"); return 2; }
	int listens = !strcmp(argv[1], "listen"), md5 = !strcmp(argv[2], "md5"), one = 1;
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = inet_addr(argv[3]), .sin_port = htons((uint16_t)atoi(argv[4]))};
	socklen_t length = sizeof address;
	int fd = socket(AF_INET, SOCK_STREAM, md5 ? IPPROTO_TCP : IPPROTO_MPTCP);
	if (fd < 0) fail("socket");
	if (md5) sign(fd, listens ? argv[5] : argv[3]);
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (listens) {
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
		if (bind(fd, (struct sockaddr *)&address, length) < 0 || listen(fd, 8) < 0) fail("listen");
		printf("ready\n");
		fd = accept(fd, (struct sockaddr *)&address, &length);
		if (fd < 0) fail("accept");
	} else {
		if (connect(fd, (struct sockaddr *)&address, length) < 0) fail("connect");
		if (getsockname(fd, (struct sockaddr *)&address, &length) < 0) fail("getsockname");
	}
	printf("connected %u\n", ntohs(address.sin_port));
	for (;;) {
		struct pollfd wait[2] = {{.fd = fd, .events = POLLIN}, {.fd = 0, .events = POLLIN}};
		char text[4096];
		if (poll(wait, 2, -1) < 0) fail("poll");
		if (wait[0].revents) {
			ssize_t got = recv(fd, text, sizeof text - 1, 0);
			if (got <= 0) {
				printf("end %d\n", got < 0 ? errno : 0);
				return 0;
			}
			text[got] = 0;
			printf("got %s\n", text);
		}
		if (!wait[1].revents) continue;
		ssize_t line = read(0, text, sizeof text);
		if (line <= 0) return 0;
		if (send(fd, text, (size_t)line - 1, MSG_NOSIGNAL) < 0) printf("send %d\n", errno);
	}
}
