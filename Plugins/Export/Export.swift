import Foundation
public import PipelineKit

/// Copies each prepared video into a folder, under the name of its footage, and hands it on.
///
/// A file that is already there is never overwritten unless it has the same content, in which case it is left as it
/// is; another file gets a number. On the same file system the copy is a second name of the prepared file. It appears under its name only when it is complete.
public struct Export: Stage {
    /// `export`.
    public static let name: StageName = "export"
    /// One sentence.
    public static let summary = "Copies each prepared video into a folder, named after its footage."
    /// Doing it again finds the file in place.
    public static let effect: Effect = .resumable
    /// Copies a file.
    public static let resource: Resource = .light

    /// What can be set.
    public struct Options: StageOptions {
        @StageOption("The folder; it is made when it is missing.")
        public var directory: String = "out"

        /// The defaults.
        public init() {}
    }

    private let options: Options

    /// An export.
    public init(options: Options) throws(StageError) {
        self.options = options
    }

    /// Finds a folder that can't be one.
    public func check(_ context: CheckContext) -> [Diagnostic] {
        OutputFolder.findings(path: options.directory, pointer: "/directory")
    }

    /// Names the file.
    public func plan(_ input: PreparedVideo, _ context: PlanContext) async throws(StageError) -> StagePlan {
        let path = folder.path(name: input.source.stem, ending: "mp4")
        return StagePlan(
            action: "copy to \(options.directory)/\((path as NSString).lastPathComponent)",
            details: ["path": .string(path)], output: input)
    }

    /// Copies the file.
    public func run(_ input: PreparedVideo, _ context: StageContext) async throws(StageError) -> PreparedVideo {
        var output = input
        output.exportedPath = try await folder.store(
            input.file.path, name: input.source.stem, ending: "mp4", claims: OutputClaims(context))
        return output
    }

    private var folder: OutputFolder { OutputFolder(path: options.directory) }
}
