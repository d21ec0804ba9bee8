import Foundation
import Media
public import PipelineKit

/// Puts an image or a text over the footage, clear of TikTok's interface.
///
/// Only adds the overlay to the footage's decorations; `transcode` draws them in its single encode.
public struct Overlay: Stage {
    public static let name: StageName = "overlay"
    public static let summary = "Puts an image or a text over the footage, clear of TikTok's interface."
    /// The same files and options give the same overlay.
    public static let effect: Effect = .pure
    /// Reads one small file.
    public static let resource: Resource = .light
    public static let access: StageAccess = .files

    public struct Options: StageOptions {
        @StageOption("Path of a PNG, JPEG or WebP; transparency is kept. Set either this or text.")
        public var image: String? = nil
        @StageOption("Text to draw as written; long lines are wrapped. Set either this or image.")
        public var text: String? = nil
        @StageOption("Position of the overlay in the free area.")
        public var position: Anchor = .topLeft
        @StageOption(
            "Width of the image, as a share of the delivery's width; reduced if the image would not fit.",
            range: Percentage(percent: 1)...Percentage(percent: 100))
        public var width: Percentage = Percentage(percent: 20)
        @StageOption("Opacity of the overlay.", range: Percentage(percent: 1)...Percentage(percent: 100))
        public var opacity: Percentage = Percentage(percent: 100)
        @StageOption(
            "Distance from the edges of the free area, as a share of the delivery's width.",
            range: Percentage(percent: 0)...Percentage(percent: 40))
        public var margin: Percentage = Percentage(percent: 0)
        @StageOption("Font of the text: the name of an installed family, or the path of a font file.")
        public var font: String = "sans-serif"
        @StageOption(
            "Line height, as a share of the delivery's height; reduced if the text would not fit.",
            range: Percentage(percent: 1)...Percentage(percent: 50))
        public var size: Percentage = Percentage(percent: 4)
        @StageOption("Colour of the text; its outline is dark or bright, for contrast.")
        public var colour: Colour = .white
        @StageOption("When the overlay appears, counted from the start of the delivery.")
        public var start: Duration = .zero
        @StageOption("When the overlay disappears; by default at the end of the delivery.")
        public var end: Duration? = nil
        @StageOption(
            "Whether to keep clear of TikTok's interface: true, false, or the width of the borders.")
        public var safeArea: SafeArea = .tiktok

        public init() {}
    }

    public static func sampleOptions(in folder: String) -> [String: JSONValue] { ["text": "Sample"] }

    private let options: Options

    /// Accepts options that contradict each other; ``check(_:)`` reports them.
    public init(options: Options) throws(StageError) { self.options = options }

    /// Reports an unusable image, a missing font, and options that contradict each other.
    public func check(_ context: CheckContext) -> [Diagnostic] {
        var findings: [Diagnostic] = []
        if let end = options.end, end <= options.start {
            findings.append(
                Diagnostic(
                    code: "contradicting-options",
                    "the overlay ends at \(end.spoken), which is not after its start at \(options.start.spoken)",
                    hint: "give an end after the start, or leave it out", pointer: "/end"))
        }
        switch (options.image, options.text) {
        case (nil, nil):
            findings.append(
                Diagnostic(
                    code: "missing-option", "the overlay has neither image nor text", hint: "set image or text"))
        case (_?, _?):
            findings.append(
                Diagnostic(
                    code: "contradicting-options", "image and text are both given",
                    hint: "use two overlay stages, each with an id", pointer: "/text"))
        case (let path?, nil):
            do throws(MediaError) {
                _ = try StillImage(path: UserPath.absolute(path))
            } catch {
                findings.append(
                    Diagnostic(
                        code: "unusable-file", "\(path): \(error.text)",
                        hint: "use a PNG, JPEG or WebP; paths are relative to the current folder", pointer: "/image"))
            }
        case (nil, let text?):
            if text.allSatisfy(\.isWhitespace) {
                findings.append(
                    Diagnostic(code: "empty-value", "text is empty", hint: "set the text to draw", pointer: "/text"))
            }
            findings += FontChoice.findings(options.font, pointer: "/font")
        }
        return findings
    }

    /// Describes the overlay and where it is drawn.
    public func plan(_ input: ProbedMedia, _ context: PlanContext) async throws(StageError) -> StagePlan {
        StagePlan(
            action: "put \(described) over the video, \(options.position.rawValue)",
            output: try await decorated(input))
    }

    /// Adds the overlay to the decorations that `transcode` draws.
    public func run(_ input: ProbedMedia, _ context: StageContext) async throws(StageError) -> ProbedMedia {
        try await decorated(input)
    }

    /// The image, or the font file of the text.
    public func dependencies(_ input: ProbedMedia) -> [String] {
        [options.image.map(UserPath.absolute), options.text == nil ? nil : FontChoice.file(options.font)].compactMap(
            \.self)
    }

    private var described: String {
        guard let text = options.text else { return options.image ?? "nothing" }
        let line = text.split(whereSeparator: \.isNewline).first.map(String.init) ?? ""
        return "\"\(line.prefix(40))\(line.count > 40 || line.count < text.count ? "…" : "")\""
    }

    private func decorated(_ input: ProbedMedia) async throws(StageError) -> ProbedMedia {
        let options = options
        let decoration = try await BlockingWork.run(name: "overlay") { (flag) throws(StageError) in
            try Self.decoration(options, cancellation: flag)
        }
        var output = input
        output.decorations.append(decoration)
        return output
    }

    private static func decoration(
        _ options: Options, cancellation flag: CancellationFlag
    ) throws(StageError) -> VideoDecoration {
        try MediaLibraries.loadFilters()
        let position = DecorationPosition(
            anchor: options.position, margin: options.margin.fraction, insets: options.safeArea.insets)
        let time = DecorationTime(start: options.start.inSeconds, end: options.end?.inSeconds)
        if let text = options.text {
            let style = TextStyle(
                font: try FontChoice.font(options.font, cancellation: flag), size: options.size.fraction,
                colour: options.colour.rgb,
                outlineColour: FontChoice.contrast(to: options.colour.rgb))
            return .text(
                TextDecoration(
                    text: text, style: style, opacity: options.opacity.fraction, position: position, time: time))
        }
        guard let image = options.image else {
            throw StageError(.invalidOption, "the overlay has neither image nor text", hint: "set image or text")
        }
        let path = UserPath.absolute(image)
        do throws(MediaError) {
            let header = try StillImage(path: path)
            try StillImage.checkDecoding(path: path)
            return .image(
                ImageDecoration(
                    file: try FileReference(digesting: path, cancellation: flag), pixelWidth: header.width,
                    pixelHeight: header.height, width: options.width.fraction, opacity: options.opacity.fraction,
                    position: position, time: time))
        } catch {
            if error.isCancellation { throw .cancelled }
            throw StageError(
                .invalidOption, "the overlay \(image) can't be used: \(error.text)", hint: "use a PNG, JPEG or WebP",
                cause: error.description)
        }
    }
}
