package import Foundation
import Logging
import Media
import PipelineAdvice
import PipelineCases
import PipelineEngine
import PipelineFile
package import PipelineKit
package import StageHosting
import Store

/// Artifacts of every kind, made from one short clip, as inputs for the conformance suite.
package struct SampleArtifacts {
    /// One artifact of each kind.
    package var artifacts: PluginConformance.Samples
    /// The options that built-in stages need to work on the artifacts, by stage.
    package var options: [String: [String: JSONValue]]

    /// Makes the artifacts with the built-in stages.
    /// - Parameters:
    ///   - path: Footage to use; nil generates a one-second clip.
    ///   - folder: The folder for all files.
    /// - Throws: `StageError` if the footage can't be prepared.
    package static func make(from path: String?, in folder: URL) async throws(StageError) -> SampleArtifacts {
        let clip = folder.appending(path: "sample.mp4")
        do {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            if path == nil {
                try await BlockingWork.run(name: "sample") { (_) throws(MediaError) in
                    try SampleClip(width: 640, height: 360, seconds: 1).write(to: clip.path)
                }
            }
            let captions = "1\n00:00:00,000 --> 00:00:00,800\nHello\n"
            try Data(captions.utf8).write(to: folder.appending(path: "sample.srt"))
        } catch {
            throw StageError(.fileSystem, "the sample clip can't be created: \(error)")
        }
        let place = path.map { URL(filePath: $0).standardizedFileURL.path } ?? clip.path
        let digests = FileDigests(nil)
        let file = FileReference(
            path: place, bytes: try FileSize.of(place), sha256: try await digests.sha256(of: place))
        var artifact: any Artifact = SourceFile(file: file, displayPath: path ?? "sample.mp4")
        var artifacts: PluginConformance.Samples = [SourceFile.kind: artifact]
        for name in ["probe", "transcode", "chunk"] {
            guard let type = StageRegistry.linked.stage(named: name) else { continue }
            artifact = try await type.make([:]).run(artifact, BareContext.running(in: folder))
            artifacts[type.output] = artifact
        }
        artifacts[UploadedVideo.kind] = UploadedVideo(
            publishID: "v_pub_file~sample", postID: "sample", mode: .direct, username: "sample", title: "Sample",
            privacyLevel: PrivacyLevel.selfOnly.rawValue, bytes: file.bytes)
        artifacts[PublishedPost.kind] = PublishedPost(
            publishID: "v_pub_file~sample", status: "PUBLISH_COMPLETE", postIDs: [], url: nil, mode: .direct)
        return SampleArtifacts(
            artifacts: artifacts,
            options: Dictionary(
                uniqueKeysWithValues: StageRegistry.linked.stages.map {
                    ($0.name.rawValue, $0.sampleOptions(folder.path))
                }))
    }
}
