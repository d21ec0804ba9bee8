package import Foundation
package import PipelineFile
package import PipelineKit

/// The post settings for one asset.
package struct AssetPost: Sendable {
    /// The pipeline's settings with sidecar, placeholders and hashtags applied.
    package var settings: PostSettings

    /// Merges and validates the settings of pipeline and sidecar.
    /// - Parameter part: The number of the part and of all parts; (1, 1) if the footage is not split.
    /// - Throws: `StageError` with code `invalid-option` if the merged settings are invalid.
    package init(
        pipeline: Pipeline, asset: AssetInput, date: Date, part: (number: Int, count: Int) = (1, 1)
    ) throws(StageError) {
        let merged = pipeline.post.merging(asset.post) { pipeline, own in
            // A sidecar adds to `fields` instead of replacing it.
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
                hint: "set it in \(name).json next to the footage: {\"fields\": {\"\(placeholder)\": …}}")
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
