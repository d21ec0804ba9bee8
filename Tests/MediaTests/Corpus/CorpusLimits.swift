import Foundation

/// How near a delivery must come to its footage, and which footage is excused from what.
enum CorpusLimits {
    /// Least similarity of brightness. Measured: 0.97 and more; 0.1 to 0.95 the wrong way round.
    static let similarity = 0.96
    /// Largest difference of colours in any patch, of 255. Measured: up to 4; 9 to 18 for coloured frames with the wrong
    /// matrix, more for wrong primaries or swapped planes. It holds where tones are mapped, too.
    static let colourDifference = 5.0
    /// Most frames by which a delivery may be longer or shorter.
    static let frames = 1.01

    /// Nothing can be decoded.
    static let unusable: Set<String> = ["fate_truncated_2668s_claim.mp4", "streamio_broken.mp4"]

    /// Other floors of similarity.
    static let similarities: [String: Double] = [
        // Black nearly all over, where a single step of brightness, from rounding, already tells.
        "rails_undefined_dar.mp4": 0.90, "rails_video.webm": 0.90, "rails_video_without_audio.mp4": 0.90,
    ]
    /// Other limits of colours.
    static let colourDifferences: [String: Double] = [
        // Saturated colours outside BT.709, where the colour lattice rounds corners off.
        "androidx_hdr10_with_sdr_container.mp4": 15, "androidx_hlg10_color_test.mp4": 10,
        // Damaged frames, which each decoder mends in its own way.
        "decord_corrupted.mp4": 25, "fate_hevc_two_first_slice_7fps.mp4": 10,
    ]
    /// Longer deliveries, in frames.
    static let excessFrames: [String: Double] = [
        // The last two frames are damaged: the one before them stands.
        "fate_displaymatrix_sar1_2.mp4": 2.5,
        // The last frame is damaged, but claims to last 5.8 s: the one before it stands.
        "fate_hevc_two_first_slice_7fps.mp4": 83,
    ]
    /// Seconds by which `ffmpeg` shows the video before its time.
    static let early: [String: Double] = [
        // Its times are that much before those of the edit list, which the audio and the delivery keep to.
        "androidx_edit_list_no_sync_before_edit_hlg.mp4": 0.349
    ]
    /// What the clean aperture leaves of the frame, for FFmpeg's `crop`; `ffmpeg` ignores it.
    static let apertures = ["fate_prores4444_alpha.mp4": "1888:1062:16:9"]
    /// Frames that look the same either way round.
    static let symmetric: Set<String> = [
        "fate_cineform_10bit_hd.mp4"  // a gradient
    ]
}
