/*
 * Sees every RST that passes the interfaces of its network namespace, and knows by the keyed mark which of them a
 * sensor forged: IP identification (IPv6: flow label) and TCP window are a HalfSipHash-1-3 of sequence number,
 * acknowledgement number, flags and 0. Written from that sentence, not from the sensor's code: it is a witness.
 *
 *   witness KEY                KEY: the sensor's mark key, 16 hexadecimal digits
 *
 * Says "ready", a line "rst NANOSECONDS INTERFACE out|in SOURCE PORT DESTINATION PORT SEQUENCE FLAGS" for each RST that
 * bears the mark, and at the end of its input "seen N marked M lost L".
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BUFFER_BYTES (64 << 20)
#define TCP 6
#define RST 0x04
/* Of IPv6 without extension headers, which no sensor makes. */
#define IPV6_HEADER_BYTES 40

static void fail(const char *what)
{
	fprintf(stderr, "witness: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint32_t rotate(uint32_t word, int bits) { return word << bits | word >> (32 - bits); }

struct hash { uint32_t v0, v1, v2, v3; };

static void round_of(struct hash *h)
{
	h->v0 += h->v1; h->v1 = rotate(h->v1, 5) ^ h->v0; h->v0 = rotate(h->v0, 16);
	h->v2 += h->v3; h->v3 = rotate(h->v3, 8) ^ h->v2;
	h->v0 += h->v3; h->v3 = rotate(h->v3, 7) ^ h->v0;
	h->v2 += h->v1; h->v1 = rotate(h->v1, 13) ^ h->v2; h->v2 = rotate(h->v2, 16);
}

static uint32_t mark_of(const uint32_t key[2], uint32_t sequence, uint32_t acknowledgement, uint32_t flags)
{
	const uint32_t blocks[] = {sequence, acknowledgement, flags, 0, 16u << 24};
	struct hash h = {key[0], key[1], 0x6c796765 ^ key[0], 0x74656462 ^ key[1]};
	for (int i = 0; i < 5; i++) {
		h.v3 ^= blocks[i];
		round_of(&h);
		h.v0 ^= blocks[i];
	}
	h.v2 ^= 0xff;
	for (int i = 0; i < 3; i++) round_of(&h);
	return h.v1 ^ h.v3;
}

static uint32_t get16(const unsigned char *at) { return (uint32_t)(at[0] << 8 | at[1]); }
static uint32_t get32(const unsigned char *at) { return get16(at) << 16 | get16(at + 2); }

static int open_tap(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0),
		BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 4),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 4, 0, 5),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 9),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TCP, 0, 9),
		BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),
		BPF_STMT(BPF_LD | BPF_B | BPF_IND, 13),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, RST, 5, 6),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 6, 0, 5),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 6),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TCP, 0, 3),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, IPV6_HEADER_BYTES + 13),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, RST, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 128),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog program = {sizeof code / sizeof *code, code};
	int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0), bytes = BUFFER_BYTES, on = 1;
	if (fd < 0) fail("packet socket");
	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) < 0) fail("filter");
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) < 0) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
	setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
	struct sockaddr_ll all = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
	if (bind(fd, (struct sockaddr *)&all, sizeof all) < 0) fail("bind");
	return fd;
}

static uint64_t seen, marked;

static void look(const unsigned char *ip, ssize_t length, const struct sockaddr_ll *from, int64_t at_ns, const uint32_t key[2])
{
	int is_ipv4 = ip[0] >> 4 == 4;
	size_t header = is_ipv4 ? (size_t)(ip[0] & 15) * 4 : IPV6_HEADER_BYTES;
	const unsigned char *tcp = ip + header;
	if (length < (ssize_t)header + 20) return;
	seen++;
	uint32_t mark = mark_of(key, get32(tcp + 4), get32(tcp + 8), tcp[13]);
	if (get16(tcp + 14) != (mark & 0xffff)) return;
	if (is_ipv4 ? get16(ip + 4) != (mark >> 16 ? mark >> 16 : 1) : (get32(ip) & 0xfffff) != (mark >> 12 ? mark >> 12 : 1)) return;
	marked++;
	char source[INET6_ADDRSTRLEN], destination[INET6_ADDRSTRLEN];
	inet_ntop(is_ipv4 ? AF_INET : AF_INET6, ip + (is_ipv4 ? 12 : 8), source, sizeof source);
	inet_ntop(is_ipv4 ? AF_INET : AF_INET6, ip + (is_ipv4 ? 16 : 24), destination, sizeof destination);
	printf("rst %lld %d %s %s %u %s %u %u %u\n", (long long)at_ns, from->sll_ifindex, from->sll_pkttype == PACKET_OUTGOING ? "out" : "in",
		source, get16(tcp), destination, get16(tcp + 2), get32(tcp + 4), tcp[13]);
}

static int64_t stamp_of(struct msghdr *message)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		struct timespec t;
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPNS) continue;
		memcpy(&t, CMSG_DATA(c), sizeof t);
		return t.tv_sec * 1000000000LL + t.tv_nsec;
	}
	return 0;
}

int main(int argc, char **argv)
{
	uint32_t key[2];
	if (argc != 2 || sscanf(argv[1], "%8x%8x", key, key + 1) != 2) {
		fprintf(stderr, "usage: witness KEY\n");
		return 2;
	}
	int fd = open_tap();
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("ready\n");
	for (;;) {
		struct pollfd wait[2] = {{.fd = fd, .events = POLLIN}, {.fd = 0, .events = POLLIN}};
		if (poll(wait, 2, -1) < 0) fail("poll");
		for (;;) {
			unsigned char packet[128];
			char control[256];
			struct sockaddr_ll from;
			struct iovec bytes = {packet, sizeof packet};
			struct msghdr message = {.msg_name = &from, .msg_namelen = sizeof from, .msg_iov = &bytes, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
			ssize_t got = recvmsg(fd, &message, MSG_DONTWAIT);
			if (got < 0) break;
			look(packet, got, &from, stamp_of(&message), key);
		}
		char end;
		if (wait[1].revents && read(0, &end, 1) <= 0) break;
	}
	struct tpacket_stats statistics;
	socklen_t length = sizeof statistics;
	if (getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &statistics, &length) < 0) fail("statistics");
	printf("seen %llu marked %llu lost %u\n", (unsigned long long)seen, (unsigned long long)marked, statistics.tp_drops);
	return 0;
}
