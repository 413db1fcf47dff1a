// Loaded before a server's own libraries, it makes each durable write wait as long as the file that
// SLOW_DISK names says (in milliseconds; missing or empty: not at all). Reads and writes that need
// not last are as fast as ever, as with a disk whose cache hides everything but a flush.
#undef _FILE_OFFSET_BITS  // it would make one symbol of the two that are called
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static void wait_for_the_disk(void) {
  const char* path = getenv("SLOW_DISK");
  FILE* file = path == NULL ? NULL : fopen(path, "r");
  long delay_ms = 0;
  if (file == NULL) return;
  if (fscanf(file, "%ld", &delay_ms) != 1) delay_ms = 0;
  fclose(file);
  struct timespec rest = {delay_ms / 1000, delay_ms % 1000 * 1000000};
  while (nanosleep(&rest, &rest) != 0) {
  }
}

static int is_durable(int fd) {
  const int flags = fcntl(fd, F_GETFL);
  return flags >= 0 && (flags & O_DSYNC) != 0;
}

ssize_t pwrite64(int fd, const void* bytes, size_t count, off64_t offset) {
  ssize_t (*write)(int, const void*, size_t, off64_t);
  *(void**)&write = dlsym(RTLD_NEXT, "pwrite64");
  if (is_durable(fd)) wait_for_the_disk();
  return write(fd, bytes, count, offset);
}

ssize_t pwrite(int fd, const void* bytes, size_t count, off_t offset) {
  return pwrite64(fd, bytes, count, offset);
}

int fdatasync(int fd) {
  int (*sync)(int);
  *(void**)&sync = dlsym(RTLD_NEXT, "fdatasync");
  wait_for_the_disk();
  return sync(fd);
}
