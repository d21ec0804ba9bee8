#pragma once

#include <spawn.h>

/// Makes the kernel kill this process when the thread that started it ends. Does nothing on systems other than Linux.
void spreader_die_with_parent(void);

/// Disables core dumps, which would write content of the footage to disk.
void spreader_forbid_core_dumps(void);

/// Creates a pipe whose ends are closed on exec: ends[0] to read, ends[1] to write. Returns 0, or -1 with errno.
int spreader_pipe(int ends[_Nonnull 2]);

/// How to start a process. The caller keeps ownership of strings and arrays.
struct spreader_launch {
    /// Path of the executable.
    const char *_Nonnull path;
    /// Null-terminated arguments, starting with the program's name.
    char *_Nullable const *_Nonnull arguments;
    /// Null-terminated environment.
    char *_Nullable const *_Nonnull environment;
    /// Working directory; null for that of this process.
    const char *_Nullable directory;
    /// Descriptor for standard input.
    int input;
    /// Descriptor for standard output.
    int output;
    /// Descriptor for standard error; -1 for that of this process.
    int errors;
    /// Whether the process and its descendants must stay in its process group.
    int keeps_group;
    /// Process group to join, in which case the process outlives the calling thread; 0 for a new group.
    int group;
};

/// Starts a process with default signal handlers and no other open descriptors. It dies with the calling thread, unless
/// it joins a process group. Returns its process id, or -1 with errno.
int spreader_start(const struct spreader_launch *_Nonnull launch);

/// The files that a process may access after `spreader_confine_files`. Skips paths that do not exist.
struct spreader_reach {
    /// Null-terminated list of files and folders that it may read.
    const char *_Nullable const *_Nonnull readable;
    /// Null-terminated list of files and folders that it may read, write, create and remove.
    const char *_Nullable const *_Nonnull writable;
    /// Whether all other files stay readable.
    int reads_all;
};

/// Denies the calling thread, and those that it starts later, access to other files and, if the kernel supports it,
/// signals to other processes. Irrevocable.
/// Returns 0, or -1 with errno: ENOSYS or EOPNOTSUPP if the kernel lacks Landlock.
int spreader_confine_files(const struct spreader_reach *_Nonnull reach);

/// Denies this process the network, access to other processes, and root's privileges except for those that open files.
/// Irrevocable. Call it while the process has one thread.
/// Returns 0, or -1 with errno.
int spreader_forbid_network(void);

/// Erases the value of an environment variable where other processes can read it, and keeps it for this process. Call
/// it before other threads start. Returns 0, or -1 with errno.
int spreader_hide_variable(const char *_Nonnull name);

/// Returns the number of threads of this process; -1 if unknown.
int spreader_thread_count(void);

/// Disables huge pages and limits the allocator to two pools: with frames of several megabytes, rounding up alone
/// would take as much memory as several frames. Call it before other threads start.
void spreader_spare_memory(void);

/// Starts to write a file's changed pages to disk, without waiting for completion.
void spreader_begin_writeback(int descriptor);

/// Makes allocations fail beyond `bytes` of private memory.
void spreader_limit_memory(unsigned long long bytes);
