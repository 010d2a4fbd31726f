/*
 * Packets that no kernel would send, in the network namespace that it is started in.
 *
 *   adversary puppet DEVICE PORT    a raw hand for user-space TCP: says every IPv4 TCP segment of that port that DEVICE
 *                                   sees, one JSON line each, and sends what its standard input says, one line each:
 *     src=10.0.0.1 dst=10.0.0.2 sport=1 dport=2 seq=1 ack=2 flags=SA win=65535 ttl=64 opts=HEX data=HEX sum=bad
 *   adversary storm DEVICE MAC SOURCE FIRST_PORT LAST_PORT TARGET PORT COUNT RATE SEED KIND[,KIND...]
 *     COUNT hostile packets at RATE a second at most, all with a forbidden text where they carry one, as from SOURCE at
 *     ports of that range (SYNs: from the ports above it) to TARGET at PORT, framed for MAC. Ends by itself.
 *     KIND: rst syn data overlap lowttl badsum malformed fragment
 *
 * Says "ready" when it is, storm also "sent N".
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define FRAME_LIMIT_BYTES 2048
#define SHOWN_BYTES 256
#define ETHERNET_BYTES 14
/* A storm sends in bursts of so many, and waits between them. */
#define BURST 32

static const char FORBIDDEN[] = "KILL-THIS-CONNECTION";

static void fail(const char *what)
{
	fprintf(stderr, "adversary: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static uint32_t add_words(uint32_t sum, const unsigned char *bytes, size_t length)
{
	for (size_t i = 0; i + 1 < length; i += 2) sum += (uint32_t)(bytes[i] << 8 | bytes[i + 1]);
	if (length & 1) sum += (uint32_t)(bytes[length - 1] << 8);
	return sum;
}

static void put16(unsigned char *at, uint32_t value) { at[0] = (unsigned char)(value >> 8); at[1] = (unsigned char)value; }
static void put32(unsigned char *at, uint32_t value) { put16(at, value >> 16); put16(at + 2, value); }
static uint32_t get16(const unsigned char *at) { return (uint32_t)(at[0] << 8 | at[1]); }
static uint32_t get32(const unsigned char *at) { return get16(at) << 16 | get16(at + 2); }

struct segment {
	uint32_t source, destination; /* host order */
	uint16_t source_port, destination_port;
	uint32_t sequence, acknowledgement;
	unsigned char flags, ttl;
	uint16_t window, urgent;
	int bad_checksum;
	const unsigned char *options;
	size_t options_length;
	const unsigned char *data;
	size_t data_length;
};

/* Writes the IPv4 packet and returns its length. */
static size_t build(const struct segment *s, unsigned char *out)
{
	size_t header = 20 + s->options_length, length = 20 + header + s->data_length;
	unsigned char *tcp = out + 20;
	memset(out, 0, 20 + header);
	out[0] = 0x45;
	put16(out + 2, (uint32_t)length);
	put16(out + 4, s->sequence ^ s->sequence >> 16);
	out[8] = s->ttl;
	out[9] = IPPROTO_TCP;
	put32(out + 12, s->source);
	put32(out + 16, s->destination);
	put16(out + 10, fold(add_words(0, out, 20)));
	put16(tcp, s->source_port);
	put16(tcp + 2, s->destination_port);
	put32(tcp + 4, s->sequence);
	put32(tcp + 8, s->acknowledgement);
	tcp[12] = (unsigned char)(header / 4 << 4);
	tcp[13] = s->flags;
	put16(tcp + 14, s->window);
	put16(tcp + 18, s->urgent);
	memcpy(tcp + 20, s->options, s->options_length);
	memcpy(tcp + header, s->data, s->data_length);
	uint32_t pseudo = IPPROTO_TCP + (uint32_t)(header + s->data_length);
	pseudo = add_words(pseudo, out + 12, 8);
	uint16_t sum = fold(add_words(pseudo, tcp, header + s->data_length));
	put16(tcp + 16, s->bad_checksum ? (uint32_t)(sum ^ 0x5555) : sum);
	return length;
}

static int open_packet_socket(const char *device, int protocol)
{
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons((uint16_t)protocol));
	struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_protocol = htons((uint16_t)protocol), .sll_ifindex = (int)if_nametoindex(device)};
	if (fd < 0 || to.sll_ifindex == 0 || bind(fd, (struct sockaddr *)&to, sizeof to) < 0) fail(device);
	return fd;
}

/* ---- puppet ---- */

static const char FLAG_LETTERS[] = "FSRPAUEC";

static void say_hex(const unsigned char *bytes, size_t length)
{
	for (size_t i = 0; i < length && i < SHOWN_BYTES; i++) printf("%02x", bytes[i]);
}

static void hear(int tap, uint16_t port)
{
	static unsigned char frame[128 * 1024];
	struct sockaddr_ll from;
	socklen_t from_length = sizeof from;
	ssize_t got = recvfrom(tap, frame, sizeof frame, MSG_DONTWAIT, (struct sockaddr *)&from, &from_length);
	if (got < ETHERNET_BYTES + 40 || get16(frame + 12) != ETHERTYPE_IP || frame[ETHERNET_BYTES + 9] != IPPROTO_TCP) return;
	const unsigned char *ip = frame + ETHERNET_BYTES, *tcp = ip + (ip[0] & 15) * 4;
	if (get16(tcp) != port && get16(tcp + 2) != port) return;
	size_t header = (size_t)(tcp[12] >> 4) * 4, payload = (size_t)got - (size_t)(tcp - frame) - header;
	size_t told = get16(ip + 2);
	if (told != 0 && told < (size_t)got - ETHERNET_BYTES) payload = told - (size_t)(tcp - ip) - header;
	struct in_addr source, destination;
	memcpy(&source, ip + 12, 4);
	memcpy(&destination, ip + 16, 4);
	char letters[9] = "";
	for (int bit = 0, at = 0; bit < 8; bit++) if (tcp[13] & 1 << bit) { letters[at++] = FLAG_LETTERS[bit]; letters[at] = 0; }
	printf("{\"out\":%s,\"src\":\"%s\"", from.sll_pkttype == PACKET_OUTGOING ? "true" : "false", inet_ntoa(source));
	printf(",\"dst\":\"%s\",\"sport\":%u,\"dport\":%u,\"seq\":%u,\"ack\":%u,\"flags\":\"%s\",\"win\":%u,\"ttl\":%u,\"id\":%u,\"length\":%zu,\"options\":\"",
		inet_ntoa(destination), get16(tcp), get16(tcp + 2), get32(tcp + 4), get32(tcp + 8), letters, get16(tcp + 14), ip[8], get16(ip + 4), payload);
	say_hex(tcp + 20, header - 20);
	printf("\",\"data\":\"");
	say_hex(tcp + header, payload);
	printf("\"}\n");
	fflush(stdout);
}

static size_t unhex(const char *text, unsigned char *out)
{
	size_t length = 0;
	for (unsigned byte; length < FRAME_LIMIT_BYTES - 200 && sscanf(text, "%2x", &byte) == 1; text += 2) out[length++] = (unsigned char)byte;
	return length;
}

static void obey(char *line, int raw)
{
	static unsigned char options[40 + FRAME_LIMIT_BYTES], data[FRAME_LIMIT_BYTES], packet[FRAME_LIMIT_BYTES * 2];
	struct segment s = {.ttl = 64, .window = 65535, .options = options, .data = data};
	for (char *word = strtok(line, " \n"); word; word = strtok(NULL, " \n")) {
		char *value = strchr(word, '=');
		if (!value) continue;
		*value++ = 0;
		if (!strcmp(word, "src")) s.source = ntohl(inet_addr(value));
		else if (!strcmp(word, "dst")) s.destination = ntohl(inet_addr(value));
		else if (!strcmp(word, "sport")) s.source_port = (uint16_t)atoi(value);
		else if (!strcmp(word, "dport")) s.destination_port = (uint16_t)atoi(value);
		else if (!strcmp(word, "seq")) s.sequence = (uint32_t)strtoul(value, NULL, 10);
		else if (!strcmp(word, "ack")) s.acknowledgement = (uint32_t)strtoul(value, NULL, 10);
		else if (!strcmp(word, "flags")) { for (; *value; value++) { const char *at = strchr(FLAG_LETTERS, *value); if (at) s.flags |= (unsigned char)(1 << (at - FLAG_LETTERS)); } }
		else if (!strcmp(word, "win")) s.window = (uint16_t)atoi(value);
		else if (!strcmp(word, "ttl")) s.ttl = (unsigned char)atoi(value);
		else if (!strcmp(word, "sum")) s.bad_checksum = !strcmp(value, "bad");
		else if (!strcmp(word, "opts")) s.options_length = unhex(value, options) & ~3UL;
		else if (!strcmp(word, "data")) s.data_length = unhex(value, data);
	}
	if (s.options_length > 40) s.options_length = 40;
	size_t length = build(&s, packet);
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(s.destination)};
	if (sendto(raw, packet, length, 0, (struct sockaddr *)&to, sizeof to) < 0) fprintf(stderr, "adversary: send: %s\n", strerror(errno));
}

static int puppet(const char *device, uint16_t port)
{
	static char input[1 << 16];
	size_t filled = 0;
	int raw = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	if (raw < 0) fail("raw socket");
	int tap = open_packet_socket(device, ETH_P_ALL);
	printf("ready\n");
	fflush(stdout);
	for (;;) {
		struct pollfd wait[2] = {{.fd = 0, .events = POLLIN}, {.fd = tap, .events = POLLIN}};
		if (poll(wait, 2, -1) < 0) fail("poll");
		if (wait[1].revents) hear(tap, port);
		if (!wait[0].revents) continue;
		ssize_t got = read(0, input + filled, sizeof input - 1 - filled);
		if (got <= 0) return 0;
		filled += (size_t)got;
		input[filled] = 0;
		char *line = input, *end;
		for (; (end = strchr(line, '\n')); line = end + 1) {
			*end = 0;
			obey(line, raw);
			/* A flood of lines must not make it deaf: the socket's buffer holds a few hundred packets. */
			while (poll(&wait[1], 1, 0) > 0) hear(tap, port);
		}
		filled -= (size_t)(line - input);
		memmove(input, line, filled);
	}
}

/* ---- storm ---- */

static uint64_t random_state;

static uint32_t random32(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(random_state >> 16);
}

static struct {
	uint32_t source, target;
	uint16_t first_port, last_port, port;
} war;

/* A segment of an innocent's tuple whose numbers are anybody's guess. */
static struct segment spoofed(unsigned char flags)
{
	struct segment s = {.source = war.source, .destination = war.target, .destination_port = war.port, .ttl = 64, .window = (uint16_t)random32(),
		.sequence = random32(), .acknowledgement = random32(), .flags = flags};
	s.source_port = (uint16_t)(war.first_port + random32() % (uint32_t)(war.last_port - war.first_port + 1));
	if (random32() % 4 == 0) { /* The same as if the server had sent it. */
		uint32_t address = s.source;
		uint16_t port = s.source_port;
		s.source = s.destination;
		s.destination = address;
		s.source_port = s.destination_port;
		s.destination_port = port;
	}
	return s;
}

static void carry_forbidden(struct segment *s)
{
	s->data = (const unsigned char *)FORBIDDEN;
	s->data_length = sizeof FORBIDDEN - 1;
}

/* One of so many ways to be no IPv4 TCP packet. */
static size_t malformed(unsigned char *ip)
{
	struct segment s = spoofed(TH_ACK | TH_PUSH);
	carry_forbidden(&s);
	size_t length = build(&s, ip);
	switch (random32() % 10) {
	case 0: ip[0] = (unsigned char)(0x40 | random32() % 5); break;
	case 1: ip[0] = 0x4f; break;
	case 2: put16(ip + 2, random32() % 40); break;
	case 3: put16(ip + 2, (uint32_t)length + 1 + random32() % 1000); break;
	case 4: ip[20 + 12] = (unsigned char)(random32() % 5 << 4); break;
	case 5: ip[20 + 12] = 0xf0; break;
	case 6: length = 20 + random32() % 20; break;
	case 7: ip[20 + 13] = (unsigned char)random32(); break;
	case 8: for (size_t i = 20; i < length; i++) ip[i] = (unsigned char)random32(); break;
	default: ip[0] = (unsigned char)(random32() << 4 | 5); break;
	}
	put16(ip + 10, 0);
	size_t header = (size_t)(ip[0] & 15) * 4;
	if (header >= 20 && header <= length) put16(ip + 10, fold(add_words(0, ip, header)));
	return length;
}

/* A fragment that never becomes whole, or overlaps the one before. */
static size_t fragment(unsigned char *ip)
{
	struct segment s = spoofed(TH_ACK | TH_PUSH);
	carry_forbidden(&s);
	size_t length = build(&s, ip);
	uint32_t offset = random32() % 4;
	put16(ip + 4, random32() % 64);
	put16(ip + 6, (random32() & 1 ? 0x2000 : 0) | offset);
	put16(ip + 10, 0);
	put16(ip + 10, fold(add_words(0, ip, 20)));
	return length;
}

enum kind { RST, SYN, DATA, OVERLAP, LOWTTL, BADSUM, MALFORMED, FRAGMENT, KINDS };
static const char *const KIND_NAMES[KINDS] = {"rst", "syn", "data", "overlap", "lowttl", "badsum", "malformed", "fragment"};
static struct segment last_overlap;

static size_t next_packet(enum kind kind, unsigned char *ip)
{
	struct segment s = spoofed(TH_ACK | TH_PUSH);
	switch (kind) {
	case RST: {
		static const unsigned char flags[] = {TH_RST, TH_RST | TH_ACK, TH_RST | TH_FIN, TH_FIN | TH_ACK, TH_RST | TH_SYN};
		s.flags = flags[random32() % sizeof flags];
		return build(&s, ip);
	}
	case SYN:
		s = spoofed(TH_SYN);
		s.source = war.source;
		s.destination = war.target;
		s.source_port = (uint16_t)(war.last_port + 1 + random32() % 1000);
		s.destination_port = war.port;
		return build(&s, ip);
	case OVERLAP:
		/* Every other one lies over the one before, with other bytes. */
		if (last_overlap.window != 0) {
			s = last_overlap;
			s.sequence += random32() % 8;
			s.data = (const unsigned char *)FORBIDDEN + 4;
			s.data_length = sizeof FORBIDDEN - 5;
			last_overlap.window = 0;
		} else {
			carry_forbidden(&s);
			s.window |= 1;
			last_overlap = s;
		}
		return build(&s, ip);
	case LOWTTL: carry_forbidden(&s); s.ttl = (unsigned char)(1 + random32() % 3); return build(&s, ip);
	case BADSUM: carry_forbidden(&s); s.bad_checksum = 1; return build(&s, ip);
	case MALFORMED: return malformed(ip);
	case FRAGMENT: return fragment(ip);
	default: carry_forbidden(&s); return build(&s, ip);
	}
}

static int64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static int storm(char **words)
{
	static unsigned char frame[FRAME_LIMIT_BYTES];
	enum kind kinds[KINDS];
	size_t kind_count = 0;
	int fd = open_packet_socket(words[0], 0);
	if (sscanf(words[1], "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", frame, frame + 1, frame + 2, frame + 3, frame + 4, frame + 5) != 6) { errno = EINVAL; fail(words[1]); }
	war.source = ntohl(inet_addr(words[2]));
	war.first_port = (uint16_t)atoi(words[3]);
	war.last_port = (uint16_t)atoi(words[4]);
	war.target = ntohl(inet_addr(words[5]));
	war.port = (uint16_t)atoi(words[6]);
	long count = atol(words[7]), rate = atol(words[8]), sent = 0;
	random_state = 88172645463325252ULL ^ (uint64_t)atol(words[9]) << 20;
	for (char *name = strtok(words[10], ","); name; name = strtok(NULL, ","))
		for (int kind = 0; kind < KINDS; kind++) if (!strcmp(name, KIND_NAMES[kind])) kinds[kind_count++] = (enum kind)kind;
	if (kind_count == 0 || rate <= 0) { errno = EINVAL; fail("storm"); }
	frame[6] = 0x0a;
	frame[7] = 0x66;
	put16(frame + 12, ETHERTYPE_IP);
	printf("ready\n");
	fflush(stdout);
	int64_t start = now_ns();
	for (long done = 0; done < count; done++) {
		size_t length = next_packet(kinds[random32() % kind_count], frame + ETHERNET_BYTES);
		if (send(fd, frame, ETHERNET_BYTES + length, 0) > 0) sent++;
		if (done % BURST != BURST - 1) continue;
		int64_t wait = start + (done + 1) * 1000000000LL / rate - now_ns();
		if (wait > 0) {
			struct timespec pause = {.tv_sec = wait / 1000000000LL, .tv_nsec = wait % 1000000000LL};
			nanosleep(&pause, NULL);
		}
	}
	printf("sent %ld\n", sent);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "puppet")) return puppet(argv[2], (uint16_t)atoi(argv[3]));
	if (argc == 13 && !strcmp(argv[1], "storm")) return storm(argv + 2);
	fprintf(stderr, "usage: adversary puppet DEVICE PORT | adversary storm DEVICE MAC SOURCE FIRST_PORT LAST_PORT TARGET PORT COUNT RATE SEED KINDS\n");
	return 2;
}
