import ChunkPlugin
import ContactSheetPlugin
import CoverPlugin
import ExportPlugin
import OverlayPlugin
import PipelineKit
import PipelineRunner
import ProbePlugin
import PublishPlugin
import SplitPlugin
import SubtitlesPlugin
import TranscodePlugin
import UploadPlugin

extension StageRegistry {
    /// The stages that come with the program: one line each, sorted by name.
    static let builtIn = StageRegistry([
        StageType(Chunk.self),
        StageType(ContactSheet.self),
        StageType(Cover.self),
        StageType(Export.self),
        StageType(Overlay.self),
        StageType(Probe.self),
        StageType(Publish.self),
        StageType(Split.self),
        StageType(Subtitles.self),
        StageType(Transcode.self),
        StageType(Upload.self),
    ])
}
