/*
 * The limit that the sensor is measured against: poll, recv, memmem, sendto and nothing else. It answers each
 * IPv4 packet that carries the trigger with one RST to its sender, by the interface given. No table, no policy,
 * no proof.
 *
 * limit INTERFACE TRIGGER SECONDS [spin]
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static uint32_t sum(const uint8_t *p, int n, uint32_t s) {
	for (int i = 0; i + 1 < n; i += 2) s += p[i] << 8 | p[i + 1];
	return s;
}

static uint16_t fold(uint32_t s) {
	while (s >> 16) s = (s & 0xffff) + (s >> 16);
	return ~s;
}

int main(int argc, char **argv) {
	if (argc < 4) return 2;
	int spin = argc > 4, fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
	struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = if_nametoindex(argv[1])};
	if (fd < 0 || !at.sll_ifindex || bind(fd, (void *)&at, sizeof at) < 0) { perror("Cannot open the capture"); return 1; }
	time_t until = time(NULL) + atoi(argv[3]);
	static uint8_t in[65536], out[54];
	size_t needle = strlen(argv[2]);
	printf("ready\n");
	fflush(stdout);
	while (time(NULL) < until) {
		struct pollfd p = {fd, POLLIN, 0};
		if (!spin && poll(&p, 1, 200) <= 0) continue;
		int n = recv(fd, in, sizeof in, MSG_DONTWAIT);
		if (n < 54 || in[12] != 8 || in[13] != 0 || in[23] != 6) continue;
		int ip = (in[14] & 15) * 4, tcp = 14 + ip, head = tcp + (in[tcp + 12] >> 4) * 4;
		if (head > n || !memmem(in + head, n - head, argv[2], needle)) continue;
		memcpy(out, in + 6, 6), memcpy(out + 6, in, 6), out[12] = 8, out[13] = 0;
		uint8_t *i = out + 14, *t = out + 34;
		memset(i, 0, 40);
		i[0] = 0x45, i[3] = 40, i[8] = 64, i[9] = 6;
		memcpy(i + 12, in + 30, 4), memcpy(i + 16, in + 26, 4);
		uint16_t c = htons(fold(sum(i, 20, 0)));
		memcpy(i + 10, &c, 2);
		memcpy(t, in + tcp + 2, 2), memcpy(t + 2, in + tcp, 2), memcpy(t + 4, in + tcp + 8, 4), t[12] = 0x50, t[13] = 4;
		c = htons(fold(sum(t, 20, sum(i + 12, 8, 6 + 20))));
		memcpy(t + 16, &c, 2);
		sendto(fd, out, 54, 0, (void *)&at, sizeof at);
	}
	return 0;
}
