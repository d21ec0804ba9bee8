package import PipelineKit

/// A test-case file of a pipeline.
package struct CaseFile: Sendable {
    /// The path as the user gave it.
    package var file: String
    /// The path of the pipeline file.
    package var pipeline: String
    package var cases: [PipelineCase]
}

/// A test case of a pipeline: its input and the expected result.
package struct PipelineCase: Sendable {
    /// Unique within the file.
    package var name: String
    package var location: SourcePosition
    package var input = CaseInput.clip(CaseClip())
    /// The sidecar to write: an object of post settings, or a title. With nil, the sidecars of a file input are copied.
    package var sidecar: JSONValue?
    /// Stage options in the form of `--set`.
    package var set: [String] = []
    /// Post settings in the form of `--post`.
    package var post: [String] = []
    /// The last stage to run; nil for all stages.
    package var until: String?
    /// Values for the pipeline's `${NAME}`.
    package var environment: [String: String] = [:]
    /// Files or folders to copy into the case's folder: target path to source path.
    package var files: [String: String] = [:]
    /// Settings and fault rules to send to the sandbox's `/_sandbox/faults`.
    package var sandbox: JSONValue?
    /// The expectations; there is always one for the exit status.
    package var expectations: [CaseExpectation] = []
}

/// The footage of a test case.
package enum CaseInput: Sendable, Hashable {
    /// An existing file, which is copied.
    case file(path: String)
    /// A clip to generate.
    case clip(CaseClip)
    /// A file with this text instead of video, to test how the pipeline rejects it.
    case text(String, name: String)
}

/// The parameters of a clip that is generated for a test case.
package struct CaseClip: Sendable, Hashable {
    /// The kind of audio track.
    package enum Sound: Sendable, Hashable {
        case none
        /// A silent audio track.
        case silent
        /// An audio track with a constant tone.
        case tone
    }

    /// The file name; its extension selects the container.
    package var name = "clip.mp4"
    /// Coded width in pixels, before rotation.
    package var width = 640
    /// Coded height in pixels, before rotation.
    package var height = 360
    /// Duration in seconds, 0.1 to 120.
    package var seconds = 1.0
    /// Frames per second, 1 to 240.
    package var frameRate = 30.0
    package var sound = Sound.tone
    /// Clockwise rotation in degrees that players apply.
    package var rotation = 0
    /// The video codec, one of ``codecs``.
    package var codec = "h264"
    /// Whether the clip already meets the delivery spec, which then determines its size, frame rate and codec.
    package var isReady = false

    /// One second of 640×360 H.264 with a tone.
    package init() {}

    /// The supported video codecs.
    package static let codecs = ["h264", "hevc", "mpeg4", "mjpeg", "vp9", "prores"]
    /// Supported file extensions, one for each container.
    package static let endings = ["mp4", "mov", "mkv", "webm", "avi"]
}
