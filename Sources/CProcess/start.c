#define _GNU_SOURCE
#include "CProcess.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#include <sys/syscall.h>
#endif
#include "filter.h"

/// Keeps the process and its descendants in its process group, so that killing the group kills them all. The filter
/// also prevents set-user-ID programs from gaining rights, which would clear the parent-death signal.
static void keep_group(void) {
#ifdef SPREADER_HAS_FILTER
    static const int refused[] = {SYS_setsid, SYS_setpgid};
    spreader_refuse(refused, sizeof refused / sizeof *refused, 0);
#endif
}

/// Runs in the child between vfork and exec: must not allocate or take a lock.
static int become(const struct spreader_launch *launch, pid_t parent) {
    for (int number = 1; number < NSIG; number++) {
        if (number != SIGKILL && number != SIGSTOP) signal(number, SIG_DFL);
    }
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (setpgid(0, launch->group) != 0) return errno;
    if (launch->directory && chdir(launch->directory) != 0) return errno;
    if (dup2(launch->input, STDIN_FILENO) < 0 || dup2(launch->output, STDOUT_FILENO) < 0) return errno;
    if (launch->errors >= 0 && dup2(launch->errors, STDERR_FILENO) < 0) return errno;
#ifdef SYS_close_range
    if (syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, 0) != 0)
#endif
        for (int file = STDERR_FILENO + 1; file < 65536; file++) close(file);
#ifdef __linux__
    if (launch->group == 0) prctl(PR_SET_PDEATHSIG, SIGKILL);
    // The parent may have died before prctl took effect.
    if (getppid() != parent) return ESRCH;
#endif
    if (launch->keeps_group) keep_group();
    execve(launch->path, launch->arguments, launch->environment);
    return errno;
}

int spreader_start(const struct spreader_launch *launch) {
    sigset_t all, before;
    sigfillset(&all);
    // Block signals: a handler that ran in the child would use this process's memory.
    pthread_sigmask(SIG_BLOCK, &all, &before);
    pid_t parent = getpid();
    // The child uses this memory until exec, while this thread is suspended.
    volatile int failure = 0;
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wdeprecated-declarations"
    pid_t child = vfork();
#pragma clang diagnostic pop
    if (child == 0) {
        failure = become(launch, parent);
        _exit(127);
    }
    int refused = child < 0 ? errno : 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (child > 0 && failure != 0) {
        kill(child, SIGKILL);
        int end;
        while (waitpid(child, &end, 0) < 0 && errno == EINTR) {}
        errno = failure;
        return -1;
    }
    if (child < 0) errno = refused;
    return child;
}
