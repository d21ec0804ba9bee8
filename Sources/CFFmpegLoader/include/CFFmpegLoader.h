#pragma once
#include <stddef.h>

/// Loads FFmpeg's libraries except libavfilter, if not done yet. Safe to call from any thread.
/// Returns NULL on success, otherwise the reason, which is valid for the life of the process.
const char *_Nullable spreader_ffmpeg_load(void);

/// Loads libavfilter as well, with the same result.
const char *_Nullable spreader_ffmpeg_load_filters(void);

/// Finds the installed font used for `family`; writes its family name to `found` and its path to `file`.
/// Returns 0 if no font is installed, 1 for a substitute, 2 for the family itself.
int spreader_font_installed(
    const char *_Nonnull family, char *_Nonnull found, size_t size, char *_Nonnull file, size_t file_size);

/// Writes the family name of a font file to `family`. Returns 0 if the file is not a font.
int spreader_font_family(const char *_Nonnull path, char *_Nonnull family, size_t size);
