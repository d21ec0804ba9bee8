import Foundation
import Media
public import PipelineKit

/// Writes a contact sheet of each prepared video: its frames on one picture, with their times.
public struct ContactSheet: Stage {
    /// `contactSheet`.
    public static let name: StageName = "contactSheet"
    /// One sentence.
    public static let summary = "Writes a contact sheet of each prepared video as PNG into a folder."
    /// Doing it again finds the file in place.
    public static let effect: Effect = .resumable
    /// Decodes a few frames.
    public static let resource: Resource = .cpu

    /// What can be set.
    public struct Options: StageOptions {
        @StageOption("The folder; it is made when it is missing.")
        public var directory: String = "out"
        @StageOption("Pictures side by side.", range: 1...20)
        public var columns: Int = 5
        @StageOption("Rows of pictures.", range: 1...20)
        public var rows: Int = 4
        @StageOption("Width of the sheet in pixels.", range: 320...4096)
        public var width: Int = 1280

        /// The defaults.
        public init() {}
    }

    private let options: Options
    private var sheet: FrameSheet {
        FrameSheet(columns: options.columns, rows: options.rows, width: options.width)
    }

    /// Makes the stage.
    public init(options: Options) throws(StageError) { self.options = options }

    /// Finds a folder that can't be one, and pictures too small to see.
    public func check(_ context: CheckContext) -> [Diagnostic] {
        var findings = OutputFolder.findings(path: options.directory, pointer: "/directory")
        if options.width / options.columns < 48 {
            findings.append(
                Diagnostic(
                    code: "contradicting-options",
                    "\(options.columns) pictures side by side on \(options.width) pixels are too small to see",
                    hint: "lower columns or raise width", pointer: "/columns"))
        }
        return findings
    }

    /// Names the file.
    public func plan(_ input: PreparedVideo, _ context: PlanContext) async throws(StageError) -> StagePlan {
        let path = folder.path(name: "\(input.stem)-sheet", ending: "png")
        return StagePlan(
            action: "write \(options.columns)×\(options.rows) frames to "
                + "\(options.directory)/\((path as NSString).lastPathComponent)",
            details: ["path": .string(path)], output: input)
    }

    /// Writes the sheet and hands the video on.
    public func run(_ input: PreparedVideo, _ context: StageContext) async throws(StageError) -> PreparedVideo {
        try context.makeWorkDirectory()
        let draft = context.workDirectory.appendingPathComponent("\(context.stageID).png").path
        defer { try? FileManager.default.removeItem(atPath: draft) }
        let sheet = sheet
        let report = context.progress
        try await BlockingWork.run(name: "contact-sheet") { (flag) throws(StageError) in
            try MediaLibraries.loadFilters()
            do throws(MediaError) {
                try sheet.write(
                    of: input.file.path, videoWidth: input.width, videoHeight: input.height, duration: input.duration,
                    to: draft, cancellation: flag, progress: { report(StageProgress(fraction: $0)) })
            } catch {
                throw error.stageError()
            }
        }
        _ = try await folder.store(
            draft, name: "\(input.stem)-sheet", ending: "png", claims: OutputClaims(context))
        return input
    }

    private var folder: OutputFolder { OutputFolder(path: options.directory) }
}
