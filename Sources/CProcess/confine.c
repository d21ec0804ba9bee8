#define _GNU_SOURCE
#include "CProcess.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>
#include "filter.h"

#ifdef __linux__
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

// The Landlock ABI as the kernel documents it, because installed headers may be older than the kernel.
#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule 445
#define SYS_landlock_restrict_self 446
#endif

// System call numbers that all supported processors share, and that headers may lack.
enum { pidfd_getfd_call = 438, setxattrat_call = 463 };

struct ruleset {
    uint64_t files;
    uint64_t network;
    uint64_t scoped;
};
enum {
    // Deny abstract Unix sockets of, and signals to, processes outside the sandbox.
    scope_sockets = 1 << 0,
    scope_signals = 1 << 1,
};
struct path_rule {
    uint64_t allowed;
    int32_t parent;
} __attribute__((packed));

enum {
    execute = 1 << 0,
    write_file = 1 << 1,
    read_file = 1 << 2,
    read_folder = 1 << 3,
    every_right = (1 << 13) - 1,
    refer = 1 << 13,
    truncate_file = 1 << 14,
    device_control = 1 << 15,
    // The rights that apply to files as opposed to folders.
    file_rights = execute | write_file | read_file | truncate_file | device_control,
};

static int allow(int rules, const char *path, uint64_t rights) {
    int file = open(path, O_PATH | O_CLOEXEC);
    if (file < 0) return errno == ENOENT || errno == EACCES || errno == ENOTDIR ? 0 : -1;
    struct stat facts;
    int answer = fstat(file, &facts);
    if (answer == 0) {
        if (!S_ISDIR(facts.st_mode)) rights &= file_rights;
        struct path_rule rule = {rights, file};
        answer = (int)syscall(SYS_landlock_add_rule, rules, 1, &rule, 0);
    }
    int cause = errno;
    close(file);
    errno = cause;
    return answer;
}

/// Drops root's capabilities except for those that open files: some let a process read another process's environment
/// despite Landlock.
static int drop_privileges(void) {
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2] = {{0}, {0}};
    const uint32_t kept = 1u << CAP_DAC_OVERRIDE | 1u << CAP_DAC_READ_SEARCH;
    if (syscall(SYS_capget, &header, data) != 0) return -1;
    for (int index = 0; index < 2; index++) {
        data[index].permitted &= index == 0 ? kept : 0;
        data[index].effective &= data[index].permitted;
        data[index].inheritable = 0;
    }
    return (int)syscall(SYS_capset, &header, data);
}

int spreader_confine_files(const struct spreader_reach *reach) {
    int version = (int)syscall(SYS_landlock_create_ruleset, NULL, 0, 1);
    if (version < 0) return -1;
    uint64_t handled = every_right;
    if (version >= 2) handled |= refer;
    if (version >= 3) handled |= truncate_file;
    if (version >= 5) handled |= device_control;
    uint64_t reading = read_file | read_folder;
    if (reach->reads_all) handled &= ~(reading | execute);
    struct ruleset rules_of = {.files = handled};
    size_t size = sizeof rules_of.files;
    if (version >= 6) {
        rules_of.scoped = scope_sockets | scope_signals;
        size = sizeof rules_of;
    }
    int rules = (int)syscall(SYS_landlock_create_ruleset, &rules_of, size, 0);
    if (rules < 0) return -1;
    int answer = 0;
    if (!reach->reads_all) {
        for (const char *const *path = reach->readable; answer == 0 && *path; path++) {
            answer = allow(rules, *path, reading);
        }
    }
    for (const char *const *path = reach->writable; answer == 0 && *path; path++) {
        answer = allow(rules, *path, handled & ~(uint64_t)execute);
    }
    if (answer == 0) answer = drop_privileges();
    if (answer == 0) answer = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (answer == 0) answer = (int)syscall(SYS_landlock_restrict_self, rules, 0);
    int cause = errno;
    close(rules);
    errno = cause;
    return answer == 0 ? 0 : -1;
}

int spreader_thread_count(void) {
    DIR *tasks = opendir("/proc/self/task");
    if (!tasks) return -1;
    int count = 0;
    for (struct dirent *entry = readdir(tasks); entry; entry = readdir(tasks)) count += entry->d_name[0] != '.';
    closedir(tasks);
    return count;
}
#else
int spreader_confine_files(const struct spreader_reach *reach) {
    (void)reach;
    errno = ENOSYS;
    return -1;
}

int spreader_thread_count(void) { return -1; }
#endif

int spreader_forbid_network(void) {
#ifdef SPREADER_HAS_FILTER
    // Besides the network: calls that affect other processes, the kernel or keyrings, and changes of file owners and
    // extended attributes, which no stage needs.
    static const int refused[] = {
        SYS_socket, SYS_socketpair, SYS_connect, SYS_bind, SYS_io_uring_setup, SYS_ptrace, SYS_process_vm_readv,
        SYS_process_vm_writev, SYS_execve, SYS_execveat, SYS_setsid, SYS_setpgid, SYS_keyctl, SYS_add_key,
        SYS_request_key, SYS_bpf, SYS_perf_event_open, SYS_userfaultfd, SYS_unshare, SYS_setns, SYS_mount, SYS_fchown,
        SYS_fchownat, SYS_setxattr, SYS_lsetxattr, SYS_fsetxattr,
#ifdef SYS_chown
        SYS_chown, SYS_lchown,
#endif
        pidfd_getfd_call, setxattrat_call,
    };
    if (drop_privileges() != 0) return -1;
    return spreader_refuse(refused, sizeof refused / sizeof *refused, SECCOMP_FILTER_FLAG_TSYNC);
#else
    errno = ENOSYS;
    return -1;
#endif
}
