#define _GNU_SOURCE
#include "CProcess.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif
#ifdef __GLIBC__
#include <malloc.h>
#endif

void spreader_die_with_parent(void) {
#ifdef __linux__
    prctl(PR_SET_PDEATHSIG, SIGKILL);
#endif
}

void spreader_forbid_core_dumps(void) {
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
#ifdef __linux__
    // Core dumps that are piped to a program ignore the limit, but not this flag.
    prctl(PR_SET_DUMPABLE, 0);
#endif
}

void spreader_spare_memory(void) {
#ifdef __linux__
    prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
#endif
#ifdef __GLIBC__
    mallopt(M_ARENA_MAX, 2);
#endif
}

void spreader_begin_writeback(int descriptor) {
#ifdef __linux__
    sync_file_range(descriptor, 0, 0, SYNC_FILE_RANGE_WRITE);
#endif
}

void spreader_limit_memory(unsigned long long bytes) {
    struct rlimit limit = {bytes, bytes};
    setrlimit(RLIMIT_DATA, &limit);
}

int spreader_pipe(int ends[2]) {
    return pipe2(ends, O_CLOEXEC);
}

int spreader_hide_variable(const char *name) {
    char *shown = getenv(name);
    if (!shown) return 0;
    char *copy = strdup(shown);
    if (!copy) return -1;
    // Other processes can read the initial environment block; setenv stores its copy elsewhere.
    int answer = setenv(name, copy, 1);
    if (answer == 0 && getenv(name) != shown) explicit_bzero(shown, strlen(shown));
    explicit_bzero(copy, strlen(copy));
    free(copy);
    return answer;
}
