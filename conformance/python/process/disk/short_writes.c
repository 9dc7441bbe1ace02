/* Preloaded into the server: writes to files below SHORT_WRITES_UNDER now and then take only a part of
 * what they are given, as POSIX lets them, and the caller has to write the rest. strace cannot do that:
 * it can only claim it. With SHORT_WRITES_FAIL_ONE_IN=n, one in n of those rests is an I/O error.
 * Each shortened write leaves an 's' in the file SHORT_WRITES_LOG, each error an 'e'. */
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

static __thread unsigned dice;
static __thread int rest_fails;

static unsigned roll(void) {
    if (dice == 0) {
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        dice = (unsigned)now.tv_nsec ^ (unsigned)gettid();
    }
    return (unsigned)rand_r(&dice);
}

static int is_ours(int fd) {
    const char *under = getenv("SHORT_WRITES_UNDER");
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = under ? readlink(link, path, sizeof path - 1) : -1;
    if (length < 0)
        return 0;
    path[length] = 0;
    return strncmp(path, under, strlen(under)) == 0;
}

static void note(char what) {
    int fd = open(getenv("SHORT_WRITES_LOG"), O_WRONLY | O_CREAT | O_APPEND, 0600);
    ssize_t (*real)(int, const void *, size_t) = dlsym(RTLD_NEXT, "write");
    if (fd >= 0) {
        (void)!real(fd, &what, 1);
        close(fd);
    }
}

/* How much of `length` is to be written; -1 for an error. */
static ssize_t share(int fd, size_t length) {
    if (!is_ours(fd))
        return (ssize_t)length;
    if (rest_fails) {
        rest_fails = 0;
        note('e');
        errno = EIO;
        return -1;
    }
    if (length < 2 || roll() % 3 != 0)
        return (ssize_t)length;
    const char *fail = getenv("SHORT_WRITES_FAIL_ONE_IN");
    rest_fails = fail != NULL && roll() % (unsigned)atoi(fail) == 0;
    note('s');
    return (ssize_t)(1 + roll() % (length - 1));
}

ssize_t write(int fd, const void *bytes, size_t length) {
    ssize_t (*real)(int, const void *, size_t) = dlsym(RTLD_NEXT, "write");
    ssize_t taken = share(fd, length);
    return taken < 0 ? -1 : real(fd, bytes, (size_t)taken);
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t at) {
    ssize_t (*real)(int, const void *, size_t, off64_t) = dlsym(RTLD_NEXT, "pwrite64");
    ssize_t taken = share(fd, length);
    return taken < 0 ? -1 : real(fd, bytes, (size_t)taken, at);
}
