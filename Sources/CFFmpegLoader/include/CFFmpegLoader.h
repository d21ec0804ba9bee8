#pragma once

/// Loads FFmpeg's libraries when that has not been done yet; safe from any thread.
/// Returns NULL, or what stands in the way, valid for the life of the process.
const char *_Nullable spreader_ffmpeg_load(void);
