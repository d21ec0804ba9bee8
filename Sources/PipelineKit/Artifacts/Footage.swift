/// The start of every chain: a file that the user named.
public struct SourceFile: Artifact, Hashable {
    /// `SourceFile`.
    public static let kind: ArtifactKind = "SourceFile"

    /// The file. The host fills in its digest before the first stage runs.
    public var file: FileReference
    /// The path as the user wrote it, for messages.
    public var displayPath: String

    /// A source file.
    public init(file: FileReference, displayPath: String) {
        self.file = file
        self.displayPath = displayPath
    }

    /// The file's name without its ending: what results are named after.
    public var stem: String {
        let name = file.path.split(separator: "/").last ?? ""
        guard let dot = name.lastIndex(of: "."), dot > name.startIndex else { return String(name) }
        return String(name[..<dot])
    }

    /// The file itself.
    public var files: [FileReference] { [file] }
    /// Path and size.
    public var summary: [String: JSONValue] {
        ["path": .string(file.path), "bytes": .integer(file.bytes)]
    }
}

/// A fraction, as FFmpeg gives time bases, rates and aspect ratios.
public struct Rational: Sendable, Hashable, Codable, CustomStringConvertible {
    /// The upper number.
    public var numerator: Int
    /// The lower number; 0 means "unknown".
    public var denominator: Int

    /// A fraction.
    public init(_ numerator: Int, _ denominator: Int) {
        self.numerator = numerator
        self.denominator = denominator
    }

    /// The value, or nil when the denominator is 0.
    public var value: Double? { denominator == 0 ? nil : Double(numerator) / Double(denominator) }
    /// `numerator/denominator`.
    public var description: String { "\(numerator)/\(denominator)" }
}

/// What is known of a picture track before anything is decoded for delivery.
public struct VideoTrack: Sendable, Hashable, Codable {
    /// Index of the stream in the file, from 0.
    public var index: Int
    /// FFmpeg's name of the codec, such as `h264`.
    public var codec: String
    /// Profile, such as `High`; nil when unknown.
    public var profile: String?
    /// Codec level times the codec's own factor (H.264: 42 is 4.2); nil when unknown.
    public var level: Int?
    /// Stored size in pixels, before rotation and aspect correction.
    public var codedWidth: Int
    /// Stored height in pixels.
    public var codedHeight: Int
    /// FFmpeg's name of the pixel format, such as `yuv420p10le`.
    public var pixelFormat: String
    /// Bits of one component.
    public var bitDepth: Int
    /// Shape of one pixel (sample aspect ratio); 1/1 when square or unsaid.
    public var sampleAspectRatio: Rational
    /// Clockwise turn, in degrees 0, 90, 180 or 270, that makes the picture upright.
    public var rotation: Int
    /// Whether the display matrix also mirrors the picture.
    public var mirrored: Bool
    /// The part of the stored picture that is meant to be seen, even-aligned (`clap` in MP4 and MOV, `PixelCrop` in
    /// Matroska); nil when it is all of it. Decoders don't apply it.
    public var cleanAperture: PictureArea?
    /// Size in square pixels, upright, of the part that is meant to be seen: what a viewer sees.
    public var displayWidth: Int
    /// Height in square pixels, upright.
    public var displayHeight: Int
    /// Average frame rate over the file, or 0/0 when unknown.
    public var averageFrameRate: Rational
    /// The lowest rate at which all timestamps can be told, FFmpeg's `r_frame_rate`: a guess.
    public var realFrameRate: Rational
    /// Whether the frames are evenly spaced, as measured over the file's packets; nil when not measured.
    public var constantFrameRate: Bool?
    /// `progressive`, `tt`, `bb`, `tb`, `bt`, `telecine` (film with 3:2 pulldown, best left alone) or `unknown`: measured
    /// on the pictures where the stream's claim leaves a doubt, otherwise as it claims.
    public var fieldOrder: String
    /// What the stream claims, when measuring came to another result; nil otherwise.
    public var claimedFieldOrder: String?
    /// Colour range: `tv`, `pc` or nil when untagged.
    public var colorRange: String?
    /// Colour primaries, such as `bt709`; nil when untagged.
    public var colorPrimaries: String?
    /// Transfer characteristic, such as `smpte2084`; nil when untagged.
    public var colorTransfer: String?
    /// Matrix coefficients, such as `bt709`; nil when untagged.
    public var colorSpace: String?
    /// Dynamic range as far as the tags tell.
    public var dynamicRange: DynamicRange
    /// Dolby Vision profile when there is a configuration record.
    public var dolbyVisionProfile: Int?
    /// Dolby Vision compatibility id (0 means that there is no usable base layer).
    public var dolbyVisionCompatibility: Int?
    /// First timestamp in seconds; nil when unknown.
    public var startTime: Double?
    /// Length in seconds; nil when unknown.
    public var duration: Double?
    /// Bits per second as the container tells; nil when unknown.
    public var bitRate: Int64?
    /// Number of frames as the container claims; nil when it does not.
    public var frameCount: Int?
    /// Longest distance between key frames in seconds, over the file's packets; nil when not measured.
    public var longestKeyFrameInterval: Double?
    /// Whether every group of pictures stands alone, over the file's packets; nil when not measured.
    public var closedGroups: Bool?
    /// Presentation times of the key frames in seconds, to the microsecond, in order; nil for codecs other than H.264 and
    /// HEVC, when there are more than 2,000, and when not measured. When the first is later than `startTime`, the
    /// pictures before it can't be decoded on their own.
    public var keyFrameTimes: [Double]?
    /// Whether the pictures have transparency; nil when they have none.
    public var hasAlpha: Bool?
    /// Whether it is a cover picture and no footage.
    public var isAttachedPicture: Bool
    /// Whether the container marks it as the default.
    public var isDefault: Bool

    /// Standard or high dynamic range.
    public enum DynamicRange: String, Sendable, Codable {
        /// Standard.
        case sdr
        /// Perceptual quantiser (HDR10, Dolby Vision 8.1).
        case pq
        /// Hybrid log-gamma (phones, broadcast, Dolby Vision 8.4).
        case hlg
    }

    /// A picture track; see the properties.
    public init(
        index: Int, codec: String, profile: String?, level: Int?, codedWidth: Int, codedHeight: Int,
        pixelFormat: String, bitDepth: Int, sampleAspectRatio: Rational, rotation: Int, mirrored: Bool,
        displayWidth: Int, displayHeight: Int, averageFrameRate: Rational, realFrameRate: Rational,
        constantFrameRate: Bool?, fieldOrder: String, colorRange: String?, colorPrimaries: String?,
        colorTransfer: String?, colorSpace: String?, dynamicRange: DynamicRange, dolbyVisionProfile: Int?,
        dolbyVisionCompatibility: Int?, startTime: Double?, duration: Double?, bitRate: Int64?, frameCount: Int?,
        longestKeyFrameInterval: Double?, closedGroups: Bool? = nil, isAttachedPicture: Bool, isDefault: Bool,
        cleanAperture: PictureArea? = nil, claimedFieldOrder: String? = nil, keyFrameTimes: [Double]? = nil,
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

/// What is known of a sound track.
public struct AudioTrack: Sendable, Hashable, Codable {
    /// Index of the stream in the file, from 0.
    public var index: Int
    /// FFmpeg's name of the codec, such as `aac`.
    public var codec: String
    /// Profile, such as `LC`; nil when unknown.
    public var profile: String?
    /// Samples per second and channel.
    public var sampleRate: Int
    /// Number of channels.
    public var channels: Int
    /// Layout, such as `stereo` or `5.1(side)`.
    public var layout: String
    /// Bits per second; nil when unknown.
    public var bitRate: Int64?
    /// ISO 639 language tag; nil when unsaid.
    public var language: String?
    /// First timestamp in seconds; nil when unknown.
    public var startTime: Double?
    /// Length in seconds; nil when unknown.
    public var duration: Double?
    /// Whether the container marks it as the default.
    public var isDefault: Bool
    /// The track's own name; nil when unsaid.
    public var title: String?
    /// Whether it is a commentary; nil when it is not.
    public var isCommentary: Bool?
    /// Whether it describes the picture to those who can't see it; nil when it does not.
    public var isDescriptive: Bool?

    /// A sound track; see the properties.
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

/// A stream that is neither picture nor sound: timecode, subtitles, telemetry, attachments.
public struct OtherTrack: Sendable, Hashable, Codable {
    /// Index of the stream in the file, from 0.
    public var index: Int
    /// `subtitle`, `data` or `attachment`.
    public var kind: String
    /// FFmpeg's name of the codec or the container's four-character tag.
    public var codec: String

    /// Another track.
    public init(index: Int, kind: String, codec: String) {
        self.index = index
        self.kind = kind
        self.codec = codec
    }
}

/// Footage whose content has been looked into.
public struct ProbedMedia: Artifact, Hashable {
    /// `ProbedMedia`.
    public static let kind: ArtifactKind = "ProbedMedia"

    /// The footage.
    public var source: SourceFile
    /// FFmpeg's short name of the demuxer that reads it, such as `mov,mp4,m4a,3gp,3g2,mj2`.
    public var container: String
    /// Length in seconds: the container's word, or measured over the packets when it has none.
    public var duration: Double
    /// First timestamp in seconds; may be negative or far from 0.
    public var startTime: Double
    /// Bits per second over the whole file; nil when unknown.
    public var bitRate: Int64?
    /// Whether `moov` stands before `mdat`; nil for containers without either.
    public var fastStart: Bool?
    /// Picture tracks in file order, cover pictures included.
    public var video: [VideoTrack]
    /// Sound tracks in file order.
    public var audio: [AudioTrack]
    /// All other streams.
    public var other: [OtherTrack]
    /// Stream index of the picture that is the footage.
    public var chosenVideo: Int
    /// Stream index of the sound that goes with it; nil when there is none.
    public var chosenAudio: Int?
    /// The container's tags.
    public var tags: [String: String]
    /// What a person should know before delivering it: damage, lies in the header, streams left out.
    public var warnings: [String]
    /// Frames that the packets of the chosen picture track promise; nil when they were not all read.
    public var expectedFrames: Int?
    /// Seconds of footage that the headers promise and the file does not hold; nil when nothing is known to be missing.
    public var missingSeconds: Double?
    /// What is drawn on the picture when it is encoded, in this order.
    public var decorations: [PictureDecoration] = []
    /// The part of the footage that is meant; nil for all of it.
    public var part: FootagePart?

    /// Probed footage; see the properties.
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

    /// The chosen picture track.
    public var videoTrack: VideoTrack? { video.first { $0.index == chosenVideo } }
    /// The chosen sound track.
    public var audioTrack: AudioTrack? { audio.first { $0.index == chosenAudio } }

    /// The footage's file, and those of its decorations.
    public var files: [FileReference] { source.files + decorations.flatMap(\.files) }
    /// Container, codecs, display size, duration.
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
