// FFmpeg's headers, and wrappers for what Swift can't import: macros, variadic functions, and fields that changed
// between FFmpeg 5.1, 6 and 7. Every function is `static inline`, keeps no state and owns nothing.
#pragma once
#include <errno.h>
#include <libavcodec/avcodec.h>
#include <libavfilter/avfilter.h>
#include <libavfilter/buffersink.h>
#include <libavfilter/buffersrc.h>
#include <libavformat/avformat.h>
#include <libavutil/audio_fifo.h>
#include <libavutil/channel_layout.h>
#include <libavutil/display.h>
#include <libavutil/dovi_meta.h>
#include <libavutil/imgutils.h>
#include <libavutil/log.h>
#include <libavutil/mastering_display_metadata.h>
#include <libavutil/mem.h>
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>
#include <libavutil/sha.h>
#include <libswresample/swresample.h>
#include <libswscale/swscale.h>
#include <string.h>

// Error numbers: AVERROR() and FFERRTAG() are macros.
static inline int spreader_error_posix(int number) { return AVERROR(number); }
static inline int spreader_error_end_of_file(void) { return AVERROR_EOF; }
static inline int spreader_error_try_again(void) { return AVERROR(EAGAIN); }
static inline int spreader_error_invalid_data(void) { return AVERROR_INVALIDDATA; }
static inline int spreader_error_exit(void) { return AVERROR_EXIT; }
static inline int spreader_error_decoder_not_found(void) { return AVERROR_DECODER_NOT_FOUND; }

static inline int64_t spreader_no_timestamp(void) { return AV_NOPTS_VALUE; }

/// Writes a four-character code as text; `buffer` must hold AV_FOURCC_MAX_STRING_SIZE bytes.
static inline void spreader_fourcc(char *buffer, uint32_t tag) { av_fourcc_make_string(buffer, tag); }

/// Side data of a stream, which keeps owning it, or NULL. Lies in the stream before FFmpeg 6.1, in its codec parameters
/// since then.
static inline const uint8_t *spreader_stream_side_data(
    const AVStream *stream, enum AVPacketSideDataType type, size_t *size
) {
#if LIBAVCODEC_VERSION_INT >= AV_VERSION_INT(60, 31, 100)
    const AVPacketSideData *data = av_packet_side_data_get(
        stream->codecpar->coded_side_data, stream->codecpar->nb_coded_side_data, type);
    if (size) *size = data ? data->size : 0;
    return data ? data->data : NULL;
#else
    return av_stream_get_side_data(stream, type, size);
#endif
}

/// Attaches a display matrix with a clockwise rotation to an output stream. For sample footage only.
static inline int spreader_stream_set_rotation(AVStream *stream, double degrees, int mirror) {
    const size_t size = 9 * sizeof(int32_t);
#if LIBAVCODEC_VERSION_INT >= AV_VERSION_INT(60, 31, 100)
    AVPacketSideData *data = av_packet_side_data_new(
        &stream->codecpar->coded_side_data, &stream->codecpar->nb_coded_side_data, AV_PKT_DATA_DISPLAYMATRIX, size, 0);
    int32_t *matrix = data ? (int32_t *)data->data : NULL;
#else
    int32_t *matrix = (int32_t *)av_stream_new_side_data(stream, AV_PKT_DATA_DISPLAYMATRIX, size);
#endif
    if (!matrix) return AVERROR(ENOMEM);
    av_display_rotation_set(matrix, degrees);
    if (mirror) av_display_matrix_flip(matrix, 1, 0);
    return 0;
}

/// Replaces the codec header of a stream by a copy of `bytes`, with the padding that FFmpeg requires.
static inline int spreader_set_extradata(AVCodecParameters *parameters, const uint8_t *bytes, size_t size) {
    uint8_t *copy = (uint8_t *)av_mallocz(size + AV_INPUT_BUFFER_PADDING_SIZE);
    if (!copy) return AVERROR(ENOMEM);
    memcpy(copy, bytes, size);
    av_freep(&parameters->extradata);
    parameters->extradata = copy;
    parameters->extradata_size = (int)size;
    return 0;
}

/// Duration of a frame in its time base, 0 if unknown: `pkt_duration` before FFmpeg 6, `duration` since then.
static inline int64_t spreader_frame_duration(const AVFrame *frame) {
#if LIBAVUTIL_VERSION_INT >= AV_VERSION_INT(57, 30, 100)
    return frame->duration;
#else
    return frame->pkt_duration;
#endif
}

/// Whether a frame is interlaced: a member before FFmpeg 6.1, a flag since then.
static inline int spreader_frame_is_interlaced(const AVFrame *frame) {
#if LIBAVUTIL_VERSION_INT >= AV_VERSION_INT(58, 7, 100)
    return (frame->flags & AV_FRAME_FLAG_INTERLACED) != 0;
#else
    return frame->interlaced_frame;
#endif
}

/// Marks a frame as interlaced. For sample footage only.
static inline void spreader_frame_set_interlaced(AVFrame *frame, int topFieldFirst) {
#if LIBAVUTIL_VERSION_INT >= AV_VERSION_INT(58, 7, 100)
    frame->flags |= AV_FRAME_FLAG_INTERLACED | (topFieldFirst ? AV_FRAME_FLAG_TOP_FIELD_FIRST : 0);
#else
    frame->interlaced_frame = 1;
    frame->top_field_first = topFieldFirst;
#endif
}

/// Removes all side data of a frame, such as captions, HDR metadata and orientation.
static inline void spreader_frame_drop_side_data(AVFrame *frame) {
    while (frame->nb_side_data > 0) av_frame_remove_side_data(frame, frame->side_data[0]->type);
}

/// Sets the input format of a `buffer` source that is not yet initialised.
/// Since FFmpeg 7 colour takes part in the format negotiation, so it must be set as well.
static inline int spreader_buffersrc_set_video(
    AVFilterContext *source, const AVFrame *frame, AVRational timeBase, AVRational frameRate
) {
    AVBufferSrcParameters *parameters = av_buffersrc_parameters_alloc();
    if (!parameters) return AVERROR(ENOMEM);
    parameters->format = frame->format;
    parameters->width = frame->width;
    parameters->height = frame->height;
    parameters->sample_aspect_ratio = frame->sample_aspect_ratio;
    parameters->time_base = timeBase;
    parameters->frame_rate = frameRate;
#if LIBAVFILTER_VERSION_MAJOR >= 10
    parameters->color_space = frame->colorspace;
    parameters->color_range = frame->color_range;
#endif
    int result = av_buffersrc_parameters_set(source, parameters);
    av_free(parameters);
    return result;
}

/// Sets the input format of an `abuffer` source that is not yet initialised.
static inline int spreader_buffersrc_set_audio(AVFilterContext *source, const AVFrame *frame, AVRational timeBase) {
    AVBufferSrcParameters *parameters = av_buffersrc_parameters_alloc();
    if (!parameters) return AVERROR(ENOMEM);
    parameters->format = frame->format;
    parameters->sample_rate = frame->sample_rate;
    parameters->time_base = timeBase;
    int result = av_channel_layout_copy(&parameters->ch_layout, &frame->ch_layout);
    if (result >= 0) result = av_buffersrc_parameters_set(source, parameters);
    av_channel_layout_uninit(&parameters->ch_layout);
    av_free(parameters);
    return result;
}
