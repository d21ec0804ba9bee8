#pragma once
#include <stddef.h>

/// Loads FFmpeg's libraries but libavfilter when that has not been done yet; safe from any thread.
/// Returns NULL, or what stands in the way, valid for the life of the process.
const char *_Nullable spreader_ffmpeg_load(void);

/// Loads libavfilter too.
const char *_Nullable spreader_ffmpeg_load_filters(void);

/// Which installed font is used for `family`: its name goes to `found`, its path to `file`.
/// Returns 0 when there is no font at all, 1 when another stands in, 2 when it is the one.
int spreader_font_installed(
    const char *_Nonnull family, char *_Nonnull found, size_t size, char *_Nonnull file, size_t file_size);

/// The family's name in a font file. Returns 0 when the file is no font.
int spreader_font_family(const char *_Nonnull path, char *_Nonnull family, size_t size);
