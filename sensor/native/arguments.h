/* What the files of the addon share: checking arguments, saying errors, and the door of each file. */
#ifndef FLOWRESET_ARGUMENTS_H
#define FLOWRESET_ARGUMENTS_H

#define _GNU_SOURCE
#define NAPI_VERSION 8
#include <node_api.h>

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Both throw and return NULL. The Error of the first has `errno`. */
napi_value throw_errno(napi_env env, const char *what, int error);
napi_value throw_argument(napi_env env, const char *what);

napi_value number_of(napi_env env, double number);

/* False: the arguments are fewer than `want`, or of another type, or outside [low, high]. */
bool take(napi_env env, napi_callback_info info, size_t want, napi_value *values);
bool is_number(napi_env env, napi_value value, double low, double high, double *out);
bool is_integer(napi_env env, napi_value value, double low, double high, int64_t *out);
/* A typed array of that type; `length` counts elements. */
bool is_array(napi_env env, napi_value value, napi_typedarray_type type, void **data, size_t *length);

/* NULL: not an object of ours. */
void *unwrap(napi_env env, napi_value value, const napi_type_tag *tag);

/* Classic BPF, 8 bytes an instruction, in the order of this machine. Replaces the one before without a gap. 0 or errno. */
int attach_filter(int fd, void *code, size_t bytes);

struct entry {
  const char *name;
  napi_callback function;
};

/* Each ends with a NULL name. */
extern const struct entry ring_door[], sender_door[], kernel_door[], memory_door[];

#endif
