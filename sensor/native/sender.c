/* Sends forged packets: AF_PACKET frames and raw IPv4/IPv6 packets, a whole batch a call. These sockets never receive. */
#include "arguments.h"

#include <linux/filter.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef IPV6_HDRINCL
#define IPV6_HDRINCL 36
#endif

enum { ROUTE_FRAME, ROUTE_RAW4, ROUTE_RAW6, ROUTES }; /* as in sensor/inject/outbox.ts */

struct sender {
  int fd[ROUTES]; /* -1 where the kernel has no such socket, or once closed */
  int error[ROUTES];
};

static const napi_type_tag SENDER_TAG = {0x666c6f7772657365ull, 0x7473656e64000001ull};

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

const struct entry sender_door[] = {
    {"senderOpen", sender_open}, {"senderSend", sender_send}, {"senderClose", sender_close}, {NULL, NULL},
};
