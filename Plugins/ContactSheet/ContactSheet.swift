import Foundation
import Media
public import PipelineKit

/// Writes a contact sheet of each prepared video: frames on one image, with their times.
public struct ContactSheet: Stage {
    public static let name: StageName = "contactSheet"
    public static let summary = "Writes a contact sheet of each prepared video as a PNG into a folder."
    /// A repeated run finds the file in place.
    public static let effect: Effect = .resumable
    /// Decodes a few frames.
    public static let resource: Resource = .cpu
    public static let access: StageAccess = .files

    public struct Options: StageOptions {
        @StageOption("Output folder; created if it is missing.")
        public var directory: String = "out"
        @StageOption("Number of frames per row.", range: 1...20)
        public var columns: Int = 5
        @StageOption("Number of rows of frames.", range: 1...20)
        public var rows: Int = 4
        @StageOption("Width of the sheet in pixels.", range: 320...4096)
        public var width: Int = 1280

        public init() {}
    }

    public static func sampleOptions(in folder: String) -> [String: JSONValue] {
        ["directory": .string(folder + "/sheets")]
    }

    private let options: Options
    private var sheet: FrameSheet {
        FrameSheet(columns: options.columns, rows: options.rows, width: options.width)
    }

    public init(options: Options) throws(StageError) { self.options = options }

    /// Reports a folder that can't be used, and frames that are too small to see.
    public func check(_ context: CheckContext) -> [Diagnostic] {
        var findings = OutputFolder.findings(path: options.directory, pointer: "/directory")
        if options.width / options.columns < 48 {
            findings.append(
                Diagnostic(
                    code: "contradicting-options",
                    "\(options.columns) frames per row on a sheet \(options.width) pixels wide are too small to see",
                    hint: "lower columns or raise width", pointer: "/columns"))
        }
        return findings
    }

    /// Names the file that the sheet is written to.
    public func plan(_ input: PreparedVideo, _ context: PlanContext) async throws(StageError) -> StagePlan {
        let path = folder.path(name: "\(input.stem)-sheet", ending: "png")
        return StagePlan(
            action: "write \(options.columns)×\(options.rows) frames to "
                + "\(options.directory)/\((path as NSString).lastPathComponent)",
            details: ["path": .string(path)], output: input)
    }

    /// Writes the sheet and passes the video on unchanged.
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
                    of: input, to: draft, cancellation: flag, progress: { report(StageProgress(fraction: $0)) })
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
