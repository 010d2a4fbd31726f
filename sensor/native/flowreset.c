/*
 * The native part of FlowReset: what JavaScript cannot do, nothing else. Plain Node-API, no other library.
 *
 *   ring      AF_PACKET socket with a TPACKET_V2 receive ring, mapped into JavaScript, which walks it itself
 *   sender    AF_PACKET frames and raw IPv4/IPv6 packets, a whole batch a call
 *   event     eventfd: wakes a Worker that is blocked in poll
 *   netlink   raw bytes to and from the kernel; parsed in TypeScript
 *   rights    which capabilities this thread has, and giving them up
 *
 * Invariant: nothing is read or written outside a buffer that JavaScript owns or this file mapped; every argument is
 * checked; the mapping lives until JavaScript cannot reach it any more (detached at close, else its finalizer).
 * Failures: functions that open throw an Error with `errno`; functions of the packet path return -errno.
 */
#define _GNU_SOURCE
#define NAPI_VERSION 8
#include <node_api.h>

#include <errno.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <arpa/inet.h>
#include <math.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifndef IPV6_HDRINCL
#define IPV6_HDRINCL 36
#endif
#define BLOCK_BYTES 65536
#define LARGEST_RING_BYTES (1u << 30)
#define WAIT_READABLE 1
#define WAIT_WOKEN 2
#define WAIT_FAILED 4

enum { ROUTE_FRAME, ROUTE_RAW4, ROUTE_RAW6, ROUTES }; /* as in sensor/inject/outbox.ts */

struct ring {
  int fd;      /* -1 once closed */
  int wake_fd; /* borrowed from whoever opened it; -1 for none */
  uint8_t *map;
  size_t map_bytes;
  size_t slot_bytes;
  int owners; /* the handle and the ArrayBuffer: the last one frees */
};

struct sender {
  int fd[ROUTES]; /* -1 where the kernel has no such socket, or once closed */
  int error[ROUTES];
};

static const napi_type_tag RING_TAG = {0x666c6f7772657365ull, 0x7472696e67000001ull};
static const napi_type_tag SENDER_TAG = {0x666c6f7772657365ull, 0x7473656e64000001ull};

/* ---- arguments and errors ---- */

static napi_value throw_errno(napi_env env, const char *what, int error) {
  char text[160];
  napi_value message, failure, number;
  snprintf(text, sizeof text, "%s: %s", what, strerror(error));
  napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &message);
  napi_create_error(env, NULL, message, &failure);
  napi_create_int32(env, error, &number);
  napi_set_named_property(env, failure, "errno", number);
  napi_throw(env, failure);
  return NULL;
}

static napi_value throw_argument(napi_env env, const char *what) {
  napi_throw_type_error(env, NULL, what);
  return NULL;
}

static napi_value number_of(napi_env env, double number) {
  napi_value value;
  return napi_create_double(env, number, &value) == napi_ok ? value : NULL;
}

static bool take(napi_env env, napi_callback_info info, size_t want, napi_value *values) {
  size_t count = want;
  return napi_get_cb_info(env, info, &count, values, NULL, NULL) == napi_ok && count >= want;
}

static bool is_number(napi_env env, napi_value value, double low, double high, double *out) {
  return napi_get_value_double(env, value, out) == napi_ok && *out >= low && *out <= high;
}

static bool is_integer(napi_env env, napi_value value, double low, double high, int64_t *out) {
  double number;
  if (!is_number(env, value, low, high, &number) || number != floor(number)) return false;
  *out = (int64_t)number;
  return true;
}

/* A typed array of that type; `length` counts elements. */
static bool is_array(napi_env env, napi_value value, napi_typedarray_type type, void **data, size_t *length) {
  bool typed = false;
  napi_typedarray_type found;
  return napi_is_typedarray(env, value, &typed) == napi_ok && typed &&
         napi_get_typedarray_info(env, value, &found, length, data, NULL, NULL) == napi_ok && found == type;
}

static void *unwrap(napi_env env, napi_value value, const napi_type_tag *tag) {
  bool match = false;
  void *found = NULL;
  if (napi_check_object_type_tag(env, value, tag, &match) != napi_ok || !match) return NULL;
  return napi_unwrap(env, value, &found) == napi_ok ? found : NULL;
}

/* ---- ring ---- */

static void ring_disown(struct ring *ring) {
  if (--ring->owners > 0) return;
  if (ring->map) munmap(ring->map, ring->map_bytes);
  free(ring);
}

static void ring_handle_finalized(napi_env env, void *data, void *hint) {
  (void)env, (void)hint;
  struct ring *ring = data;
  if (ring->fd >= 0) close(ring->fd);
  ring->fd = -1;
  ring_disown(ring);
}

static void ring_buffer_finalized(napi_env env, void *data, void *hint) {
  (void)env, (void)data;
  ring_disown(hint);
}

/* Classic BPF, 8 bytes an instruction, in the order of this machine. Replaces the one before without a gap. */
static int attach_filter(int fd, void *code, size_t bytes) {
  struct sock_filter *copy = NULL;
  if (bytes == 0 || bytes % sizeof *copy || bytes / sizeof *copy > BPF_MAXINSNS) return EINVAL;
  if (!(copy = malloc(bytes))) return ENOMEM; /* the caller's bytes need not be aligned */
  memcpy(copy, code, bytes);
  struct sock_fprog program = {.len = (unsigned short)(bytes / sizeof *copy), .filter = copy};
  int error = setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) ? errno : 0;
  free(copy);
  return error;
}

static int set_packet_option(int fd, int option, int value) {
  return setsockopt(fd, SOL_PACKET, option, &value, sizeof value);
}

/* The filter and the ring stand before bind: no packet passes unfiltered. Returns what failed, or NULL. */
static const char *ring_setup(struct ring *ring, int receive_bytes, void *filter, size_t filter_bytes, int interface_index) {
  struct tpacket_req request = {
      .tp_block_size = BLOCK_BYTES,
      .tp_block_nr = (unsigned)(ring->map_bytes / BLOCK_BYTES),
      .tp_frame_size = (unsigned)ring->slot_bytes,
      .tp_frame_nr = (unsigned)(ring->map_bytes / ring->slot_bytes),
  };
  struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = interface_index};
  if ((ring->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) < 0) return "Cannot open a packet socket";
  /* Bounds the super-packets that wait beside the ring; past rmem_max only with CAP_NET_ADMIN. */
  if (setsockopt(ring->fd, SOL_SOCKET, SO_RCVBUFFORCE, &receive_bytes, sizeof receive_bytes) &&
      setsockopt(ring->fd, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof receive_bytes)) return "Cannot set the receive buffer";
  if (set_packet_option(ring->fd, PACKET_VERSION, TPACKET_V2)) return "Cannot choose TPACKET_V2";
  if (set_packet_option(ring->fd, PACKET_COPY_THRESH, 1)) return "Cannot ask for whole super-packets";
  if ((errno = attach_filter(ring->fd, filter, filter_bytes))) return "Cannot attach the packet filter";
  if (setsockopt(ring->fd, SOL_PACKET, PACKET_RX_RING, &request, sizeof request)) return "Cannot make the receive ring";
  void *map = mmap(NULL, ring->map_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, 0);
  if (map == MAP_FAILED) return "Cannot map the receive ring";
  ring->map = map;
  if (bind(ring->fd, (struct sockaddr *)&address, sizeof address)) return "Cannot bind the packet socket";
  /* Rests of 50 us would else be rounded up to 100. */
  prctl(PR_SET_TIMERSLACK, 1000ul);
  return NULL;
}

/* ringOpen(slotBytes, slotCount, receiveBufferBytes, filter: Uint8Array, interfaceIndex, wakeFd) -> {buffer, receiveBufferBytes} */
static napi_value ring_open(napi_env env, napi_callback_info info) {
  napi_value argument[6], handle, buffer;
  int64_t slot_bytes, slots, receive_bytes, interface_index, wake_fd;
  void *filter;
  size_t filter_bytes;
  if (!take(env, info, 6, argument) || !is_integer(env, argument[0], 256, BLOCK_BYTES, &slot_bytes) ||
      (slot_bytes & (slot_bytes - 1)) || !is_integer(env, argument[1], 1, LARGEST_RING_BYTES, &slots) ||
      slots * slot_bytes > LARGEST_RING_BYTES || slots * slot_bytes % BLOCK_BYTES ||
      !is_integer(env, argument[2], 1, 1 << 30, &receive_bytes) ||
      !is_array(env, argument[3], napi_uint8_array, &filter, &filter_bytes) ||
      !is_integer(env, argument[4], 0, INT32_MAX, &interface_index) || !is_integer(env, argument[5], -1, INT32_MAX, &wake_fd))
    return throw_argument(env, "ringOpen(slotBytes, slotCount, receiveBufferBytes, filter, interfaceIndex, wakeFd)");
  struct ring *ring = calloc(1, sizeof *ring);
  if (!ring) return throw_errno(env, "Cannot open a ring", ENOMEM);
  *ring = (struct ring){.fd = -1, .wake_fd = (int)wake_fd, .map_bytes = (size_t)(slots * slot_bytes), .slot_bytes = (size_t)slot_bytes, .owners = 1};
  const char *failed = ring_setup(ring, (int)receive_bytes, filter, filter_bytes, (int)interface_index);
  if (failed) {
    int error = errno;
    ring_handle_finalized(env, ring, NULL);
    return throw_errno(env, failed, error);
  }
  if (napi_create_object(env, &handle) != napi_ok || napi_wrap(env, handle, ring, ring_handle_finalized, NULL, NULL) != napi_ok) {
    ring_handle_finalized(env, ring, NULL);
    return throw_errno(env, "Cannot open a ring", ENOMEM);
  }
  ring->owners++;
  if (napi_create_external_arraybuffer(env, ring->map, ring->map_bytes, ring_buffer_finalized, ring, &buffer) != napi_ok) {
    ring->owners--;
    return throw_errno(env, "Cannot show the ring to JavaScript", ENOTSUP);
  }
  int granted = 0;
  socklen_t size = sizeof granted;
  getsockopt(ring->fd, SOL_SOCKET, SO_RCVBUF, &granted, &size);
  napi_type_tag_object(env, handle, &RING_TAG);
  napi_set_named_property(env, handle, "buffer", buffer);
  napi_set_named_property(env, handle, "receiveBufferBytes", number_of(env, granted));
  return handle;
}

static struct ring *open_ring(napi_env env, napi_value value) {
  struct ring *ring = unwrap(env, value, &RING_TAG);
  return ring && ring->fd >= 0 ? ring : NULL;
}

/* ringWait(ring, timeoutMs, rest: boolean) -> WAIT_ bits, or -errno. Below 0: no timeout. A rest watches the wake fd only. */
static napi_value ring_wait(napi_env env, napi_callback_info info) {
  napi_value argument[3];
  struct ring *ring;
  double timeout_ms;
  bool rest;
  if (!take(env, info, 3, argument) || !(ring = open_ring(env, argument[0])) ||
      !is_number(env, argument[1], -1e9, 1e9, &timeout_ms) || napi_get_value_bool(env, argument[2], &rest) != napi_ok)
    return throw_argument(env, "ringWait(ring, timeoutMs, rest): the ring must be open");
  struct pollfd set[2] = {{.fd = ring->wake_fd, .events = POLLIN}, {.fd = ring->fd, .events = POLLIN}};
  struct timespec limit = {0, 0};
  if (timeout_ms > 0) {
    limit.tv_sec = (time_t)(timeout_ms / 1e3);
    limit.tv_nsec = (long)((timeout_ms - (double)limit.tv_sec * 1e3) * 1e6);
  }
  if (ppoll(set, rest ? 1 : 2, timeout_ms < 0 ? NULL : &limit, NULL) < 0) return number_of(env, errno == EINTR ? 0 : -errno);
  int found = 0;
  if (set[0].revents) {
    uint64_t count;
    if (read(ring->wake_fd, &count, sizeof count) == sizeof count) found |= WAIT_WOKEN;
    else if (errno != EAGAIN) return number_of(env, -errno);
  }
  if (!rest && set[1].revents & POLLIN) found |= WAIT_READABLE;
  if (!rest && set[1].revents & (POLLERR | POLLHUP | POLLNVAL)) {
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(ring->fd, SOL_SOCKET, SO_ERROR, &error, &size); /* reading clears it: the next poll blocks again */
    found |= WAIT_FAILED;
  }
  return number_of(env, found);
}

/* ringSpin(ring, slot, microseconds) -> 1 as soon as that slot is filled, 0 when the time is over. */
static napi_value ring_spin(napi_env env, napi_callback_info info) {
  napi_value argument[3];
  struct ring *ring;
  int64_t slot;
  double microseconds;
  if (!take(env, info, 3, argument) || !(ring = open_ring(env, argument[0])) ||
      !is_integer(env, argument[1], 0, (double)(ring->map_bytes / ring->slot_bytes) - 1, &slot) ||
      !is_number(env, argument[2], 0, 1e5, &microseconds))
    return throw_argument(env, "ringSpin(ring, slot, microseconds): the ring must be open");
  const uint32_t *status = (const uint32_t *)(ring->map + (size_t)slot * ring->slot_bytes);
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  const double until = (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3 + microseconds;
  do {
    for (int turn = 0; turn < 32; turn++) {
      if (__atomic_load_n(status, __ATOMIC_ACQUIRE) & TP_STATUS_USER) return number_of(env, 1);
#if defined(__x86_64__)
      __builtin_ia32_pause();
#elif defined(__aarch64__)
      __asm__ volatile("isb" ::: "memory");
#endif
    }
    clock_gettime(CLOCK_MONOTONIC, &now);
  } while ((double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3 < until);
  return number_of(env, 0);
}

/* ringReceive(ring, into: Uint8Array) -> length of the next super-packet (above into.length: cut), or -errno. */
static napi_value ring_receive(napi_env env, napi_callback_info info) {
  napi_value argument[2];
  struct ring *ring;
  void *into;
  size_t room;
  if (!take(env, info, 2, argument) || !(ring = open_ring(env, argument[0])) || !is_array(env, argument[1], napi_uint8_array, &into, &room))
    return throw_argument(env, "ringReceive(ring, into): the ring must be open");
  ssize_t length = recv(ring->fd, into, room, MSG_DONTWAIT | MSG_TRUNC);
  return number_of(env, length < 0 ? -errno : (double)length);
}

/* ringStatistics(ring, out: Uint32Array(2)): packets that passed the filter (lost ones too) and lost ones, since the last call. */
static napi_value ring_statistics(napi_env env, napi_callback_info info) {
  napi_value argument[2];
  struct ring *ring;
  void *out;
  size_t room;
  struct tpacket_stats found = {0, 0};
  socklen_t size = sizeof found;
  if (!take(env, info, 2, argument) || !(ring = open_ring(env, argument[0])) ||
      !is_array(env, argument[1], napi_uint32_array, &out, &room) || room < 2)
    return throw_argument(env, "ringStatistics(ring, out): the ring must be open");
  if (getsockopt(ring->fd, SOL_PACKET, PACKET_STATISTICS, &found, &size)) return number_of(env, -errno);
  ((uint32_t *)out)[0] = found.tp_packets;
  ((uint32_t *)out)[1] = found.tp_drops;
  return number_of(env, 0);
}

/* ringFilter(ring, code: Uint8Array) -> 0 or -errno. */
static napi_value ring_filter(napi_env env, napi_callback_info info) {
  napi_value argument[2];
  struct ring *ring;
  void *code;
  size_t bytes;
  if (!take(env, info, 2, argument) || !(ring = open_ring(env, argument[0])) || !is_array(env, argument[1], napi_uint8_array, &code, &bytes))
    return throw_argument(env, "ringFilter(ring, code): the ring must be open");
  return number_of(env, -attach_filter(ring->fd, code, bytes));
}

/* ringClose(ring): the ArrayBuffer is detached first; where that cannot be, its finalizer unmaps. Twice is harmless. */
static napi_value ring_close(napi_env env, napi_callback_info info) {
  napi_value argument[1], buffer;
  struct ring *ring;
  void *data = NULL;
  size_t length = 0;
  bool is_buffer = false;
  if (!take(env, info, 1, argument) || !(ring = unwrap(env, argument[0], &RING_TAG))) return throw_argument(env, "ringClose(ring)");
  if (ring->fd < 0) return NULL;
  close(ring->fd);
  ring->fd = -1;
  if (napi_get_named_property(env, argument[0], "buffer", &buffer) == napi_ok &&
      napi_is_arraybuffer(env, buffer, &is_buffer) == napi_ok && is_buffer &&
      napi_get_arraybuffer_info(env, buffer, &data, &length) == napi_ok && data == ring->map &&
      napi_detach_arraybuffer(env, buffer) == napi_ok) {
    uint8_t *map = ring->map;
    ring->map = NULL;
    munmap(map, ring->map_bytes);
  }
  return NULL;
}

/* ---- sender ---- */

static void sender_shut(struct sender *sender) {
  for (int route = 0; route < ROUTES; route++) {
    if (sender->fd[route] >= 0) close(sender->fd[route]);
    sender->fd[route] = -1;
    sender->error[route] = EBADF;
  }
}

static void sender_finalized(napi_env env, void *data, void *hint) {
  (void)env, (void)hint;
  sender_shut(data);
  free(data);
}

/* A socket that never receives: no protocol for frames, a filter that takes nothing for raw IP. */
static int sending_socket(int route, const char *device) {
  static const int family[ROUTES] = {AF_PACKET, AF_INET, AF_INET6};
  struct sock_filter nothing[] = {{BPF_RET | BPF_K, 0, 0, 0}};
  const int on = 1;
  int fd = socket(family[route], SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, route == ROUTE_FRAME ? 0 : IPPROTO_RAW);
  if (fd < 0 || route == ROUTE_FRAME) return fd;
  if (attach_filter(fd, nothing, sizeof nothing) ||
      setsockopt(fd, route == ROUTE_RAW4 ? IPPROTO_IP : IPPROTO_IPV6, route == ROUTE_RAW4 ? IP_HDRINCL : IPV6_HDRINCL, &on, sizeof on) ||
      (*device && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device, (socklen_t)strlen(device) + 1))) {
    int error = errno;
    close(fd);
    errno = error;
    return -1;
  }
  return fd;
}

/* senderOpen(device: string) -> handle. "" for no SO_BINDTODEVICE. A machine without IPv6 still opens. */
static napi_value sender_open(napi_env env, napi_callback_info info) {
  napi_value argument[1], handle;
  char device[16] = "";
  size_t length;
  if (!take(env, info, 1, argument) || napi_get_value_string_utf8(env, argument[0], NULL, 0, &length) != napi_ok || length >= sizeof device ||
      napi_get_value_string_utf8(env, argument[0], device, sizeof device, &length) != napi_ok)
    return throw_argument(env, "senderOpen(device): a name of at most 15 bytes, or an empty string");
  struct sender *sender = calloc(1, sizeof *sender);
  if (!sender) return throw_errno(env, "Cannot open the sending sockets", ENOMEM);
  for (int route = 0; route < ROUTES; route++) {
    sender->fd[route] = sending_socket(route, device);
    sender->error[route] = sender->fd[route] < 0 ? errno : 0;
  }
  int error = sender->error[ROUTE_FRAME] ? sender->error[ROUTE_FRAME] : sender->error[ROUTE_RAW4];
  if (!error && sender->error[ROUTE_RAW6] != EAFNOSUPPORT) error = sender->error[ROUTE_RAW6];
  if (error) {
    sender_finalized(env, sender, NULL);
    return throw_errno(env, "Cannot open the sending sockets", error);
  }
  if (napi_create_object(env, &handle) != napi_ok || napi_wrap(env, handle, sender, sender_finalized, NULL, NULL) != napi_ok) {
    sender_finalized(env, sender, NULL);
    return throw_errno(env, "Cannot open the sending sockets", ENOMEM);
  }
  napi_type_tag_object(env, handle, &SENDER_TAG);
  return handle;
}

static int send_one(struct sender *sender, int route, int interface_index, uint8_t *bytes, size_t length) {
  union { struct sockaddr_ll frame; struct sockaddr_in v4; struct sockaddr_in6 v6; } to;
  union { char space[CMSG_SPACE(sizeof(struct in6_pktinfo))]; struct cmsghdr align; } control;
  struct iovec part = {.iov_base = bytes, .iov_len = length};
  struct msghdr message = {.msg_name = &to, .msg_iov = &part, .msg_iovlen = 1};
  memset(&to, 0, sizeof to);
  if (route == ROUTE_FRAME) {
    to.frame.sll_family = AF_PACKET; /* the kernel reads the protocol from the frame */
    to.frame.sll_ifindex = interface_index;
    message.msg_namelen = sizeof to.frame;
  } else if (route == ROUTE_RAW4) {
    if (length < 20) return EMSGSIZE;
    to.v4.sin_family = AF_INET;
    memcpy(&to.v4.sin_addr, bytes + 16, 4);
    message.msg_namelen = sizeof to.v4;
  } else {
    if (length < 40) return EMSGSIZE;
    to.v6.sin6_family = AF_INET6;
    memcpy(&to.v6.sin6_addr, bytes + 24, 16);
    message.msg_namelen = sizeof to.v6;
  }
  if (route != ROUTE_FRAME && interface_index) {
    const size_t size = route == ROUTE_RAW4 ? sizeof(struct in_pktinfo) : sizeof(struct in6_pktinfo);
    memset(&control, 0, sizeof control);
    message.msg_control = &control;
    message.msg_controllen = CMSG_SPACE(size);
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_len = CMSG_LEN(size);
    header->cmsg_level = route == ROUTE_RAW4 ? IPPROTO_IP : IPPROTO_IPV6;
    header->cmsg_type = route == ROUTE_RAW4 ? IP_PKTINFO : IPV6_PKTINFO;
    if (route == ROUTE_RAW4) ((struct in_pktinfo *)CMSG_DATA(header))->ipi_ifindex = interface_index;
    else ((struct in6_pktinfo *)CMSG_DATA(header))->ipi6_ifindex = (unsigned)interface_index;
  }
  if (sender->fd[route] < 0) return sender->error[route];
  return sendmsg(sender->fd[route], &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? errno : 0;
}

/* senderSend(sender, bytes, length, route, interfaceIndex, error, count, slotBytes) -> packets that left; errno of each in `error`. */
static napi_value sender_send(napi_env env, napi_callback_info info) {
  napi_value argument[8];
  struct sender *sender;
  void *bytes, *column[4];
  size_t room, rows[4];
  int64_t count, slot_bytes, sent = 0;
  bool good = take(env, info, 8, argument) && (sender = unwrap(env, argument[0], &SENDER_TAG)) &&
              is_array(env, argument[1], napi_uint8_array, &bytes, &room) &&
              is_integer(env, argument[6], 0, INT32_MAX, &count) && is_integer(env, argument[7], 1, 1 << 20, &slot_bytes) &&
              (uint64_t)(count * slot_bytes) <= room;
  for (int index = 0; good && index < 4; index++)
    good = is_array(env, argument[2 + index], napi_int32_array, &column[index], &rows[index]) && rows[index] >= (size_t)count;
  if (!good) return throw_argument(env, "senderSend(sender, bytes, length, route, interfaceIndex, error, count, slotBytes)");
  const int32_t *length = column[0], *route = column[1], *interface_index = column[2];
  int32_t *error = column[3];
  for (int64_t index = 0; index < count; index++) {
    if (length[index] <= 0 || length[index] > slot_bytes || route[index] < 0 || route[index] >= ROUTES || interface_index[index] < 0)
      error[index] = EINVAL;
    else
      error[index] = send_one(sender, route[index], interface_index[index], (uint8_t *)bytes + index * slot_bytes, (size_t)length[index]);
    sent += error[index] == 0;
  }
  return number_of(env, (double)sent);
}

static napi_value sender_close(napi_env env, napi_callback_info info) {
  napi_value argument[1];
  struct sender *sender;
  if (!take(env, info, 1, argument) || !(sender = unwrap(env, argument[0], &SENDER_TAG))) return throw_argument(env, "senderClose(sender)");
  sender_shut(sender);
  return NULL;
}

/* ---- event ---- */

static napi_value event_open(napi_env env, napi_callback_info info) {
  (void)info;
  int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  return fd < 0 ? throw_errno(env, "Cannot open an eventfd", errno) : number_of(env, fd);
}

static bool take_fd(napi_env env, napi_callback_info info, int64_t *fd) {
  napi_value argument[1];
  return take(env, info, 1, argument) && is_integer(env, argument[0], 0, INT32_MAX, fd);
}

/* wake(fd) -> 0 or -errno; from any thread. An event that is already set stays set. */
static napi_value event_wake(napi_env env, napi_callback_info info) {
  int64_t fd;
  const uint64_t one = 1;
  if (!take_fd(env, info, &fd)) return throw_argument(env, "wake(fd): a descriptor from eventOpen()");
  return number_of(env, write((int)fd, &one, sizeof one) == sizeof one || errno == EAGAIN ? 0 : -errno);
}

static napi_value close_fd(napi_env env, napi_callback_info info) {
  int64_t fd;
  if (!take_fd(env, info, &fd)) return throw_argument(env, "closeFd(fd): a descriptor from eventOpen() or netlinkOpen()");
  return number_of(env, close((int)fd) ? -errno : 0);
}

/* ---- netlink ---- */

/* netlinkOpen(groups: bit mask, protocol) -> fd. Protocol 0 is NETLINK_ROUTE. */
static napi_value netlink_open(napi_env env, napi_callback_info info) {
  napi_value argument[2];
  int64_t groups, protocol;
  const int on = 1, receive_bytes = 4 << 20;
  if (!take(env, info, 2, argument) || !is_integer(env, argument[0], 0, UINT32_MAX, &groups) || !is_integer(env, argument[1], 0, 31, &protocol))
    return throw_argument(env, "netlinkOpen(groups, protocol)");
  struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = (uint32_t)groups};
  int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, (int)protocol);
  if (fd < 0) return throw_errno(env, "Cannot open a netlink socket", errno);
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &receive_bytes, sizeof receive_bytes))
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof receive_bytes);
  setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
  if (bind(fd, (struct sockaddr *)&address, sizeof address)) {
    int error = errno;
    close(fd);
    return throw_errno(env, "Cannot join the netlink groups", error);
  }
  return number_of(env, fd);
}

/* netlinkSend(fd, bytes) -> 0 or -errno. */
static napi_value netlink_send(napi_env env, napi_callback_info info) {
  napi_value argument[2];
  int64_t fd;
  void *bytes;
  size_t length;
  if (!take(env, info, 2, argument) || !is_integer(env, argument[0], 0, INT32_MAX, &fd) || !is_array(env, argument[1], napi_uint8_array, &bytes, &length))
    return throw_argument(env, "netlinkSend(fd, bytes)");
  struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
  return number_of(env, sendto((int)fd, bytes, length, 0, (struct sockaddr *)&kernel, sizeof kernel) < 0 ? -errno : 0);
}

/*
 * netlinkReceive(fd, into, timeoutMs) -> length of one datagram, 0 when the time is over, or -errno
 * (-ENOBUFS: events were lost, dump again; -EMSGSIZE: into is too small). Only the kernel is listened to.
 */
static napi_value netlink_receive(napi_env env, napi_callback_info info) {
  napi_value argument[3];
  int64_t fd, timeout_ms;
  void *into;
  size_t room;
  if (!take(env, info, 3, argument) || !is_integer(env, argument[0], 0, INT32_MAX, &fd) ||
      !is_array(env, argument[1], napi_uint8_array, &into, &room) || !is_integer(env, argument[2], -1, INT32_MAX, &timeout_ms))
    return throw_argument(env, "netlinkReceive(fd, into, timeoutMs)");
  for (;;) {
    struct sockaddr_nl from = {0};
    socklen_t size = sizeof from;
    ssize_t length = recvfrom((int)fd, into, room, MSG_DONTWAIT | MSG_TRUNC, (struct sockaddr *)&from, &size);
    if (length >= 0 && from.nl_pid != 0) continue;
    if (length >= 0) return number_of(env, (size_t)length > room ? -EMSGSIZE : (double)length);
    if (errno != EAGAIN) return number_of(env, errno == EINTR ? 0 : -errno);
    struct pollfd one = {.fd = (int)fd, .events = POLLIN};
    if (timeout_ms == 0 || poll(&one, 1, (int)timeout_ms) <= 0) return number_of(env, 0);
  }
}

/* ---- rights and the clock ---- */

static int capabilities(long call, uint64_t *effective) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct set[2] = {{0}};
  if (syscall(SYS_capget, &header, set)) return errno;
  if (call == SYS_capget) {
    *effective = set[0].effective | (uint64_t)set[1].effective << 32;
    return 0;
  }
  for (int half = 0; half < 2; half++) {
    const uint32_t keep = (uint32_t)(*effective >> (32 * half));
    set[half].effective &= keep;
    set[half].permitted &= keep;
    set[half].inheritable = 0;
  }
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  return syscall(SYS_capset, &header, set) ? errno : 0;
}

/* effectiveCapabilities() -> bit mask (as a number: below 2^53) of the calling thread. */
static napi_value effective_capabilities(napi_env env, napi_callback_info info) {
  (void)info;
  uint64_t effective = 0;
  int error = capabilities(SYS_capget, &effective);
  return error ? throw_errno(env, "Cannot read the capabilities", error) : number_of(env, (double)effective);
}

/* dropCapabilities(keep: bit mask): of the calling thread and of the threads that it starts later. For good. */
static napi_value drop_capabilities(napi_env env, napi_callback_info info) {
  napi_value argument[1];
  int64_t keep;
  if (!take(env, info, 1, argument) || !is_integer(env, argument[0], 0, 9007199254740991.0, &keep)) return throw_argument(env, "dropCapabilities(keep)");
  uint64_t mask = (uint64_t)keep;
  int error = capabilities(SYS_capset, &mask);
  return error ? throw_errno(env, "Cannot drop capabilities", error) : NULL;
}

/* realtimeMs() -> the clock of the packets' timestamps, with a fraction. */
static napi_value realtime_ms(napi_env env, napi_callback_info info) {
  (void)info;
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return number_of(env, (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6);
}

NAPI_MODULE_INIT() {
  static const struct { const char *name; napi_callback function; } door[] = {
      {"ringOpen", ring_open}, {"ringWait", ring_wait}, {"ringSpin", ring_spin}, {"ringReceive", ring_receive},
      {"ringStatistics", ring_statistics}, {"ringFilter", ring_filter}, {"ringClose", ring_close},
      {"senderOpen", sender_open}, {"senderSend", sender_send}, {"senderClose", sender_close},
      {"eventOpen", event_open}, {"wake", event_wake}, {"closeFd", close_fd},
      {"netlinkOpen", netlink_open}, {"netlinkSend", netlink_send}, {"netlinkReceive", netlink_receive},
      {"effectiveCapabilities", effective_capabilities}, {"dropCapabilities", drop_capabilities}, {"realtimeMs", realtime_ms},
  };
  for (size_t index = 0; index < sizeof door / sizeof *door; index++) {
    napi_value function;
    if (napi_create_function(env, door[index].name, NAPI_AUTO_LENGTH, door[index].function, NULL, &function) != napi_ok ||
        napi_set_named_property(env, exports, door[index].name, function) != napi_ok)
      return NULL;
  }
  return exports;
}
