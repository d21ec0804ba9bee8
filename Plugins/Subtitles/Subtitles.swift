import Foundation
import Media
public import PipelineKit

/// Burns subtitles into the video: from a given file, or from the one beside the footage.
///
/// Only adds the subtitles to the footage's decorations; `transcode` draws them in its single encode. Their times are
/// on the footage's own timeline, so that a trim applies to them as well.
public struct Subtitles: Stage {
    public static let name: StageName = "subtitles"
    public static let summary = "Burns in subtitles (.srt or .ass), by default from the file beside the footage."
    /// The same files and options give the same subtitles.
    public static let effect: Effect = .pure
    /// Reads one small file.
    public static let resource: Resource = .light
    public static let access: StageAccess = .files

    public struct Options: StageOptions {
        @StageOption("Path of an .srt or .ass file; by default the one beside the footage with its name.")
        public var file: String? = nil
        @StageOption("Whether footage without subtitles is rejected; otherwise it gets none, with a warning.")
        public var required: Bool = false
        @StageOption("Character encoding by its iconv name; auto recognises UTF-8, UTF-16 and Windows-1252.")
        public var encoding: String = "auto"
        @StageOption("Font of the text: the name of an installed family, or the path of a font file.")
        public var font: String = "sans-serif"
        @StageOption(
            "Line height, as a share of the delivery's height.", range: Percentage(percent: 1)...Percentage(percent: 20)
        )
        public var size: Percentage = Percentage(percent: 4)
        @StageOption("Colour of the text.")
        public var colour: Colour = .white
        @StageOption("Colour of the outline.")
        public var outline: Colour = .black
        @StageOption("Position of the subtitles in the free area.")
        public var position: VerticalPosition = .bottom
        @StageOption(
            "Whether to keep clear of TikTok's interface: true, false, or the width of the borders.")
        public var safeArea: SafeArea = .tiktok

        public init() {}
    }

    public static func sampleOptions(in folder: String) -> [String: JSONValue] {
        ["file": .string(folder + "/sample.srt")]
    }

    private let options: Options

    public init(options: Options) throws(StageError) { self.options = options }

    /// Reports a missing or unusable file, an unknown encoding, and a missing font.
    public func check(_ context: CheckContext) -> [Diagnostic] {
        var findings = FontChoice.findings(options.font, pointer: "/font")
        if !SubtitleFile.knows(encoding: options.encoding) {
            findings.append(
                Diagnostic(
                    code: "unknown-encoding", "unknown encoding \"\(options.encoding)\"",
                    hint: "run iconv -l to list the known ones", pointer: "/encoding"))
        }
        if let file = options.file {
            let path = UserPath.absolute(file)
            if Self.format(path) == nil {
                findings.append(
                    Diagnostic(
                        code: "unusable-file", "\(file) is neither .srt nor .ass", hint: "use an .srt or .ass file",
                        pointer: "/file"))
            } else if !FileManager.default.isReadableFile(atPath: path) {
                findings.append(
                    Diagnostic(
                        code: "missing-file", "\(file) is missing or can't be read",
                        hint: "paths are relative to the current folder", pointer: "/file"))
            }
        }
        return findings
    }

    /// Describes the subtitles that will be drawn.
    public func plan(_ input: ProbedMedia, _ context: PlanContext) async throws(StageError) -> StagePlan {
        let (output, count) = try await decorated(input)
        guard let count, let file = output.decorations.last?.files.first else {
            return StagePlan(action: "draw nothing", reasons: Array(output.warnings.suffix(1)), output: output)
        }
        let name = (file.path as NSString).lastPathComponent
        return StagePlan(
            action: "burn in \(count) subtitles from \(name)",
            details: ["path": .string(file.path), "count": .integer(Int64(count))], output: output)
    }

    /// Adds the subtitles to the decorations that `transcode` draws.
    public func run(_ input: ProbedMedia, _ context: StageContext) async throws(StageError) -> ProbedMedia {
        try await decorated(input).output
    }

    private func decorated(_ input: ProbedMedia) async throws(StageError) -> (output: ProbedMedia, count: Int?) {
        var output = input
        guard let path = options.file.map(UserPath.absolute) ?? Self.sidecar(of: input.source) else {
            let message = "\(input.source.displayPath) has no subtitles beside it (\(input.source.stem).ass or .srt)"
            guard !options.required else {
                throw StageError(
                    .unusableFootage, message, hint: "add the file, set file, or set required to false")
            }
            output.warnings.append(message)
            return (output, nil)
        }
        let options = options
        let (decoration, count) = try await BlockingWork.run(name: "subtitles") { (flag) throws(StageError) in
            try Self.decoration(reading: path, options: options, cancellation: flag)
        }
        output.decorations.append(.subtitles(decoration))
        if options.encoding.lowercased() == "auto", decoration.encoding == "WINDOWS-1252" {
            output.warnings.append(
                "the subtitles are not UTF-8: read as Windows-1252; set encoding if letters are wrong")
        }
        return (output, count)
    }

    private static func decoration(
        reading path: String, options: Options, cancellation flag: CancellationFlag
    ) throws(StageError) -> (decoration: SubtitleDecoration, count: Int) {
        guard let format = format(path) else {
            throw StageError(.invalidOption, "\(path) is neither .srt nor .ass", hint: "use an .srt or .ass file")
        }
        try MediaLibraries.loadFilters()
        let style = TextStyle(
            font: try FontChoice.font(options.font, cancellation: flag), size: options.size.fraction,
            colour: options.colour.rgb,
            outlineColour: options.outline.rgb)
        do throws(MediaError) {
            var decoration = SubtitleDecoration(
                file: try FileReference(digesting: path, cancellation: flag), format: format,
                encoding: options.encoding,
                style: style,
                position: DecorationPosition(
                    anchor: options.position.anchor, margin: 0, insets: options.safeArea.insets))
            // The size does not matter: this only checks and counts the subtitles.
            let file = try SubtitleFile(decoration, width: 1080, height: 1920)
            decoration.encoding = file.encoding
            return (decoration, file.count)
        } catch {
            if error.isCancellation { throw .cancelled }
            throw StageError(
                .unusableFootage, "the subtitles \(path) can't be used: \(error.text)",
                hint: "check the file and its encoding", cause: error.description)
        }
    }

    /// The given file, or the candidates beside the footage, and the font file.
    public func dependencies(_ input: ProbedMedia) -> [String] {
        let files = options.file.map { [UserPath.absolute($0)] } ?? Self.sidecars(of: input.source)
        return files + [FontChoice.file(options.font)].compactMap(\.self)
    }

    /// The subtitles beside the footage. Only lower-case extensions: cameras write telemetry to `.SRT` files.
    private static func sidecar(of source: SourceFile) -> String? {
        sidecars(of: source).first { FileManager.default.fileExists(atPath: $0) }
    }

    private static func sidecars(of source: SourceFile) -> [String] {
        let folder = (source.file.path as NSString).deletingLastPathComponent
        return ["ass", "srt"].map { "\(folder)/\(source.stem).\($0)" }
    }

    private static func format(_ path: String) -> SubtitleDecoration.Format? {
        SubtitleDecoration.Format(rawValue: (path as NSString).pathExtension.lowercased())
    }
}

/// Vertical position of subtitles in the free area.
public enum VerticalPosition: String, OptionValue, CaseIterable {
    case bottom
    case center
    case top

    var anchor: Anchor {
        switch self {
        case .bottom: .bottom
        case .center: .center
        case .top: .top
        }
    }
}
