/* Memory that only the start of the program needed, given back to the kernel. */
#include "arguments.h"

#include <malloc.h>
#include <stdio.h>
#include <sys/mman.h>

#define LINE_BYTES 4352 /* a path and what stands before it */

/*
 * Unmaps the pages of program files (code and constants) that are read-only and as they stand in the file: whoever
 * needs one again takes it from the page cache with a soft fault. A mapping in which a page is our own (relocated, or
 * written by a debugger) is left alone, for that page would be lost.
 */
static void unmap_program_files(FILE *mappings) {
  char line[LINE_BYTES], rights[5], path[2];
  unsigned long first, behind, start = 0, end = 0, own;
  bool is_file = false;
  while (fgets(line, sizeof line, mappings)) {
    const int fields = sscanf(line, "%lx-%lx %4s %*s %*s %*s %1s", &first, &behind, rights, path);
    if (fields >= 3) {
      start = first;
      end = behind;
      is_file = fields == 4 && path[0] == '/' && rights[0] == 'r' && rights[1] == '-' && rights[3] == 'p';
    } else if (is_file && sscanf(line, "Anonymous: %lu", &own) == 1 && own == 0) {
      madvise((void *)start, end - start, MADV_DONTNEED);
    }
  }
}

/* releaseMemory(): free pages of the C heap, and the pages of program files. */
static napi_value release_memory(napi_env env, napi_callback_info info) {
  (void)info;
#ifdef __GLIBC__
  malloc_trim(0);
#endif
  FILE *mappings = fopen("/proc/self/smaps", "re");
  if (!mappings) return throw_errno(env, "Cannot read /proc/self/smaps", errno);
  unmap_program_files(mappings);
  fclose(mappings);
  return NULL;
}

const struct entry memory_door[] = {
    {"releaseMemory", release_memory},
    {NULL, NULL},
};
