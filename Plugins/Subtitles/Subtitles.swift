import Foundation
import Media
public import PipelineKit

/// Burns subtitles into the picture: a file of its own, or the one that lies beside the footage.
///
/// It draws nothing itself: `transcode` does, in its only encode. Times are those of the footage, so that a trim takes
/// the subtitles along.
public struct Subtitles: Stage {
    /// `subtitles`.
    public static let name: StageName = "subtitles"
    /// One sentence.
    public static let summary = "Burns in the subtitles (.srt or .ass) that lie beside the footage."
    /// The same files and options give the same subtitles.
    public static let effect: Effect = .pure
    /// Reads a small file.
    public static let resource: Resource = .light

    /// What can be set.
    public struct Options: StageOptions {
        @StageOption("Path of an .srt or .ass file; the one beside the footage, with its name, when left out.")
        public var file: String? = nil
        @StageOption("Whether footage without subtitles is refused; otherwise nothing is drawn, with a warning.")
        public var required: Bool = false
        @StageOption("Character encoding, by a name that iconv knows; auto takes UTF-8, UTF-16 and Windows-1252.")
        public var encoding: String = "auto"
        @StageOption("Font: the name of an installed family, or the path of a font file.")
        public var font: String = "sans-serif"
        @StageOption(
            "Height of a line, as a share of the delivery's.", range: Share(percent: 1)...Share(percent: 20))
        public var size: Share = Share(percent: 4)
        @StageOption("Colour of the letters.")
        public var colour: Colour = .white
        @StageOption("Colour of their outline.")
        public var outline: Colour = .black
        @StageOption("Where they stand in the free area.")
        public var position: VerticalPosition = .bottom
        @StageOption(
            "Whether they keep clear of TikTok's interface: true, false, or the borders to keep clear.")
        public var safeArea: SafeArea = .tiktok

        /// The defaults.
        public init() {}
    }

    private let options: Options

    /// Makes the stage.
    public init(options: Options) throws(StageError) { self.options = options }

    /// Finds a file that is not there, an encoding that nobody knows, and a missing font.
    public func check(_ context: CheckContext) -> [Diagnostic] {
        var findings = FontChoice.findings(options.font, pointer: "/font")
        if !SubtitleFile.knows(encoding: options.encoding) {
            findings.append(
                Diagnostic(
                    code: "unknown-encoding", "the encoding \"\(options.encoding)\" is not known",
                    hint: "iconv -l lists the known ones", pointer: "/encoding"))
        }
        if let file = options.file {
            let path = Self.absolute(file)
            if Self.format(path) == nil {
                findings.append(
                    Diagnostic(
                        code: "unusable-file", "\(file) is neither .srt nor .ass", hint: "name such a file",
                        pointer: "/file"))
            } else if !FileManager.default.isReadableFile(atPath: path) {
                findings.append(
                    Diagnostic(
                        code: "missing-file", "there is no file \(file) that can be read",
                        hint: "paths are relative to the current folder", pointer: "/file"))
            }
        }
        return findings
    }

    /// Says what will be drawn.
    public func plan(_ input: ProbedMedia, _ context: PlanContext) async throws(StageError) -> StagePlan {
        let (output, count) = try await decorated(input)
        guard let count, let file = output.decorations.last?.files.first else {
            return StagePlan(action: "draw nothing", reasons: Array(output.warnings.suffix(1)), output: output)
        }
        let name = (file.path as NSString).lastPathComponent
        return StagePlan(
            action: "burn in \(count) subtitles of \(name)",
            details: ["path": .string(file.path), "count": .integer(Int64(count))], output: output)
    }

    /// Adds the subtitles to what `transcode` draws.
    public func run(_ input: ProbedMedia, _ context: StageContext) async throws(StageError) -> ProbedMedia {
        try await decorated(input).output
    }

    private func decorated(_ input: ProbedMedia) async throws(StageError) -> (output: ProbedMedia, count: Int?) {
        var output = input
        guard let path = options.file.map(Self.absolute) ?? Self.sidecar(of: input.source) else {
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
            try Self.decoration(options, path, flag)
        }
        output.decorations.append(.subtitles(decoration))
        if options.encoding.lowercased() == "auto", decoration.encoding == "WINDOWS-1252" {
            output.warnings.append(
                "the subtitles are not UTF-8: read as Windows-1252; set encoding if letters are wrong")
        }
        return (output, count)
    }

    private static func decoration(
        _ options: Options, _ path: String, _ flag: CancellationFlag
    ) throws(StageError) -> (SubtitleDecoration, Int) {
        guard let format = format(path) else {
            throw StageError(.invalidOption, "\(path) is neither .srt nor .ass", hint: "name such a file")
        }
        try MediaLibraries.loadFilters()
        let style = TextStyle(
            font: try FontChoice.font(options.font, flag), size: options.size.fraction, colour: options.colour.rgb,
            outlineColour: options.outline.rgb)
        do throws(MediaError) {
            var decoration = SubtitleDecoration(
                file: try FileReference(digesting: path, flag), format: format, encoding: options.encoding,
                style: style,
                place: DecorationPlace(
                    anchor: options.position.anchor, margin: 0, insets: options.safeArea.insets))
            // Any size does for a look at what is in it.
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

    /// The file that is named, or those that may stand beside the footage, and the font.
    public func dependencies(_ input: ProbedMedia) -> [String] {
        let files = options.file.map { [Self.absolute($0)] } ?? Self.sidecars(of: input.source)
        return files + [FontChoice.file(options.font)].compactMap(\.self)
    }

    /// The subtitles beside the footage. Only lower-case endings: cameras write telemetry into `.SRT`.
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

    private static func absolute(_ path: String) -> String {
        URL(fileURLWithPath: (path as NSString).expandingTildeInPath).standardizedFileURL.path
    }
}

/// Above, in the middle, or below.
public enum VerticalPosition: String, OptionValue, CaseIterable {
    /// Below.
    case bottom
    /// In the middle.
    case center
    /// Above.
    case top

    var anchor: Anchor {
        switch self {
        case .bottom: .bottom
        case .center: .center
        case .top: .top
        }
    }
}
