package import PipelineKit

/// A file of cases that are declared beside a pipeline.
package struct CaseFile: Sendable {
    /// The file, as the user named it.
    package var file: String
    /// Path of the pipeline.
    package var pipeline: String
    /// The cases, in the order of the file.
    package var cases: [PipelineCase]
}

/// What a pipeline is given, and what is to come of it.
package struct PipelineCase: Sendable {
    /// Its name, unique in its file.
    package var name: String
    /// Where it stands.
    package var location: SourceLocation
    /// The footage.
    package var input = CaseInput.clip(CaseClip())
    /// What stands beside the footage: an object of post settings, or a title; nil for nothing, or for what stands beside
    /// footage of the user's.
    package var sidecar: JSONValue?
    /// Options, as `--set` takes them.
    package var set: [String] = []
    /// Settings of the post, as `--post` takes them.
    package var post: [String] = []
    /// The last stage to run.
    package var until: String?
    /// Values for the pipeline's `${NAME}`.
    package var environment: [String: String] = [:]
    /// Files that the pipeline finds in its folder, with where they are.
    package var files: [String: String] = [:]
    /// What `/_sandbox/faults` is told: settings and faults.
    package var sandbox: JSONValue?
    /// What is to come of it; the exit status is always among it.
    package var expectations: [CaseExpectation] = []
}

/// The footage of a case.
package enum CaseInput: Sendable, Hashable {
    /// A file of the user's.
    case file(path: String)
    /// A clip that is made for the case.
    case clip(CaseClip)
    /// A file that holds this text, and is no film.
    case text(String, name: String)
}

/// A clip that is made for a case.
package struct CaseClip: Sendable, Hashable {
    /// What a clip sounds like.
    package enum Sound: Sendable, Hashable {
        /// There is no sound track.
        case none
        /// A track of silence.
        case silent
        /// A tone.
        case tone
    }

    /// Its file's name, whose ending is the container's.
    package var name = "clip.mp4"
    /// Width in pixels as it is stored.
    package var width = 640
    /// Height in pixels as it is stored.
    package var height = 360
    /// Length in seconds.
    package var seconds = 1.0
    /// Pictures a second.
    package var frameRate = 30.0
    /// Its sound.
    package var sound = Sound.tone
    /// Clockwise turn that players shall apply.
    package var rotation = 0
    /// The picture's codec.
    package var codec = "h264"
    /// Whether it meets the delivery spec as it is; size, rate and codec are then those of the spec.
    package var isReady = false

    /// Half a megapixel in H.264, one second long.
    package init() {}

    /// Codecs that clips can have.
    package static let codecs = ["h264", "hevc", "mpeg4", "mjpeg", "vp9", "prores"]
    /// Endings of their names: the containers that clips can have.
    package static let endings = ["mp4", "mov", "mkv", "webm", "avi"]
}
