#pragma once

// Refusing system calls with seccomp, on Linux for x86-64 and arm64.
#if defined(__linux__) && (defined(__x86_64__) || defined(__aarch64__))
#define SPREADER_HAS_FILTER 1

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define SPREADER_ARCHITECTURE AUDIT_ARCH_X86_64
#else
#define SPREADER_ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

/// Makes the kernel refuse system calls with EPERM, irrevocably. Kills a program for another processor architecture,
/// because its calls have other numbers. Does not allocate. Returns 0, or -1 with errno.
static int spreader_refuse(const int *calls, unsigned count, unsigned flags) {
    enum { most = 64 };
    struct sock_filter steps[most + 8];
    unsigned length = 0;
    if (count > most) {
        errno = E2BIG;
        return -1;
    }
#define STEP(value) steps[length++] = (struct sock_filter)value
    STEP(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)));
    STEP(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SPREADER_ARCHITECTURE, 1, 0));
    STEP(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS));
    STEP(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)));
#if defined(__x86_64__)
    // Refuse all x32 calls: they have other numbers.
    STEP(BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, (unsigned char)(count + 1), 0));
#endif
    for (unsigned index = 0; index < count; index++) {
        STEP(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)calls[index], (unsigned char)(count - index), 0));
    }
    STEP(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    STEP(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM));
#undef STEP
    struct sock_fprog program = {(unsigned short)length, steps};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return -1;
    return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
}
#endif
