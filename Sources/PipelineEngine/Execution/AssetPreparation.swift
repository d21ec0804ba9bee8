package import Foundation
package import PipelineFile
package import PipelineKit

/// What a pipeline means for one asset: the post's settings and its identity.
package struct AssetPost: Sendable {
    /// The settings with sidecar and placeholders applied.
    package var settings: PostSettings

    /// The settings of `asset`.
    /// - Parameter part: Which part of how many it is.
    /// - Throws: `StageError` with code `invalid-option` when pipeline and sidecar together don't hold.
    package init(
        pipeline: Pipeline, asset: AssetInput, date: Date, part: (number: Int, count: Int) = (1, 1)
    ) throws(StageError) {
        let merged = pipeline.post.merging(asset.post) { pipeline, own in
            // A sidecar adds to the fields, and leaves the others as they are.
            if case .object(let all) = pipeline, case .object(let some) = own {
                return .object(all.merging(some) { $1 })
            }
            return own
        }
        do throws(OptionProblem) {
            settings = try PostSettings.make(from: merged)
        } catch {
            throw StageError(.invalidOption, "the post of \(asset.name) \(error.message)", hint: error.hint)
        }
        let name = URL(filePath: asset.path).deletingPathExtension().lastPathComponent
        let fields = settings.fields.values.compactMapValues { $0 }
        let isPosted = pipeline.isIrreversible && settings.mode == .direct
        for placeholder in isPosted ? TitleTemplate.placeholders(in: settings.title) : []
        where !TitleTemplate.names.contains(placeholder) && fields[placeholder] == nil {
            throw StageError(
                .invalidOption, "the title of \(asset.name) has no value for \"{{ \(placeholder) }}\"",
                hint: "give it in \(name).json beside the footage: {\"fields\": {\"\(placeholder)\": …}}")
        }
        settings.title = TitleTemplate.fill(settings.title, name: name, date: date, part: part, fields: fields)
        settings.title = settings.hashtags.appended(to: settings.title)
        let length = settings.title.utf16.count
        if isPosted, length > PostSettings.longestTitle {
            throw StageError(
                .invalidOption,
                "the title of \(asset.name) is \(length) UTF-16 units long; TikTok takes \(PostSettings.longestTitle)",
                hint: "shorten it, or give a title in a sidecar")
        }
    }
}
