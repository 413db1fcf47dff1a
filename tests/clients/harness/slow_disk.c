// Loaded before a server's own libraries, it makes the disk as bad as the file that SLOW_DISK names
// says (missing or empty: not at all): "MS" makes each durable write and flush wait so many
// milliseconds; "MS ERRNO PART" makes them fail as well where the file's path contains PART. Reads
// and writes that need not last are as fast as ever, as with a disk whose cache hides everything
// but a flush.
#undef _FILE_OFFSET_BITS  // it would make one symbol of the two that are called
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

typedef struct {
  long delay_ms;
  int error;
  char path_part[64];
} Badness;

static Badness badness(void) {
  Badness said = {0, 0, ""};
  const char* path = getenv("SLOW_DISK");
  FILE* file = path == NULL ? NULL : fopen(path, "r");
  if (file == NULL) return said;
  if (fscanf(file, "%ld %d %63s", &said.delay_ms, &said.error, said.path_part) < 1) {
    said.delay_ms = 0;
  }
  fclose(file);
  return said;
}

static int concerns(const Badness* said, int fd) {
  char link[64];
  char path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t size = readlink(link, path, sizeof path - 1);
  if (size < 0) return 0;
  path[size] = '\0';
  return strstr(path, said->path_part) != NULL;
}

// Waits for the disk; false, with errno set, when it fails.
static int disk_obeys(int fd) {
  const Badness said = badness();
  struct timespec rest = {said.delay_ms / 1000, said.delay_ms % 1000 * 1000000};
  while (nanosleep(&rest, &rest) != 0) {
  }
  if (said.error == 0 || !concerns(&said, fd)) return 1;
  errno = said.error;
  return 0;
}

static int is_durable(int fd) {
  const int flags = fcntl(fd, F_GETFL);
  return flags >= 0 && (flags & O_DSYNC) != 0;
}

ssize_t pwrite64(int fd, const void* bytes, size_t count, off64_t offset) {
  ssize_t (*write)(int, const void*, size_t, off64_t);
  *(void**)&write = dlsym(RTLD_NEXT, "pwrite64");
  if (is_durable(fd) && !disk_obeys(fd)) return -1;
  return write(fd, bytes, count, offset);
}

ssize_t pwrite(int fd, const void* bytes, size_t count, off_t offset) {
  return pwrite64(fd, bytes, count, offset);
}

int fdatasync(int fd) {
  int (*sync)(int);
  *(void**)&sync = dlsym(RTLD_NEXT, "fdatasync");
  return disk_obeys(fd) ? sync(fd) : -1;
}
