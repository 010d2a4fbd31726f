/*
 * The receive ring: an AF_PACKET socket with TPACKET_V2 slots, mapped into JavaScript, which walks it itself
 * (sensor/capture/ring.ts); here is only what JavaScript cannot do.
 *
 * The mapping lives until JavaScript cannot reach it any more: close() detaches the ArrayBuffer first, else its
 * finalizer unmaps.
 */
#include "arguments.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define BLOCK_BYTES 65536
#define LARGEST_RING_BYTES (1u << 30)
/* Bits of what ringWait returns. */
#define WAIT_READABLE 1
#define WAIT_WOKEN 2
#define WAIT_FAILED 4
#define SLICE_NANOSECONDS 100000

struct ring {
  int fd;      /* -1 once closed */
  int wake_fd; /* borrowed from whoever opened it; -1 for none */
  uint8_t *map;
  size_t map_bytes;
  size_t slot_bytes;
  int owners; /* the handle and the ArrayBuffer: the last one frees */
};

static const napi_type_tag RING_TAG = {0x666c6f7772657365ull, 0x7472696e67000001ull};

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

static int set_packet_option(int fd, int option, int value) {
  return setsockopt(fd, SOL_PACKET, option, &value, sizeof value);
}

/* struct sched_attr (linux/sched/types.h), whose header clashes with libc's. */
struct scheduling {
  uint32_t size, policy;
  uint64_t flags;
  int32_t nice;
  uint32_t priority;
  uint64_t runtime, deadline, period;
  uint32_t least, most;
};

/*
 * A thread that runs in short slices is woken sooner on a busy processor, for the same share of it (EEVDF: the earlier
 * deadline goes first; custom slices since Linux 6.12, without a privilege). Older kernels ignore it.
 */
static void ask_for_short_slices(void) {
  struct scheduling how = {.size = sizeof how};
  if (syscall(SYS_sched_getattr, 0, &how, sizeof how, 0)) return;
  how.runtime = SLICE_NANOSECONDS;
  syscall(SYS_sched_setattr, 0, &how, 0);
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
  ask_for_short_slices();
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

const struct entry ring_door[] = {
    {"ringOpen", ring_open},           {"ringWait", ring_wait},
    {"ringSpin", ring_spin},           {"ringReceive", ring_receive},
    {"ringStatistics", ring_statistics}, {"ringFilter", ring_filter},
    {"ringClose", ring_close},         {NULL, NULL},
};
