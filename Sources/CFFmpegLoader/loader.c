// Loads FFmpeg's libraries at the first call into them instead of at the start of the program.
//
// Debian's libavfilter depends on some 160 shared libraries, which cost 45 ms before main() is reached. Commands
// without media work should not pay for that, and a machine without the libraries should get a message that says what
// to install. So every function that Media calls is defined here as a jump through a pointer. While the pointers are
// empty, the jump first loads the libraries and fills all pointers, preserving the caller's arguments in registers.
// libavfilter is loaded separately, since probing and copying don't need it.
// A function missing from these lists is an undefined symbol at link time: add it to its list.
#include "CFFmpegLoader.h"
#include <dlfcn.h>
#include <libavcodec/version.h>
#include <libavfilter/version.h>
#include <libavformat/version.h>
#include <libavutil/version.h>
#include <libswresample/version.h>
#include <libswscale/version.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

// clang-format off
#define FUNCTIONS(X) \
    X(av_audio_fifo_alloc) \
    X(av_audio_fifo_free) \
    X(av_audio_fifo_read) \
    X(av_audio_fifo_size) \
    X(av_audio_fifo_write) \
    X(av_channel_layout_copy) \
    X(av_channel_layout_default) \
    X(av_channel_layout_describe) \
    X(av_channel_layout_uninit) \
    X(av_color_primaries_from_name) \
    X(av_color_primaries_name) \
    X(av_color_range_from_name) \
    X(av_color_range_name) \
    X(av_color_space_from_name) \
    X(av_color_space_name) \
    X(av_color_transfer_from_name) \
    X(av_color_transfer_name) \
    X(av_d2q) \
    X(av_dict_free) \
    X(av_dict_get) \
    X(av_dict_set) \
    X(av_display_matrix_flip) \
    X(av_display_rotation_set) \
    X(av_fourcc_make_string) \
    X(av_frame_alloc) \
    X(av_frame_free) \
    X(av_frame_get_buffer) \
    X(av_frame_get_side_data) \
    X(av_frame_move_ref) \
    X(av_frame_ref) \
    X(av_frame_remove_side_data) \
    X(av_frame_unref) \
    X(av_free) \
    X(av_freep) \
    X(av_get_pix_fmt) \
    X(av_get_pix_fmt_name) \
    X(av_get_sample_fmt) \
    X(av_get_sample_fmt_name) \
    X(av_guess_sample_aspect_ratio) \
    X(av_interleaved_write_frame) \
    X(av_log_format_line2) \
    X(av_log_set_callback) \
    X(av_mallocz) \
    X(av_max_alloc) \
    X(av_new_packet) \
    X(av_packet_alloc) \
    X(av_packet_copy_props) \
    X(av_packet_free) \
    X(av_packet_move_ref) \
    X(av_packet_rescale_ts) \
    X(av_packet_unref) \
    X(av_pix_fmt_desc_get) \
    X(av_probe_input_buffer2) \
    X(av_read_frame) \
    X(av_reduce) \
    X(av_rescale_q) \
    X(av_samples_set_silence) \
    X(av_seek_frame) \
    X(av_strdup) \
    X(av_stream_get_side_data) \
    X(av_stream_new_side_data) \
    X(av_strerror) \
    X(av_version_info) \
    X(av_write_trailer) \
    X(avcodec_alloc_context3) \
    X(avcodec_descriptor_get_by_name) \
    X(avcodec_find_decoder) \
    X(avcodec_find_decoder_by_name) \
    X(avcodec_find_encoder_by_name) \
    X(avcodec_flush_buffers) \
    X(avcodec_free_context) \
    X(avcodec_get_class) \
    X(avcodec_get_name) \
    X(avcodec_open2) \
    X(avcodec_parameters_alloc) \
    X(avcodec_parameters_copy) \
    X(avcodec_parameters_free) \
    X(avcodec_parameters_from_context) \
    X(avcodec_parameters_to_context) \
    X(avcodec_profile_name) \
    X(avcodec_receive_frame) \
    X(avcodec_receive_packet) \
    X(avcodec_send_frame) \
    X(avcodec_send_packet) \
    X(avcodec_version) \
    X(avformat_alloc_context) \
    X(avformat_alloc_output_context2) \
    X(avformat_close_input) \
    X(avformat_find_stream_info) \
    X(avformat_free_context) \
    X(avformat_new_stream) \
    X(avformat_open_input) \
    X(avformat_seek_file) \
    X(avformat_version) \
    X(avformat_write_header) \
    X(avio_closep) \
    X(avio_open) \
    X(avio_open2) \
    X(avio_seek) \
    X(avutil_version) \
    X(swresample_version) \
    X(swscale_version)
#define FILTER_FUNCTIONS(X) \
    X(av_buffersink_get_frame) \
    X(av_buffersink_get_time_base) \
    X(av_buffersrc_add_frame_flags) \
    X(av_buffersrc_close) \
    X(av_buffersrc_parameters_alloc) \
    X(av_buffersrc_parameters_set) \
    X(avfilter_get_by_name) \
    X(avfilter_graph_alloc) \
    X(avfilter_graph_alloc_filter) \
    X(avfilter_graph_config) \
    X(avfilter_graph_create_filter) \
    X(avfilter_graph_free) \
    X(avfilter_graph_parse_ptr) \
    X(avfilter_init_str) \
    X(avfilter_inout_alloc) \
    X(avfilter_inout_free) \
    X(avfilter_version)
// clang-format on

#define DECLARE(name) __attribute__((visibility("hidden"))) void *spreader_pointer_##name = NULL;
FUNCTIONS(DECLARE)
FILTER_FUNCTIONS(DECLARE)

struct function {
    const char *name;
    void **pointer;
};
#define ENTRY(name) {#name, &spreader_pointer_##name},
static const struct function functions[] = {FUNCTIONS(ENTRY)};
static const struct function filterFunctions[] = {FILTER_FUNCTIONS(ENTRY)};

#define TEXT_OF(number) #number
#define TEXT(number) TEXT_OF(number)
#define LIBRARY(name, major) "lib" name ".so." TEXT(major)

static const char *const libraries[] = {
    LIBRARY("avutil", LIBAVUTIL_VERSION_MAJOR),   LIBRARY("swresample", LIBSWRESAMPLE_VERSION_MAJOR),
    LIBRARY("swscale", LIBSWSCALE_VERSION_MAJOR), LIBRARY("avcodec", LIBAVCODEC_VERSION_MAJOR),
    LIBRARY("avformat", LIBAVFORMAT_VERSION_MAJOR),
};
static const char *const filterLibraries[] = {LIBRARY("avfilter", LIBAVFILTER_VERSION_MAJOR)};
enum { maximumLibraries = 8 };
#define COUNT(array) (sizeof array / sizeof *array)

/// Why a group of functions could not be loaded; empty if it was.
typedef char Problem[512];
static Problem problem, filterProblem;

static void load(const char *const *names, size_t nameCount, const struct function *wanted, size_t count, Problem why) {
    // Never closed, since frames and callbacks of the libraries live until the process ends.
    void *handles[maximumLibraries];
    for (size_t i = 0; i < nameCount; i++) {
        handles[i] = dlopen(names[i], RTLD_LAZY | RTLD_LOCAL);
        if (!handles[i]) {
            snprintf(why, sizeof(Problem), "%s", dlerror());
            return;
        }
    }
    for (size_t f = 0; f < count; f++) {
        void *found = NULL;
        for (size_t i = 0; i < nameCount && !found; i++) found = dlsym(handles[i], wanted[f].name);
        if (!found) {
            snprintf(why, sizeof(Problem), "FFmpeg's libraries have no function %s", wanted[f].name);
            return;
        }
        __atomic_store_n(wanted[f].pointer, found, __ATOMIC_RELEASE);
    }
}

static void loadCore(void) { load(libraries, COUNT(libraries), functions, COUNT(functions), problem); }
static void loadFilters(void) {
    load(filterLibraries, COUNT(filterLibraries), filterFunctions, COUNT(filterFunctions), filterProblem);
}

const char *spreader_ffmpeg_load(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, loadCore);
    return *problem ? problem : NULL;
}

const char *spreader_ffmpeg_load_filters(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    const char *reason = spreader_ffmpeg_load();
    if (reason) return reason;
    pthread_once(&once, loadFilters);
    return *filterProblem ? filterProblem : NULL;
}

/// Slow path of a call before the libraries are loaded. Ends the process if loading fails, since the call can't return
/// an error: callers check `spreader_ffmpeg_load` or `spreader_ffmpeg_load_filters` first.
__attribute__((visibility("hidden"), used)) void spreader_ffmpeg_require(int isFilter) {
    const char *reason = isFilter ? spreader_ffmpeg_load_filters() : spreader_ffmpeg_load();
    if (!reason) return;
    dprintf(STDERR_FILENO, "error: FFmpeg's libraries can't be loaded: %s\n", reason);
    _exit(78);
}

#if defined(__x86_64__)
// Preserves the six integer and eight vector argument registers, and rax, which counts the latter in variadic calls.
// r11 is 1 for a libavfilter function and 0 otherwise.
__asm__(
    ".text\n"
    ".type spreader_ffmpeg_enter, @function\n"
    "spreader_ffmpeg_enter:\n"
    "  push %rdi\n  push %rsi\n  push %rdx\n  push %rcx\n  push %r8\n  push %r9\n  push %rax\n"
    "  sub $136, %rsp\n"
    "  movups %xmm0, (%rsp)\n  movups %xmm1, 16(%rsp)\n  movups %xmm2, 32(%rsp)\n  movups %xmm3, 48(%rsp)\n"
    "  movups %xmm4, 64(%rsp)\n  movups %xmm5, 80(%rsp)\n  movups %xmm6, 96(%rsp)\n  movups %xmm7, 112(%rsp)\n"
    "  mov %r11d, %edi\n  call spreader_ffmpeg_require\n"
    "  movups (%rsp), %xmm0\n  movups 16(%rsp), %xmm1\n  movups 32(%rsp), %xmm2\n  movups 48(%rsp), %xmm3\n"
    "  movups 64(%rsp), %xmm4\n  movups 80(%rsp), %xmm5\n  movups 96(%rsp), %xmm6\n  movups 112(%rsp), %xmm7\n"
    "  add $136, %rsp\n"
    "  pop %rax\n  pop %r9\n  pop %r8\n  pop %rcx\n  pop %rdx\n  pop %rsi\n  pop %rdi\n"
    "  ret\n");
#define JUMP(name, isFilter) \
    __asm__(".text\n.globl " #name "\n.hidden " #name "\n.type " #name ", @function\n" #name ":\n" \
            "  endbr64\n" \
            "  mov spreader_pointer_" #name "(%rip), %r11\n" \
            "  test %r11, %r11\n  jz 1f\n  jmp *%r11\n" \
            "1: mov $" #isFilter ", %r11d\n  call spreader_ffmpeg_enter\n" \
            "  jmp *spreader_pointer_" #name "(%rip)\n" \
            ".size " #name ", . - " #name "\n");
#elif defined(__aarch64__)
// Preserves the eight integer argument registers, x8 for returned structures, and the eight vector argument registers.
// x9 is 1 for a libavfilter function and 0 otherwise.
__asm__(
    ".text\n"
    ".type spreader_ffmpeg_enter, @function\n"
    "spreader_ffmpeg_enter:\n"
    "  stp x29, x30, [sp, #-224]!\n"
    "  stp x0, x1, [sp, #16]\n  stp x2, x3, [sp, #32]\n  stp x4, x5, [sp, #48]\n  stp x6, x7, [sp, #64]\n"
    "  str x8, [sp, #80]\n"
    "  stp q0, q1, [sp, #96]\n  stp q2, q3, [sp, #128]\n  stp q4, q5, [sp, #160]\n  stp q6, q7, [sp, #192]\n"
    "  mov w0, w9\n  bl spreader_ffmpeg_require\n"
    "  ldp x0, x1, [sp, #16]\n  ldp x2, x3, [sp, #32]\n  ldp x4, x5, [sp, #48]\n  ldp x6, x7, [sp, #64]\n"
    "  ldr x8, [sp, #80]\n"
    "  ldp q0, q1, [sp, #96]\n  ldp q2, q3, [sp, #128]\n  ldp q4, q5, [sp, #160]\n  ldp q6, q7, [sp, #192]\n"
    "  ldp x29, x30, [sp], #224\n"
    "  ret\n");
#define JUMP(name, isFilter) \
    __asm__(".text\n.globl " #name "\n.hidden " #name "\n.type " #name ", @function\n" #name ":\n" \
            "  adrp x16, spreader_pointer_" #name "\n" \
            "  ldr x16, [x16, :lo12:spreader_pointer_" #name "]\n" \
            "  cbz x16, 1f\n  br x16\n" \
            "1: stp x29, x30, [sp, #-16]!\n  mov w9, #" #isFilter "\n  bl spreader_ffmpeg_enter\n" \
            "  ldp x29, x30, [sp], #16\n" \
            "  adrp x16, spreader_pointer_" #name "\n" \
            "  ldr x16, [x16, :lo12:spreader_pointer_" #name "]\n" \
            "  br x16\n" \
            ".size " #name ", . - " #name "\n");
#else
#error "no jumps for this processor: add them, or link FFmpeg's libraries directly"
#endif
#define CORE_JUMP(name) JUMP(name, 0)
#define FILTER_JUMP(name) JUMP(name, 1)
FUNCTIONS(CORE_JUMP)
FILTER_FUNCTIONS(FILTER_JUMP)
