/*
 * Handshakes of COUNT connections that nobody holds, as frames of a raw socket: what fills a flow table.
 *
 * flows DEVICE COUNT RATE
 * RATE is frames a second; three a connection (SYN, SYN|ACK, ACK), from 100.64.0.0/10 to 198.18.0.1:443, addressed to
 * an Ethernet address that is nobody's. Prints "sent FRAMES".
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PORTS 60000
#define FIRST_PORT 1024
#define CLIENTS 0x64400000u
#define SERVER 0xc6120001u
#define FRAME_BYTES 54
#define BATCH 64

enum { SYN = 2, ACK = 16 };

static uint8_t frames[BATCH][FRAME_BYTES];
static struct iovec parts[BATCH];
static struct mmsghdr messages[BATCH];
static unsigned waiting;

static void put16(uint8_t *at, uint32_t value) { at[0] = (uint8_t)(value >> 8); at[1] = (uint8_t)value; }
static void put32(uint8_t *at, uint32_t value) { put16(at, value >> 16); put16(at + 2, value); }

static uint32_t add(uint32_t sum, const uint8_t *bytes, unsigned length) {
  for (unsigned i = 0; i < length; i += 2) sum += (uint32_t)(bytes[i] << 8 | bytes[i + 1]);
  return sum;
}

static uint16_t fold(uint32_t sum) {
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return (uint16_t)~sum;
}

static void build(uint8_t *frame, int from_client, uint32_t client, uint32_t port, uint32_t sequence, uint32_t acknowledgement, uint8_t flags) {
  static const uint8_t ethernet[14] = {2, 0, 0, 0, 0, 0xfe, 2, 0, 0, 0, 0, 0xfd, 8, 0};
  memset(frame, 0, FRAME_BYTES);
  memcpy(frame, ethernet, sizeof ethernet);
  uint8_t *ip = frame + 14, *tcp = ip + 20;
  ip[0] = 0x45;
  put16(ip + 2, 40);
  ip[8] = 64;
  ip[9] = 6;
  put32(ip + 12, from_client ? client : SERVER);
  put32(ip + 16, from_client ? SERVER : client);
  put16(ip + 10, fold(add(0, ip, 20)));
  put16(tcp, from_client ? port : 443);
  put16(tcp + 2, from_client ? 443 : port);
  put32(tcp + 4, sequence);
  put32(tcp + 8, acknowledgement);
  tcp[12] = 0x50;
  tcp[13] = flags;
  put16(tcp + 14, 65535);
  put16(tcp + 16, fold(add(6 + 20, ip + 12, 28)));
}

static int flush(int fd) {
  for (unsigned sent = 0; sent < waiting;) {
    int some = sendmmsg(fd, messages + sent, waiting - sent, 0);
    if (some <= 0) return -1;
    sent += (unsigned)some;
  }
  waiting = 0;
  return 0;
}

int main(int count, char **words) {
  if (count != 4) return fprintf(stderr, "flows DEVICE COUNT RATE\n"), 2;
  const long connections = atol(words[2]);
  const double rate = atof(words[3]);
  struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(words[1]), .sll_halen = 6, .sll_protocol = htons(ETH_P_IP)};
  const int fd = socket(AF_PACKET, SOCK_RAW, 0);
  if (fd < 0 || bind(fd, (struct sockaddr *)&to, sizeof to) < 0) return perror("flows: socket"), 1;
  for (unsigned i = 0; i < BATCH; i++) {
    parts[i] = (struct iovec){frames[i], FRAME_BYTES};
    messages[i].msg_hdr = (struct msghdr){.msg_iov = parts + i, .msg_iovlen = 1};
  }
  struct timespec start, now;
  clock_gettime(CLOCK_MONOTONIC, &start);
  long sent = 0;
  for (long i = 0; i < connections; i++) {
    const uint32_t client = CLIENTS + (uint32_t)(i / PORTS), port = FIRST_PORT + (uint32_t)(i % PORTS), mine = (uint32_t)i * 2654435761u;
    build(frames[waiting++], 1, client, port, mine, 0, SYN);
    build(frames[waiting++], 0, client, port, ~mine, mine + 1, SYN | ACK);
    build(frames[waiting++], 1, client, port, mine + 1, ~mine + 1, ACK);
    sent += 3;
    if (waiting + 3 <= BATCH && i + 1 < connections) continue;
    if (flush(fd) < 0) return perror("flows: send"), 1;
    clock_gettime(CLOCK_MONOTONIC, &now);
    const double ahead = (double)sent / rate - ((double)(now.tv_sec - start.tv_sec) + (double)(now.tv_nsec - start.tv_nsec) / 1e9);
    if (ahead > 0) usleep((useconds_t)(ahead * 1e6));
  }
  printf("sent %ld\n", sent);
  return 0;
}
