/*
 * A wire in user space: carries frames between two interfaces, late, lossy or out of order on demand.
 * (netem, mirred and most tunnel drivers are modules that small kernels lack.)
 *
 *   relay [--copy] [--vlan ID] [--delay-us N] [--loss PER_MILLE] [--reorder PER_MILLE] [--seed N] FROM TO
 *
 * FROM and TO are `packet:NETNS:DEVICE` (AF_PACKET on an existing Ethernet interface) or `tun:NETNS:DEVICE`
 * (makes a tun device without Ethernet header; it is gone when we are). NETNS is a name under /run/netns.
 * --copy carries one way only, and both what FROM receives and what it sends: a mirror port.
 * --vlan puts an 802.1Q tag on each frame, as a switch does on a trunk (no kernel needs VLAN devices for that).
 * Says "ready" when both are open, and its counters when it is ended by SIGTERM.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <arpa/inet.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define FRAME_LIMIT_BYTES (128 * 1024)
#define QUEUE_LIMIT_BYTES (64L * 1024 * 1024)
/* A frame that is put out of order waits so much longer than its followers. */
#define REORDER_EXTRA_NS 3000000L
#define VLAN_TAG_BYTES 4
/* Frames taken from one side before the other has its turn. */
#define BATCH 64

struct frame {
	struct frame *next;
	int64_t due_ns;
	int to;
	ssize_t length;
	unsigned char bytes[];
};

/* All frames of a queue wait equally long, so that each queue is in order of time. */
struct queue {
	struct frame *first, *last;
};

static struct queue queues[2]; /* in order; out of order */
static long queued_bytes;
static uint64_t forwarded, lost, reordered, refused;
static uint64_t random_state = 88172645463325252ULL;
static volatile sig_atomic_t ending;

static void on_signal(int number) { (void)number; ending = 1; }

static void fail(const char *what)
{
	fprintf(stderr, "relay: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* xorshift64: the same seed loses the same frames. */
static int one_of_thousand(int per_mille)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (int)(random_state % 1000) < per_mille;
}

static int open_packet(const char *device, int copy)
{
	int one = 1, buffer = 32 << 20;
	struct sockaddr_ll address = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	struct packet_mreq promiscuous = { .mr_type = PACKET_MR_PROMISC };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, 0);
	if (fd < 0)
		fail("socket(AF_PACKET)");
	address.sll_ifindex = promiscuous.mr_ifindex = if_nametoindex(device);
	if (address.sll_ifindex == 0)
		fail(device);
	/* Carries offload requests (checksum, segmentation) across instead of doing the work. */
	if (setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof one) < 0)
		fail("PACKET_VNET_HDR");
	if (!copy && setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof one) < 0)
		fail("PACKET_IGNORE_OUTGOING");
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
	if (setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promiscuous, sizeof promiscuous) < 0)
		fail("PACKET_MR_PROMISC");
	if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0)
		fail("bind");
	return fd;
}

static int open_tun(const char *device)
{
	struct ifreq request = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
	if (fd < 0)
		fail("/dev/net/tun");
	strncpy(request.ifr_name, device, IFNAMSIZ - 1);
	if (ioctl(fd, TUNSETIFF, &request) < 0)
		fail("TUNSETIFF");
	return fd;
}

static int open_side(char *side, int copy)
{
	char path[256];
	char *kind = strtok(side, ":"), *name = strtok(NULL, ":"), *device = strtok(NULL, ":");
	if (device == NULL) {
		fprintf(stderr, "relay: give packet:NETNS:DEVICE or tun:NETNS:DEVICE\n");
		exit(2);
	}
	snprintf(path, sizeof path, "/run/netns/%s", name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		fail(path);
	if (setns(fd, CLONE_NEWNET) < 0)
		fail("setns");
	close(fd);
	return strcmp(kind, "tun") == 0 ? open_tun(device) : open_packet(device, copy);
}

/* The frame stands VLAN_TAG_BYTES into its buffer; returns where it begins with the tag. */
static unsigned char *tag_frame(unsigned char *bytes, ssize_t *length, int vlan)
{
	const size_t macs = 2 * ETHER_ADDR_LEN;
	unsigned char *tagged = bytes - VLAN_TAG_BYTES;
	struct virtio_net_hdr header;
	if (*length < (ssize_t)(sizeof header + macs))
		return bytes;
	memcpy(&header, bytes, sizeof header);
	if (header.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)
		header.csum_start += VLAN_TAG_BYTES;
	if (header.gso_type != VIRTIO_NET_HDR_GSO_NONE)
		header.hdr_len += VLAN_TAG_BYTES;
	memcpy(tagged, &header, sizeof header);
	memmove(tagged + sizeof header, bytes + sizeof header, macs);
	unsigned char *tag = tagged + sizeof header + macs;
	tag[0] = 0x81, tag[1] = 0x00, tag[2] = vlan >> 8, tag[3] = vlan & 0xff;
	*length += VLAN_TAG_BYTES;
	return tagged;
}

static void put(int fd, const unsigned char *bytes, ssize_t length)
{
	/* A full or downed interface loses the frame, as a wire does. */
	if (write(fd, bytes, length) == length)
		forwarded++;
	else
		refused++;
}

static void hold(int to, const unsigned char *bytes, ssize_t length, int64_t delay_ns, int out_of_order)
{
	struct queue *queue = &queues[out_of_order];
	struct frame *frame;
	if (queued_bytes + length > QUEUE_LIMIT_BYTES || (frame = malloc(sizeof *frame + length)) == NULL) {
		refused++;
		return;
	}
	frame->next = NULL;
	frame->due_ns = now_ns() + delay_ns + (out_of_order ? REORDER_EXTRA_NS : 0);
	frame->to = to;
	frame->length = length;
	memcpy(frame->bytes, bytes, length);
	if (queue->first)
		queue->last->next = frame;
	else
		queue->first = frame;
	queue->last = frame;
	queued_bytes += length;
}

static struct queue *next_queue(void)
{
	if (queues[0].first == NULL || queues[1].first == NULL)
		return queues[0].first ? &queues[0] : &queues[1];
	return queues[0].first->due_ns <= queues[1].first->due_ns ? &queues[0] : &queues[1];
}

static void release_due(void)
{
	struct queue *queue;
	int64_t now = now_ns();
	while ((queue = next_queue())->first && queue->first->due_ns <= now) {
		struct frame *frame = queue->first;
		queue->first = frame->next;
		queued_bytes -= frame->length;
		put(frame->to, frame->bytes, frame->length);
		free(frame);
	}
}

int main(int argc, char **argv)
{
	static unsigned char buffer[VLAN_TAG_BYTES + FRAME_LIMIT_BYTES];
	int copy = 0, vlan = 0, loss = 0, reorder = 0, at = 1;
	int64_t delay_ns = 0;
	for (; at < argc && argv[at][0] == '-'; at++) {
		if (strcmp(argv[at], "--copy") == 0) { copy = 1; continue; }
		if (at + 1 >= argc) break;
		if (strcmp(argv[at], "--delay-us") == 0) delay_ns = atoll(argv[++at]) * 1000;
		else if (strcmp(argv[at], "--vlan") == 0) vlan = atoi(argv[++at]);
		else if (strcmp(argv[at], "--loss") == 0) loss = atoi(argv[++at]);
		else if (strcmp(argv[at], "--reorder") == 0) reorder = atoi(argv[++at]);
		else if (strcmp(argv[at], "--seed") == 0) random_state ^= (uint64_t)atoll(argv[++at]) * 0x9E3779B97F4A7C15ULL;
	}
	if (argc - at != 2) {
		fprintf(stderr, "usage: relay [--copy] [--vlan ID] [--delay-us N] [--loss N] [--reorder N] [--seed N] FROM TO\n");
		return 2;
	}
	signal(SIGTERM, on_signal);
	struct pollfd sides[2] = { { .events = POLLIN }, { .events = POLLIN } };
	sides[0].fd = open_side(argv[at], copy);
	sides[1].fd = open_side(argv[at + 1], 0);
	puts("ready");
	fflush(stdout);

	while (!ending) {
		struct queue *queue = next_queue();
		struct timespec wait = { .tv_sec = 1 };
		if (queue->first) {
			int64_t left = queue->first->due_ns - now_ns();
			wait.tv_sec = left > 0 ? left / 1000000000 : 0;
			wait.tv_nsec = left > 0 ? left % 1000000000 : 0;
		}
		ppoll(sides, copy ? 1 : 2, &wait, NULL);
		for (int from = 0; from < (copy ? 1 : 2); from++) {
			for (int i = 0; (sides[from].revents & POLLIN) && i < BATCH; i++) {
				unsigned char *bytes = buffer + VLAN_TAG_BYTES;
				ssize_t length = read(sides[from].fd, bytes, FRAME_LIMIT_BYTES);
				if (length <= 0)
					break;
				if (vlan)
					bytes = tag_frame(bytes, &length, vlan);
				if (loss && one_of_thousand(loss)) { lost++; continue; }
				int out_of_order = reorder && one_of_thousand(reorder);
				reordered += out_of_order;
				if (delay_ns || reorder)
					hold(sides[!from].fd, bytes, length, delay_ns, out_of_order);
				else
					put(sides[!from].fd, bytes, length);
			}
		}
		release_due();
	}
	printf("forwarded %lu lost %lu reordered %lu refused %lu\n", forwarded, lost, reordered, refused);
	return 0;
}
