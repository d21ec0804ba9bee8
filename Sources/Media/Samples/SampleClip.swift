import Foundation
package import PipelineKit

/// Generated footage: test patterns and tones in any codec and container that the loaded FFmpeg can write.
///
/// Tests and demonstrations use it instead of media files.
package struct SampleClip: Sendable {
    /// An audio track with a tone or silence.
    package struct Audio: Sendable {
        /// FFmpeg's name of the encoder.
        package var codec = "aac"
        package var sampleFormat = "fltp"
        package var sampleRate = 48_000
        package var channels = 2
        package var bitRate: Int64? = 192_000
        /// Frequency of the tone in hertz; 0 for silence.
        package var frequency = 440
        /// Length in seconds; nil for the length of the video.
        package var seconds: Double?
        /// Additional filters, in FFmpeg's syntax.
        package var filters = ""
        /// Seconds by which it starts after the video.
        package var delay = 0.0

        package init() {}
    }

    /// FFmpeg's name of the container format.
    package var container = "mp4"
    /// The video, with the encoder's `codecOptions`; nil for none.
    package var video: Encoder.VideoSettings?
    /// The audio; nil for none.
    package var audio: Audio? = Audio()
    /// Length of the video in seconds.
    package var seconds: Double
    package var pattern: Pattern = .test
    /// Filters after the pattern, such as a `select` that makes the frame rate vary.
    package var filters: String?
    /// Clockwise rotation in degrees for players to apply.
    package var rotation = 0
    /// Whether players should mirror the video as well.
    package var mirrored = false
    /// Metadata tags of the container.
    package var tags: [String: String] = [:]
    /// Metadata tags of the video stream.
    package var videoTags: [String: String] = [:]
    /// Options of the muxer, by FFmpeg's names.
    package var muxerSettings: [String: String] = [:]

    /// Content of the generated video.
    package enum Pattern: Sendable {
        /// Moving gradients and a counter.
        case test
        /// Corners red, green, blue and white (left to right, top to bottom) on grey.
        case corners
        /// Noise, which is hard to encode.
        case noise
        /// A single colour, by FFmpeg's name.
        case plain(String)
    }

    /// A clip with H.264 and AAC in MP4.
    package init(width: Int = 320, height: Int = 180, frameRate: Rational = Rational(30, 1), seconds: Double = 1) {
        self.seconds = seconds
        var video = Encoder.VideoSettings(
            codec: "libx264", width: width, height: height, pixelFormat: "yuv420p", frameRate: frameRate)
        video.codecOptions = ["preset": "ultrafast"]
        video.keyFrameInterval = Int(frameRate.value ?? 30)
        self.video = video
    }

    /// Footage that already meets the delivery spec.
    package static func compliant(seconds: Double = 1) -> SampleClip {
        var clip = SampleClip(width: 540, height: 960, seconds: seconds)
        clip.video?.colour = DeliverySpec.colour
        clip.video?.codecOptions = ["preset": "veryfast", "profile": "high"]
        return clip
    }

    /// Generates the clip and writes it to `path`.
    package func write(to path: String) throws(MediaError) {
        let log = MediaLog()
        try log.attached { () throws(MediaError) in try SampleWriter(clip: self, path: path, log: log).run() }
    }

    /// The filter graph that generates the video; nil without video.
    var videoFilters: String? {
        guard let video else { return nil }
        let size = "s=\(video.width)x\(video.height):r=\(video.frameRate):d=\(seconds)"
        var text =
            switch pattern {
            case .test: "testsrc2=\(size)"
            case .noise: "color=gray:\(size),noise=alls=100:allf=t"
            case .plain(let colour): "color=\(colour):\(size)"
            case .corners:
                "color=gray:\(size),format=rgb24"
                    + ",drawbox=x=0:y=0:w=iw/4:h=ih/4:color=red:t=fill"
                    + ",drawbox=x=iw*3/4:y=0:w=iw/4:h=ih/4:color=lime:t=fill"
                    + ",drawbox=x=0:y=ih*3/4:w=iw/4:h=ih/4:color=blue:t=fill"
                    + ",drawbox=x=iw*3/4:y=ih*3/4:w=iw/4:h=ih/4:color=white:t=fill"
            }
        if let filters { text += "," + filters }
        if let matrix = video.colour?.matrix { text += ",scale=out_color_matrix=\(matrix):out_range=tv" }
        return text + ",format=\(video.pixelFormat)[out]"
    }

    /// The filter graph that generates the audio in frames of `frameSize` samples; nil without audio.
    func audioFilters(frameSize: Int) -> String? {
        guard let audio else { return nil }
        let length = audio.seconds ?? seconds
        let source =
            audio.frequency == 0
            ? "anullsrc=r=\(audio.sampleRate):d=\(length)"
            : "sine=frequency=\(audio.frequency):sample_rate=\(audio.sampleRate):duration=\(length)"
        let layout = [1: "mono", 2: "stereo", 6: "5.1"][audio.channels] ?? "\(audio.channels)c"
        let further = audio.filters.isEmpty ? "" : ",aformat=channel_layouts=\(layout)," + audio.filters
        return "\(source)\(further),aformat=sample_fmts=\(audio.sampleFormat):channel_layouts=\(layout)"
            + ",asetnsamples=n=\(frameSize):p=0[out]"
    }
}
