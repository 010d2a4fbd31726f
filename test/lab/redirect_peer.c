/*
 * What Cilium's eBPF host routing does to a pod's traffic: a packet that reaches DEVICE and is for ADDRESS goes
 * straight into the pod behind the veth POD_DEVICE (bpf_redirect_peer), so that the host's side of that veth never
 * shows it.
 *
 *   redirect_peer NETNS DEVICE ADDRESS POD_DEVICE [DEVICE ADDRESS POD_DEVICE ...]
 *
 * Says "ready" and stays: the programs are detached when it ends. Needs Linux 6.6 (TCX) and CAP_BPF of the machine.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Newer than the headers of some distributions. */
#define ATTACH_TCX_INGRESS 46
#define HELPER_REDIRECT_PEER 155
#define ACTION_NEXT (-1)

static struct bpf_insn program[32];
static int length;

static void emit(uint8_t code, uint8_t destination, uint8_t source, int16_t offset, int32_t immediate)
{
	program[length++] = (struct bpf_insn){ .code = code, .dst_reg = destination, .src_reg = source, .off = offset, .imm = immediate };
}

/* Loads 2 or 4 bytes of the frame in network order into r0 and leaves the program where they differ. */
static void expect(uint8_t size, int at, uint32_t value)
{
	emit(BPF_LD | BPF_ABS | size, 0, 0, 0, at);
	emit(BPF_JMP32 | BPF_JNE | BPF_K, 0, 0, 0, (int32_t)value);
}

static void fail(const char *what)
{
	fprintf(stderr, "redirect_peer: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void build(const char *address, int pod_index)
{
	uint32_t words[4];
	length = 0;
	emit(BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_6, BPF_REG_1, 0, 0); /* BPF_ABS reads through r6 */
	if (inet_pton(AF_INET, address, words) == 1) {
		expect(BPF_H, 12, 0x0800);
		expect(BPF_W, 30, ntohl(words[0]));
	} else if (inet_pton(AF_INET6, address, words) == 1) {
		expect(BPF_H, 12, 0x86dd);
		for (int i = 0; i < 4; i++)
			expect(BPF_W, 38 + 4 * i, ntohl(words[i]));
	} else {
		errno = EINVAL;
		fail(address);
	}
	emit(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_1, 0, 0, pod_index);
	emit(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_2, 0, 0, 0);
	emit(BPF_JMP | BPF_CALL, 0, 0, 0, HELPER_REDIRECT_PEER);
	emit(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	int out = length;
	emit(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, ACTION_NEXT);
	emit(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	for (int i = 0; i < out; i++)
		if (program[i].code == (BPF_JMP32 | BPF_JNE | BPF_K))
			program[i].off = out - i - 1;
}

static void attach(const char *device)
{
	static char log[16384];
	union bpf_attr load = {
		.prog_type = BPF_PROG_TYPE_SCHED_CLS,
		.insns = (uintptr_t)program,
		.insn_cnt = length,
		.license = (uintptr_t)"Apache-2.0",
		.log_level = 1,
		.log_buf = (uintptr_t)log,
		.log_size = sizeof log,
	};
	int fd = syscall(SYS_bpf, BPF_PROG_LOAD, &load, sizeof load);
	if (fd < 0) {
		fprintf(stderr, "%s", log);
		fail("BPF_PROG_LOAD");
	}
	union bpf_attr link = { .link_create = { .prog_fd = fd, .target_ifindex = if_nametoindex(device), .attach_type = ATTACH_TCX_INGRESS } };
	if (syscall(SYS_bpf, BPF_LINK_CREATE, &link, sizeof link) < 0)
		fail("BPF_LINK_CREATE (TCX)");
}

int main(int argc, char **argv)
{
	char path[256];
	if (argc < 5 || (argc - 2) % 3 != 0) {
		fprintf(stderr, "usage: redirect_peer NETNS DEVICE ADDRESS POD_DEVICE ...\n");
		return 2;
	}
	snprintf(path, sizeof path, "/run/netns/%s", argv[1]);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET) < 0)
		fail(path);
	for (int i = 2; i < argc; i += 3) {
		int pod_index = if_nametoindex(argv[i + 2]);
		if (pod_index == 0)
			fail(argv[i + 2]);
		build(argv[i + 1], pod_index);
		attach(argv[i]);
	}
	puts("ready");
	fflush(stdout);
	pause();
	return 0;
}
