/* A disk and a clock that misbehave, for the tests of faults: preloaded into a process, it delays or
 * fails what the process does to its database, as the file named by LIFEBOAT_FAULT_FILE says at that
 * moment, and sets the wall clock off by LIFEBOAT_FAULT_CLOCK_SECONDS.
 *
 * The file holds any of: sync_ms=N (every sync takes so long), write_errno=N (every write fails so).
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

static long setting(const char *name) {
    const char *path = getenv("LIFEBOAT_FAULT_FILE");
    if (!path) return 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    char text[128] = {0};
    ssize_t length = read(fd, text, sizeof text - 1);
    close(fd);
    if (length <= 0) return 0;
    const char *found = strstr(text, name);
    return found ? atol(found + strlen(name)) : 0;
}

static int is_database(int fd) {
    char link[64], path[4096] = {0};
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    return readlink(link, path, sizeof path - 1) > 0 && strstr(path, "/lifeboat.db");
}

static int fails(int fd) {
    if (!getenv("LIFEBOAT_FAULT_FILE") || !is_database(fd)) return 0;
    long code = setting("write_errno=");
    if (code) errno = (int)code;
    return code != 0;
}

static void take_time(int fd) {
    if (!getenv("LIFEBOAT_FAULT_FILE") || !is_database(fd)) return;
    long ms = setting("sync_ms=");
    struct timespec span = {ms / 1000, ms % 1000 * 1000000};
    if (ms) nanosleep(&span, NULL);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

int fsync(int fd) {
    take_time(fd);
    return REAL(fsync)(fd);
}

int fdatasync(int fd) {
    take_time(fd);
    return REAL(fdatasync)(fd);
}

ssize_t write(int fd, const void *bytes, size_t length) {
    return fails(fd) ? -1 : REAL(write)(fd, bytes, length);
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at) {
    return fails(fd) ? -1 : REAL(pwrite)(fd, bytes, length, at);
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t at) {
    return fails(fd) ? -1 : REAL(pwrite64)(fd, bytes, length, at);
}

int clock_gettime(clockid_t id, struct timespec *at) {
    int outcome = REAL(clock_gettime)(id, at);
    const char *seconds = getenv("LIFEBOAT_FAULT_CLOCK_SECONDS");
    if (outcome == 0 && id == CLOCK_REALTIME && seconds) at->tv_sec += atol(seconds);
    return outcome;
}
