/*
 * The native part of FlowReset: what JavaScript cannot do, nothing else. Plain Node-API, no other library.
 *
 *   ring.c      AF_PACKET socket with a TPACKET_V2 receive ring, mapped into JavaScript
 *   sender.c    AF_PACKET frames and raw IPv4/IPv6 packets, a whole batch a call
 *   kernel.c    eventfd, netlink as raw bytes, capabilities, the clock
 *   memory.c    what only the start needed goes back to the kernel
 *
 * Invariant: nothing is read or written outside a buffer that JavaScript owns or ring.c mapped; every argument is
 * checked (TypeError). Functions that open throw an Error with `errno`; functions of the packet path return -errno.
 */
#include "arguments.h"

static bool open_door(napi_env env, napi_value exports, const struct entry *door) {
  for (; door->name; door++) {
    napi_value function;
    if (napi_create_function(env, door->name, NAPI_AUTO_LENGTH, door->function, NULL, &function) != napi_ok ||
        napi_set_named_property(env, exports, door->name, function) != napi_ok)
      return false;
  }
  return true;
}

NAPI_MODULE_INIT() {
  return open_door(env, exports, ring_door) && open_door(env, exports, sender_door) && open_door(env, exports, kernel_door) &&
                 open_door(env, exports, memory_door)
             ? exports : NULL;
}
