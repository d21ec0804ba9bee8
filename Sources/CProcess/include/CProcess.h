#pragma once

#include <spawn.h>

/// Asks the kernel to kill this process when the thread that started it ends. Does nothing where that is unknown.
void spreader_die_with_parent(void);

/// Allows no core dumps: they would write the footage's content to disk.
void spreader_forbid_core_dumps(void);

/// A pipe whose ends are closed on exec: ends[0] to read, ends[1] to write. Returns 0, or -1 with errno.
int spreader_pipe(int ends[_Nonnull 2]);

/// How to start a process. Strings and arrays stay the caller's.
struct spreader_launch {
    /// Path of the program.
    const char *_Nonnull path;
    /// Its arguments, its own name first, ended by null.
    char *_Nullable const *_Nonnull arguments;
    /// Its environment, ended by null.
    char *_Nullable const *_Nonnull environment;
    /// The folder that it works in; null for this process's.
    const char *_Nullable directory;
    /// What it reads on standard input.
    int input;
    /// What it writes on standard output.
    int output;
    /// What it writes on standard error; -1 for this process's.
    int errors;
    /// Whether it and all that it starts must stay in its process group.
    int keeps_group;
    /// The process group that it joins, and then it outlives this process; 0 for one of its own.
    int group;
};

/// Starts a process in a process group of its own, with default signals and no other open files. It dies with the
/// calling thread. Returns its number, or -1 with errno.
int spreader_start(const struct spreader_launch *_Nonnull launch);

/// What a process may still reach after `spreader_confine`.
struct spreader_reach {
    /// Files and folders that it may read, ended by null; those that don't exist are passed over.
    const char *_Nullable const *_Nonnull readable;
    /// Files and folders that it may read, write, make and remove, ended by null.
    const char *_Nullable const *_Nonnull writable;
    /// Whether files outside stay readable.
    int reads_all;
};

/// Takes files, and signals to other processes where the kernel can, from the calling thread, and from those that it
/// starts, for good.
/// Returns 0, or -1 with errno: ENOSYS and EOPNOTSUPP where the kernel knows no such thing.
int spreader_confine_files(const struct spreader_reach *_Nonnull reach);

/// Takes the network, the means to look into other processes, and the privileges of root but for those that open files,
/// from this process for good. To be called while it has one thread.
/// Returns 0, or -1 with errno.
int spreader_forbid_network(void);

/// Erases the value of an environment variable where other processes can read it, and keeps it for this one. Before other
/// threads start. Returns 0, or -1 with errno.
int spreader_hide_variable(const char *_Nonnull name);

/// Number of threads of this process; -1 where that is unknown.
int spreader_thread_count(void);

/// Takes pages as they are needed instead of in huge ones, and few pools for all threads: with pictures of some
/// megabytes, the rounding up alone takes as much as several of them. Before other threads start.
void spreader_spare_memory(void);

/// Has the kernel begin to write a file's changed pages to the disk, without waiting for them.
void spreader_begin_writeback(int descriptor);

/// Lets allocations fail beyond `bytes` of private memory.
void spreader_limit_memory(unsigned long long bytes);
