/* Checking arguments and saying errors; nothing of it knows what they are for. */
#include "arguments.h"

#include <linux/filter.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

napi_value throw_errno(napi_env env, const char *what, int error) {
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

napi_value throw_argument(napi_env env, const char *what) {
  napi_throw_type_error(env, NULL, what);
  return NULL;
}

napi_value number_of(napi_env env, double number) {
  napi_value value;
  return napi_create_double(env, number, &value) == napi_ok ? value : NULL;
}

bool take(napi_env env, napi_callback_info info, size_t want, napi_value *values) {
  size_t count = want;
  return napi_get_cb_info(env, info, &count, values, NULL, NULL) == napi_ok && count >= want;
}

bool is_number(napi_env env, napi_value value, double low, double high, double *out) {
  return napi_get_value_double(env, value, out) == napi_ok && *out >= low && *out <= high;
}

bool is_integer(napi_env env, napi_value value, double low, double high, int64_t *out) {
  double number;
  if (!is_number(env, value, low, high, &number) || number != floor(number)) return false;
  *out = (int64_t)number;
  return true;
}

bool is_array(napi_env env, napi_value value, napi_typedarray_type type, void **data, size_t *length) {
  bool typed = false;
  napi_typedarray_type found;
  return napi_is_typedarray(env, value, &typed) == napi_ok && typed &&
         napi_get_typedarray_info(env, value, &found, length, data, NULL, NULL) == napi_ok && found == type;
}

void *unwrap(napi_env env, napi_value value, const napi_type_tag *tag) {
  bool match = false;
  void *found = NULL;
  if (napi_check_object_type_tag(env, value, tag, &match) != napi_ok || !match) return NULL;
  return napi_unwrap(env, value, &found) == napi_ok ? found : NULL;
}

int attach_filter(int fd, void *code, size_t bytes) {
  struct sock_filter *copy = NULL;
  if (bytes == 0 || bytes % sizeof *copy || bytes / sizeof *copy > BPF_MAXINSNS) return EINVAL;
  if (!(copy = malloc(bytes))) return ENOMEM; /* the caller's bytes need not be aligned */
  memcpy(copy, code, bytes);
  struct sock_fprog program = {.len = (unsigned short)(bytes / sizeof *copy), .filter = copy};
  int error = setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) ? errno : 0;
  free(copy);
  return error;
}
