/// The start of every chain: a file that the user named.
public struct SourceFile: Artifact, Hashable {
    public static let kind: ArtifactKind = "SourceFile"

    /// The file. The host computes its digest before the first stage runs.
    public var file: FileReference
    /// The path as the user wrote it. Use it in messages.
    public var displayPath: String

    public init(file: FileReference, displayPath: String) {
        self.file = file
        self.displayPath = displayPath
    }

    /// The file name without its extension, used as the base name of results.
    public var stem: String {
        let name = file.path.split(separator: "/").last ?? ""
        guard let dot = name.lastIndex(of: "."), dot > name.startIndex else { return String(name) }
        return String(name[..<dot])
    }

    public var files: [FileReference] { [file] }
    public var summary: [String: JSONValue] {
        ["path": .string(file.path), "bytes": .integer(file.bytes)]
    }
}

/// A fraction, as FFmpeg expresses time bases, frame rates and aspect ratios.
public struct Rational: Sendable, Hashable, Codable, CustomStringConvertible {
    public var numerator: Int
    /// The denominator; 0 means that the value is unknown.
    public var denominator: Int

    public init(_ numerator: Int, _ denominator: Int) {
        self.numerator = numerator
        self.denominator = denominator
    }

    /// The quotient; nil when the denominator is 0.
    public var value: Double? { denominator == 0 ? nil : Double(numerator) / Double(denominator) }
    public var description: String { "\(numerator)/\(denominator)" }
}

/// The properties of a video track, read from its headers and packets, and from a few decoded frames.
public struct VideoTrack: Sendable, Hashable, Codable {
    /// The index of the stream in the file, from 0.
    public var index: Int
    /// FFmpeg's name of the codec, such as `h264`.
    public var codec: String
    /// The codec profile, such as `High`; nil when unknown.
    public var profile: String?
    /// The codec level times the codec's own factor (H.264: 42 is 4.2); nil when unknown.
    public var level: Int?
    /// The stored width in pixels, before rotation and aspect correction.
    public var codedWidth: Int
    /// The stored height in pixels, before rotation and aspect correction.
    public var codedHeight: Int
    /// FFmpeg's name of the pixel format, such as `yuv420p10le`.
    public var pixelFormat: String
    /// Bits per component.
    public var bitDepth: Int
    /// The shape of one pixel; 1/1 when square or not specified.
    public var sampleAspectRatio: Rational
    /// The clockwise rotation in degrees (0, 90, 180 or 270) that makes the video upright.
    public var rotation: Int
    /// Whether the display matrix also mirrors the video.
    public var mirrored: Bool
    /// The visible part of the stored frame, aligned to even pixels (`clap` in MP4 and MOV, `PixelCrop` in Matroska);
    /// nil when all of it is visible. Decoders don't apply it.
    public var cleanAperture: FrameRegion?
    /// The width of the visible part as a viewer sees it: upright and in square pixels.
    public var displayWidth: Int
    /// The height of the visible part: upright and in square pixels.
    public var displayHeight: Int
    /// The average frame rate over the file; 0/0 when unknown.
    public var averageFrameRate: Rational
    /// FFmpeg's `r_frame_rate`: the lowest rate that can represent all timestamps exactly. A guess.
    public var realFrameRate: Rational
    /// Whether the frames are evenly spaced over all packets; nil when not measured.
    public var constantFrameRate: Bool?
    /// `progressive`, `tt`, `bb`, `tb`, `bt`, `telecine` (film with 3:2 pulldown, best left alone) or `unknown`.
    /// Measured on decoded frames when the stream's own claim is doubtful; otherwise that claim.
    public var fieldOrder: String
    /// The stream's own claim when the measurement contradicts it; nil otherwise.
    public var claimedFieldOrder: String?
    /// The colour range: `tv` or `pc`; nil when untagged.
    public var colorRange: String?
    /// The colour primaries, such as `bt709`; nil when untagged.
    public var colorPrimaries: String?
    /// The transfer characteristic, such as `smpte2084`; nil when untagged.
    public var colorTransfer: String?
    /// The matrix coefficients, such as `bt709`; nil when untagged.
    public var colorSpace: String?
    /// The dynamic range according to the tags.
    public var dynamicRange: DynamicRange
    /// The Dolby Vision profile; nil without a configuration record.
    public var dolbyVisionProfile: Int?
    /// The Dolby Vision compatibility id (0: without a usable base layer); nil without a configuration record.
    public var dolbyVisionCompatibility: Int?
    /// The first timestamp in seconds; nil when unknown.
    public var startTime: Double?
    /// The duration in seconds; nil when unknown.
    public var duration: Double?
    /// Bits per second according to the container; nil when unknown.
    public var bitRate: Int64?
    /// The number of frames according to the container; nil when it has none.
    public var frameCount: Int?
    /// The longest distance between keyframes in seconds over all packets; nil when not measured.
    public var longestKeyFrameInterval: Double?
    /// Whether every GOP is closed, over all packets; nil when not measured.
    public var closedGroups: Bool?
    /// PTS of the keyframes in seconds, to the microsecond, in order; nil when not measured, for codecs other than
    /// H.264 and HEVC, and for more than 2,000 keyframes. If the first one is later than `startTime`, the frames before
    /// it can't be decoded on their own.
    public var keyFrameTimes: [Double]?
    /// Whether the frames have an alpha channel; nil when they have none.
    public var hasAlpha: Bool?
    /// Whether the stream is attached cover art, which is not footage.
    public var isAttachedPicture: Bool
    /// Whether the container marks the track as the default.
    public var isDefault: Bool

    public enum DynamicRange: String, Sendable, Codable {
        case sdr
        /// Perceptual quantiser (HDR10, Dolby Vision 8.1).
        case pq
        /// Hybrid log-gamma (phones, broadcast, Dolby Vision 8.4).
        case hlg
    }

    public init(
        index: Int, codec: String, profile: String?, level: Int?, codedWidth: Int, codedHeight: Int,
        pixelFormat: String, bitDepth: Int, sampleAspectRatio: Rational, rotation: Int, mirrored: Bool,
        displayWidth: Int, displayHeight: Int, averageFrameRate: Rational, realFrameRate: Rational,
        constantFrameRate: Bool?, fieldOrder: String, colorRange: String?, colorPrimaries: String?,
        colorTransfer: String?, colorSpace: String?, dynamicRange: DynamicRange, dolbyVisionProfile: Int?,
        dolbyVisionCompatibility: Int?, startTime: Double?, duration: Double?, bitRate: Int64?, frameCount: Int?,
        longestKeyFrameInterval: Double?, closedGroups: Bool? = nil, isAttachedPicture: Bool, isDefault: Bool,
        cleanAperture: FrameRegion? = nil, claimedFieldOrder: String? = nil, keyFrameTimes: [Double]? = nil,
        hasAlpha: Bool? = nil
    ) {
        self.index = index
        self.codec = codec
        self.profile = profile
        self.level = level
        self.codedWidth = codedWidth
        self.codedHeight = codedHeight
        self.pixelFormat = pixelFormat
        self.bitDepth = bitDepth
        self.sampleAspectRatio = sampleAspectRatio
        self.rotation = rotation
        self.mirrored = mirrored
        self.displayWidth = displayWidth
        self.displayHeight = displayHeight
        self.averageFrameRate = averageFrameRate
        self.realFrameRate = realFrameRate
        self.constantFrameRate = constantFrameRate
        self.fieldOrder = fieldOrder
        self.colorRange = colorRange
        self.colorPrimaries = colorPrimaries
        self.colorTransfer = colorTransfer
        self.colorSpace = colorSpace
        self.dynamicRange = dynamicRange
        self.dolbyVisionProfile = dolbyVisionProfile
        self.dolbyVisionCompatibility = dolbyVisionCompatibility
        self.startTime = startTime
        self.duration = duration
        self.bitRate = bitRate
        self.frameCount = frameCount
        self.longestKeyFrameInterval = longestKeyFrameInterval
        self.closedGroups = closedGroups
        self.isAttachedPicture = isAttachedPicture
        self.isDefault = isDefault
        self.cleanAperture = cleanAperture
        self.claimedFieldOrder = claimedFieldOrder
        self.keyFrameTimes = keyFrameTimes
        self.hasAlpha = hasAlpha
    }
}

/// The properties of an audio track.
public struct AudioTrack: Sendable, Hashable, Codable {
    /// The index of the stream in the file, from 0.
    public var index: Int
    /// FFmpeg's name of the codec, such as `aac`.
    public var codec: String
    /// The codec profile, such as `LC`; nil when unknown.
    public var profile: String?
    /// Samples per second in each channel.
    public var sampleRate: Int
    public var channels: Int
    /// The channel layout, such as `stereo` or `5.1(side)`.
    public var layout: String
    /// Bits per second; nil when unknown.
    public var bitRate: Int64?
    /// The ISO 639 language tag; nil when untagged.
    public var language: String?
    /// The first timestamp in seconds; nil when unknown.
    public var startTime: Double?
    /// The duration in seconds; nil when unknown.
    public var duration: Double?
    /// Whether the container marks the track as the default.
    public var isDefault: Bool
    /// The title of the track; nil when untagged.
    public var title: String?
    /// Whether it is a commentary track; nil when it is not.
    public var isCommentary: Bool?
    /// Whether it is an audio description for people who can't see the video; nil when it is not.
    public var isDescriptive: Bool?

    public init(
        index: Int, codec: String, profile: String?, sampleRate: Int, channels: Int, layout: String, bitRate: Int64?,
        language: String?, startTime: Double?, duration: Double?, isDefault: Bool, title: String? = nil,
        isCommentary: Bool? = nil, isDescriptive: Bool? = nil
    ) {
        self.index = index
        self.codec = codec
        self.profile = profile
        self.sampleRate = sampleRate
        self.channels = channels
        self.layout = layout
        self.bitRate = bitRate
        self.language = language
        self.startTime = startTime
        self.duration = duration
        self.isDefault = isDefault
        self.title = title
        self.isCommentary = isCommentary
        self.isDescriptive = isDescriptive
    }
}

/// A stream that is neither video nor audio: timecode, subtitles, telemetry, attachments.
public struct OtherTrack: Sendable, Hashable, Codable {
    /// The index of the stream in the file, from 0.
    public var index: Int
    /// `subtitle`, `data` or `attachment`.
    public var kind: String
    /// FFmpeg's name of the codec, or the container's four-character tag.
    public var codec: String

    public init(index: Int, kind: String, codec: String) {
        self.index = index
        self.kind = kind
        self.codec = codec
    }
}

/// Footage after `probe`: its tracks, and the choice of the video and audio to deliver.
public struct ProbedMedia: Artifact, Hashable {
    public static let kind: ArtifactKind = "ProbedMedia"

    public var source: SourceFile
    /// FFmpeg's short name of the demuxer, such as `mov,mp4,m4a,3gp,3g2,mj2`.
    public var container: String
    /// The duration in seconds, from the container or, without one there, measured over the packets.
    public var duration: Double
    /// The first timestamp in seconds; may be negative or far from 0.
    public var startTime: Double
    /// Bits per second over the whole file; nil when unknown.
    public var bitRate: Int64?
    /// Whether `moov` comes before `mdat`; nil for containers that have neither.
    public var fastStart: Bool?
    /// The video tracks in file order, including cover art.
    public var video: [VideoTrack]
    /// The audio tracks in file order.
    public var audio: [AudioTrack]
    /// The streams that are neither video nor audio.
    public var other: [OtherTrack]
    /// The stream index of the video to deliver.
    public var chosenVideo: Int
    /// The stream index of the audio to deliver; nil when there is none.
    public var chosenAudio: Int?
    /// The metadata tags of the container.
    public var tags: [String: String]
    /// What the user should know before delivery: damage, wrong headers, streams that are left out.
    public var warnings: [String]
    /// The number of frames that the packets of the chosen video track announce; nil unless all packets were read.
    public var expectedFrames: Int?
    /// Seconds of footage that the headers announce but the file doesn't contain; nil when none is known to be missing.
    public var missingSeconds: Double?
    /// Images, texts and subtitles to draw over the video when it is encoded, in drawing order.
    public var decorations: [VideoDecoration] = []
    /// The part of the footage to deliver; nil for all of it.
    public var part: FootagePart?

    public init(
        source: SourceFile, container: String, duration: Double, startTime: Double, bitRate: Int64?, fastStart: Bool?,
        video: [VideoTrack], audio: [AudioTrack], other: [OtherTrack], chosenVideo: Int, chosenAudio: Int?,
        tags: [String: String], warnings: [String], expectedFrames: Int? = nil, missingSeconds: Double? = nil
    ) {
        self.source = source
        self.container = container
        self.duration = duration
        self.startTime = startTime
        self.bitRate = bitRate
        self.fastStart = fastStart
        self.video = video
        self.audio = audio
        self.other = other
        self.chosenVideo = chosenVideo
        self.chosenAudio = chosenAudio
        self.tags = tags
        self.warnings = warnings
        self.expectedFrames = expectedFrames
        self.missingSeconds = missingSeconds
    }

    /// The video track to deliver.
    public var videoTrack: VideoTrack? { video.first { $0.index == chosenVideo } }
    /// The audio track to deliver; nil when there is none.
    public var audioTrack: AudioTrack? { audio.first { $0.index == chosenAudio } }

    public var files: [FileReference] { source.files + decorations.flatMap(\.files) }
    public var summary: [String: JSONValue] {
        var fields: [String: JSONValue] = [
            "path": .string(source.file.path), "container": .string(container), "duration": .number(duration),
            "bytes": .integer(source.file.bytes),
        ]
        if let track = videoTrack {
            fields["videoCodec"] = .string(track.codec)
            fields["width"] = .integer(Int64(track.displayWidth))
            fields["height"] = .integer(Int64(track.displayHeight))
        }
        if let track = audioTrack { fields["audioCodec"] = .string(track.codec) }
        if let part {
            fields["part"] = .integer(Int64(part.number))
            fields["parts"] = .integer(Int64(part.count))
        }
        if !decorations.isEmpty { fields["decorations"] = .integer(Int64(decorations.count)) }
        if !warnings.isEmpty { fields["warnings"] = .array(warnings.map(JSONValue.string)) }
        return fields
    }
}
