/* What the files of the crowd share: routes, connections, what is counted, and the few calls that all of them make. */
#ifndef CROWD_H
#define CROWD_H

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_IN_FLIGHT 4096
#define MAX_ROUTES 64
#define MAX_BYTES 6000
#define HEADER_BYTES 12
#define PATTERN_PERIOD 251

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

extern struct connection connections[MAX_IN_FLIGHT];
extern struct route routes[MAX_ROUTES];
extern int free_slots[MAX_IN_FLIGHT], free_count;
extern unsigned char pattern_bytes[MAX_BYTES + PATTERN_PERIOD];

struct counts {
	long innocents, attacks, cut, failures, steady_exchanges;
};
extern struct counts counted;

/* Events name who they are for: a slot with its id, client or server; a listener; or a socket that was just accepted. */
enum { CLIENT, SERVER, LISTENER, ACCEPTED, INPUT };

/* main.c */
void fail(const char *what);
int64_t now_ns(void);
uint32_t random_below(uint32_t limit);
void enter(int ns);
void watch(int fd, int role, uint32_t value, uint32_t events);

/* talk.c */
struct connection *of_id(uint32_t id);
void finish(struct connection *c);
void report(struct connection *c, const char *what, int error);
void ask(struct connection *c);
void on_end(struct connection *c, int role);
void on_accepted(int fd);

#endif
