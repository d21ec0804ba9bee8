import Foundation
import Media
public import PipelineKit

/// Picks the post's cover: a sharp, well-lit frame with contrast, never black, white or within a fade if possible.
///
/// `upload` sends the frame's time, unless the post sets its own `cover`.
public struct Cover: Stage {
    public static let name: StageName = "cover"
    public static let summary = "Picks a sharp, well-lit frame of the prepared video as the post's cover."
    /// The same video gives the same frame.
    public static let effect: Effect = .resumable
    /// Decodes keyframes, and all frames around the best ones.
    public static let resource: Resource = .cpu
    public static let access: StageAccess = .files

    public struct Options: StageOptions {
        @StageOption(
            "Where to write the frame: a folder, or a path ending in .jpg or .png, in which {{ name }} is the footage's name."
        )
        public var save: String? = nil

        public init() {}
    }

    private let options: Options

    public init(options: Options) throws(StageError) { self.options = options }

    /// Reports a `save` path whose folder can't be used.
    public func check(_ context: CheckContext) -> [Diagnostic] {
        guard let save = options.save else { return [] }
        if save.isEmpty { return OutputFolder.findings(path: save, pointer: "/save") }
        return OutputFolder.findings(path: StillTarget(save, name: "clip").folder, pointer: "/save")
    }

    /// Names the file that the frame is written to.
    public func plan(_ input: PreparedVideo, _ context: PlanContext) async throws(StageError) -> StagePlan {
        var reasons: [String] = []
        if context.post.cover != nil { reasons.append("the post's own cover takes precedence") }
        var action = "pick the sharpest well-lit frame"
        if let save = options.save {
            let target = StillTarget(save, name: input.stem)
            action += ", and write it to \(target.folder)/\(target.name).\(target.format.rawValue)"
        }
        return StagePlan(action: action, reasons: reasons, output: input)
    }

    /// Picks the frame, and writes it if `save` is set.
    public func run(_ input: PreparedVideo, _ context: StageContext) async throws(StageError) -> PreparedVideo {
        let target = options.save.map { StillTarget($0, name: input.stem) }
        if target != nil { try context.makeWorkDirectory() }
        let still = target.map {
            (
                path: context.workDirectory.appendingPathComponent("\(context.stageID).\($0.format.rawValue)").path,
                format: $0.format
            )
        }
        defer { if let still { try? FileManager.default.removeItem(atPath: still.path) } }
        let report = context.progress
        let cover = try await BlockingWork.run(name: "cover") { (flag) throws(StageError) in
            try MediaLibraries.loadFilters()
            do throws(MediaError) {
                return try CoverFinder.find(
                    in: input.file.path, duration: input.duration, still: still, cancellation: flag,
                    progress: { report(StageProgress(fraction: $0)) })
            } catch {
                throw error.stageError()
            }
        }
        if let target, let still {
            _ = try await OutputFolder(path: target.folder).store(
                still.path, name: target.name, ending: target.format.rawValue, claims: OutputClaims(context))
        }
        var output = input
        // Rounded up to the millisecond, so that the time lies in the frame and not just before it.
        output.coverTime = (cover.time * 1000).rounded(.up) / 1000
        return output
    }
}

/// Where the cover image is written.
struct StillTarget {
    let folder: String
    let name: String
    let format: StillFile.Format

    /// Parses the `save` option for footage called `name`.
    init(_ save: String, name: String) {
        let ending = (save as NSString).pathExtension.lowercased()
        guard let format = StillFile.Format(rawValue: ending == "jpeg" ? "jpg" : ending) else {
            (folder, self.name, self.format) = (save, "\(name)-cover", .jpg)
            return
        }
        let parent = (save as NSString).deletingLastPathComponent
        folder = parent.isEmpty ? "." : parent
        let stem = ((save as NSString).lastPathComponent as NSString).deletingPathExtension
        self.name = stem.replacing(/\{\{\s*name\s*\}\}/) { _ in name }
        self.format = format
    }
}
