/*
 * Offers conversations of TCP at a steady rate: many connections, each a handshake and then requests, answers and
 * acknowledgements without end, written frame by frame at both ends. No socket of any kernel holds them, so that the
 * load costs little beside what is measured; the receivers' kernels are told to drop them (see cpuLoad.ts).
 *
 * load CLIENT_NETNS CLIENT_DEVICE SERVER_NETNS SERVER_DEVICE CONNECTIONS PACKETS_PER_SECOND SECONDS PAYLOAD_BYTES
 * Says "ready" when every connection is open, "sent N" at its end.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define HEADERS_BYTES 54
#define LARGEST_PAYLOAD_BYTES 1400
#define FIRST_PORT 10000
#define SERVER_PORT 8080
/* Connections that speak in one burst, and what each says in it: request, its ACK, answer, its ACK. */
#define BURST_CONNECTIONS 4
#define BURST_PACKETS (BURST_CONNECTIONS * 4)
enum { FIN = 1, SYN = 2, PSH = 8, ACK = 16 };

struct end { int fd; uint8_t mac[6]; uint32_t address; /* network order */ };
struct packet { struct virtio_net_hdr offload; uint8_t frame[HEADERS_BYTES + LARGEST_PAYLOAD_BYTES]; } __attribute__((packed));
struct connection { uint32_t sent[2]; /* next sequence number of client and server */ };

static struct end ends[2];
static struct packet packets[BURST_PACKETS];
static struct mmsghdr messages[BURST_PACKETS];
static struct iovec parts[BURST_PACKETS];
static int queued;
static long sent;

static void fail(const char *what) { fprintf(stderr, "load: cannot %s: %s\n", what, strerror(errno)); exit(1); }
static void put16(uint8_t *at, uint32_t v) { at[0] = (uint8_t)(v >> 8); at[1] = (uint8_t)v; }
static void put32(uint8_t *at, uint32_t v) { put16(at, v >> 16); put16(at + 2, v); }

static int64_t now_ns(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void open_end(struct end *e, const char *netns, const char *device) {
	struct ifreq request = {0};
	int namespace = open(netns, O_RDONLY | O_CLOEXEC), one = 1;
	if (namespace < 0 || setns(namespace, CLONE_NEWNET) < 0) fail("enter the namespace");
	close(namespace);
	if ((e->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0)) < 0) fail("open a packet socket");
	snprintf(request.ifr_name, sizeof request.ifr_name, "%s", device);
	if (ioctl(e->fd, SIOCGIFHWADDR, &request)) fail("read the MAC address");
	memcpy(e->mac, request.ifr_hwaddr.sa_data, 6);
	int inet = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (ioctl(inet, SIOCGIFADDR, &request)) fail("read the address");
	memcpy(&e->address, &((struct sockaddr_in *)&request.ifr_addr)->sin_addr, 4);
	close(inet);
	struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(device)};
	/* As a local sender with offload: the checksum is left to the card. */
	if (setsockopt(e->fd, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof one)) fail("ask for offload headers");
	if (bind(e->fd, (void *)&at, sizeof at)) fail("bind");
}

static void ip_checksum(uint8_t *ip) {
	uint32_t sum = 0;
	put16(ip + 10, 0);
	for (int i = 0; i < 20; i += 2) sum += (uint32_t)(ip[i] << 8 | ip[i + 1]);
	while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
	put16(ip + 10, ~sum & 0xffff);
}

static void queue(struct connection *c, uint16_t port, int side, int flags, size_t length) {
	static uint16_t identification;
	struct packet *p = &packets[queued];
	uint8_t *ip = p->frame + ETHER_HDR_LEN, *tcp = ip + 20;
	p->offload = (struct virtio_net_hdr){.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_start = 34, .csum_offset = 16};
	memcpy(p->frame, ends[!side].mac, 6);
	memcpy(p->frame + 6, ends[side].mac, 6);
	put16(p->frame + 12, ETHERTYPE_IP);
	memset(ip, 0, 40);
	ip[0] = 0x45, ip[6] = 0x40, ip[8] = 64, ip[9] = 6;
	put16(ip + 2, (uint32_t)(40 + length));
	put16(ip + 4, identification++);
	memcpy(ip + 12, &ends[side].address, 4);
	memcpy(ip + 16, &ends[!side].address, 4);
	ip_checksum(ip);
	put16(tcp, side ? SERVER_PORT : port);
	put16(tcp + 2, side ? port : SERVER_PORT);
	put32(tcp + 4, c->sent[side]);
	if (flags & ACK) put32(tcp + 8, c->sent[!side]);
	tcp[12] = 0x50, tcp[13] = (uint8_t)flags;
	put16(tcp + 14, 65000);
	c->sent[side] += (uint32_t)length + !!(flags & SYN);
	parts[queued] = (struct iovec){p, sizeof p->offload + HEADERS_BYTES + length};
	messages[queued].msg_hdr = (struct msghdr){.msg_iov = &parts[queued], .msg_iovlen = 1};
	queued++;
}

static void send_queued(int side) {
	for (int at = 0; at < queued;) {
		int n = sendmmsg(ends[side].fd, messages + at, (unsigned)(queued - at), 0);
		if (n <= 0 && errno != ENOBUFS && errno != EAGAIN) fail("send");
		if (n > 0) at += n, sent += n;
	}
	queued = 0;
}

static void sleep_until(int64_t due_ns) {
	int64_t wait = due_ns - now_ns();
	struct timespec pause = {wait / 1000000000LL, wait % 1000000000LL};
	if (wait > 0) nanosleep(&pause, NULL);
}

int main(int argc, char **argv) {
	if (argc != 9) { fprintf(stderr, "usage: load CLIENT_NETNS DEVICE SERVER_NETNS DEVICE CONNECTIONS PACKETS_PER_SECOND SECONDS PAYLOAD_BYTES\n"); return 2; }
	int count = atoi(argv[5]), rate = atoi(argv[6]), seconds = atoi(argv[7]), payload = atoi(argv[8]);
	if (count < BURST_CONNECTIONS || count > 50000 || rate < 1 || rate > 2000000 || seconds < 1 || seconds > 600 || payload < 1 || payload > LARGEST_PAYLOAD_BYTES) { errno = EINVAL; fail("take these arguments"); }
	open_end(&ends[0], argv[1], argv[2]);
	open_end(&ends[1], argv[3], argv[4]);
	prctl(PR_SET_TIMERSLACK, 1000ul);
	for (int i = 0; i < BURST_PACKETS; i++)
		for (int at = HEADERS_BYTES; at < HEADERS_BYTES + payload; at++) packets[i].frame[at] = (uint8_t)(' ' + (i * 7 + at * 31) % 95);
	struct connection *connections = calloc((size_t)count, sizeof *connections);
	if (!connections) fail("hold the connections");
	int64_t start = now_ns();
	for (int i = 0; i < count; i++) {
		struct connection *c = &connections[i];
		c->sent[0] = (uint32_t)i * 2654435761u;
		c->sent[1] = ~c->sent[0];
		for (int step = 0; step < 3; step++) {
			queue(c, (uint16_t)(FIRST_PORT + i), step == 1, step == 0 ? SYN : step == 1 ? SYN | ACK : ACK, 0);
			send_queued(step == 1);
		}
		sleep_until(start + (i + 1) * 3000000000LL / rate);
	}
	printf("ready\n");
	fflush(stdout);
	start = now_ns();
	long bursts = (long)rate * seconds / BURST_PACKETS;
	for (long burst = 0, turn = 0; burst < bursts; burst++, turn += BURST_CONNECTIONS) {
		for (int step = 0; step < 3; step++) {
			for (int i = 0; i < BURST_CONNECTIONS; i++) {
				int number = (int)((turn + i) % count);
				uint16_t port = (uint16_t)(FIRST_PORT + number);
				if (step == 1) queue(&connections[number], port, 1, ACK, 0);
				queue(&connections[number], port, step == 1, step == 2 ? ACK : ACK | PSH, step == 2 ? 0 : (size_t)payload);
			}
			send_queued(step == 1);
		}
		sleep_until(start + (burst + 1) * BURST_PACKETS * 1000000000LL / rate);
	}
	printf("sent %ld\n", sent);
	return 0;
}
