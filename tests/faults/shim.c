/* Faults of a disk and of a clock, preloaded into a process: they begin and end while it runs.

   SHIM_PREFIX is the path below which files are faulty; SHIM_CONTROL a file of int64, mapped and shared with whoever
   gives the orders (shim.py has the same list). */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { WRITE_ERRNO, WRITE_SHORT, WRITE_DELAY, SYNC_ERRNO, SYNC_DELAY, OPEN_ERRNO, RENAME_ERRNO, EVERY, CLOCK_OFFSET,
       WRITES, SYNCS, OPENS, RENAMES, FAULTS, MEMBERS };

static volatile long long *order;
static const char *prefix;
static size_t length;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("SHIM_CONTROL");
    prefix = getenv("SHIM_PREFIX");
    if (!path || !prefix) return;
    length = strlen(prefix);
    int fd = syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0);
    void *room = mmap(NULL, MEMBERS * sizeof *order, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    syscall(SYS_close, fd);
    if (room != MAP_FAILED) order = room;
}

static int below(const char *path) { return order && strncmp(path, prefix, length) == 0; }

static int named(int fd, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, path, PATH_MAX - 1);
    path[size < 0 ? 0 : size] = 0;
    return size > 0;
}

static int ours(int fd) {
    char path[PATH_MAX];
    return order && named(fd, path) && below(path);
}

/* Say whether this call, counted in `counter`, is one of those that a fault is for. */
static int due(int counter) {
    long long every = order[EVERY] > 1 ? order[EVERY] : 1;
    return __sync_add_and_fetch(&order[counter], 1) % every == 0;
}

static int fails(int what) {
    if (!order[what]) return 0;
    __sync_add_and_fetch(&order[FAULTS], 1);
    errno = order[what];
    return 1;
}

static ssize_t before_write(int fd, size_t *count) {
    if (!ours(fd) || !due(WRITES)) return 0;
    if (order[WRITE_DELAY]) usleep(order[WRITE_DELAY]);
    if (fails(WRITE_ERRNO)) return -1;
    if (order[WRITE_SHORT] && *count > (size_t)order[WRITE_SHORT]) {
        *count = order[WRITE_SHORT];
        __sync_add_and_fetch(&order[FAULTS], 1);
    }
    return 0;
}

ssize_t write(int fd, const void *data, size_t count) {
    return before_write(fd, &count) ? -1 : syscall(SYS_write, fd, data, count);
}

ssize_t pwrite(int fd, const void *data, size_t count, off_t at) {
    return before_write(fd, &count) ? -1 : syscall(SYS_pwrite64, fd, data, count, at);
}

ssize_t pwrite64(int fd, const void *data, size_t count, off64_t at) { return pwrite(fd, data, count, at); }

ssize_t writev(int fd, const struct iovec *parts, int count) {
    size_t first = count ? parts[0].iov_len : 0, size = first;
    if (before_write(fd, &size)) return -1;
    if (size < first) return syscall(SYS_write, fd, parts[0].iov_base, size);
    return syscall(SYS_writev, fd, parts, count);
}

static int before_sync(int fd) {
    if (!ours(fd) || !due(SYNCS)) return 0;
    if (order[SYNC_DELAY]) usleep(order[SYNC_DELAY]);
    return fails(SYNC_ERRNO);
}

int fsync(int fd) { return before_sync(fd) ? -1 : syscall(SYS_fsync, fd); }
int fdatasync(int fd) { return before_sync(fd) ? -1 : syscall(SYS_fdatasync, fd); }

static int opened(int folder, const char *path, int flags, mode_t mode) {
    char whole[2 * PATH_MAX + 2] = "";
    if (order && order[OPEN_ERRNO]) {
        if (path[0] == '/') snprintf(whole, sizeof whole, "%s", path);
        else if (folder != AT_FDCWD && named(folder, whole)) strncat(strcat(whole, "/"), path, PATH_MAX);
        if (below(whole) && due(OPENS) && fails(OPEN_ERRNO)) return -1;
    }
    return syscall(SYS_openat, folder, path, flags, mode);
}

#define MODE(flags) \
    mode_t mode = 0; \
    if ((flags) & (O_CREAT | __O_TMPFILE)) { \
        va_list more; \
        va_start(more, flags); \
        mode = va_arg(more, mode_t); \
        va_end(more); \
    }

int open(const char *path, int flags, ...) { MODE(flags) return opened(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE(flags) return opened(AT_FDCWD, path, flags, mode); }
int openat(int folder, const char *path, int flags, ...) { MODE(flags) return opened(folder, path, flags, mode); }
int openat64(int folder, const char *path, int flags, ...) { MODE(flags) return opened(folder, path, flags, mode); }

int renameat(int from, const char *old, int to, const char *new) {
    if (order && order[RENAME_ERRNO] && due(RENAMES) && fails(RENAME_ERRNO)) return -1;
    return syscall(SYS_renameat2, from, old, to, new, 0);
}
int rename(const char *old, const char *new) { return renameat(AT_FDCWD, old, AT_FDCWD, new); }

int clock_gettime(clockid_t clock, struct timespec *now) {
    int result = syscall(SYS_clock_gettime, clock, now);
    if (order && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += order[CLOCK_OFFSET];
    return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    struct timespec exact;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &exact);
    now->tv_sec = exact.tv_sec;
    now->tv_usec = exact.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *into) {
    struct timespec exact;
    clock_gettime(CLOCK_REALTIME, &exact);
    if (into) *into = exact.tv_sec;
    return exact.tv_sec;
}
