import ChunkPlugin
import ContactSheetPlugin
import CoverPlugin
import ExportPlugin
import OverlayPlugin
import PipelineAdvice
import PipelineCases
import PipelineEngine
package import PipelineFile
package import PipelineKit
import ProbePlugin
import PublishPlugin
import SplitPlugin
import StageHosting
import SubtitlesPlugin
import TranscodePlugin
import UploadPlugin

extension StageRegistry {
    /// Stages that another binary adds with `SpreaderProgram.main(adding:)`.
    @TaskLocal package static var added: [StageDefinition] = []

    /// All linked stages: the built-in ones, and added ones, which win if the names are equal.
    package static var linked: StageRegistry {
        let own = Set(added.map(\.name))
        return StageRegistry(builtIn.stages.filter { !own.contains($0.name) } + added)
    }

    /// The built-in stages, one line each, sorted by name.
    package static let builtIn = StageRegistry([
        StageDefinition(Chunk.self),
        StageDefinition(ContactSheet.self),
        StageDefinition(Cover.self),
        StageDefinition(Export.self),
        StageDefinition(Overlay.self),
        StageDefinition(Probe.self),
        StageDefinition(Publish.self),
        StageDefinition(Split.self),
        StageDefinition(Subtitles.self),
        StageDefinition(Transcode.self),
        StageDefinition(Upload.self),
    ])
}
