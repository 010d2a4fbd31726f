/* The rest of what only the kernel can do: waking a thread, netlink as raw bytes, rights, the clock of the packets. */
#include "arguments.h"

#include <linux/capability.h>
#include <linux/netlink.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

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
  /* Dumps obey what the request names (a namespace, a family); Linux 4.20. */
  setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof on);
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

const struct entry kernel_door[] = {
    {"eventOpen", event_open},
    {"wake", event_wake},
    {"closeFd", close_fd},
    {"netlinkOpen", netlink_open},
    {"netlinkSend", netlink_send},
    {"netlinkReceive", netlink_receive},
    {"effectiveCapabilities", effective_capabilities},
    {"dropCapabilities", drop_capabilities},
    {"realtimeMs", realtime_ms},
    {NULL, NULL},
};
