#pragma once

#include <spawn.h>

/// Asks the kernel to kill this process when the thread that started it ends. Does nothing where that is unknown.
void spreader_die_with_parent(void);

/// Allows no core dumps: they would write the footage's content to disk.
void spreader_forbid_core_dumps(void);

/// A pipe whose ends are closed on exec: ends[0] to read, ends[1] to write. Returns 0, or -1 with errno.
int spreader_pipe(int ends[_Nonnull 2]);

/// Has the started process close every descriptor from `first` on.
int spreader_close_from(posix_spawn_file_actions_t *_Nonnull actions, int first);

/// Has the started process begin in the folder `path`.
int spreader_start_in(posix_spawn_file_actions_t *_Nonnull actions, const char *_Nonnull path);

/// Takes pages as they are needed instead of in huge ones, and few pools for all threads: with pictures of some
/// megabytes, the rounding up alone takes as much as several of them. Before other threads start.
void spreader_spare_memory(void);

/// Has the kernel begin to write a file's changed pages to the disk, without waiting for them.
void spreader_begin_writeback(int descriptor);

/// Lets allocations fail beyond `bytes` of private memory.
void spreader_limit_memory(unsigned long long bytes);
