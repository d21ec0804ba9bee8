import Foundation
import PipelineKit
import TikTok

/// How TikTok gets the bytes of a post.
enum Route: Sendable {
    /// Sent in chunks after the post is created.
    case chunks
    /// Sent in parts before the post is created.
    case parts
    /// Fetched by TikTok from this URL.
    case pull(String)
}

extension UploadWorkflow {
    private static let partsNote = "parts"

    /// The route that the options, the dialect and the video's URL allow.
    func route() throws(StageError) -> Route {
        try Upload.route(origin, configuration.dialect, input.video)
    }

    /// Returns the source for the request that creates the post. Uploads the file first with the multipart dialect.
    func source(
        _ route: Route, _ file: FileSource, _ plan: ChunkPlan, _ digest: String
    ) async throws(StageError) -> PostSource {
        switch route {
        case .chunks: return .upload(plan)
        case .pull(let url):
            try await PullAddress.check(url, bytes: file.bytes, transport, configuration)
            return .pull(url)
        case .parts:
            let (checkpoints, name) = (context.checkpoints, Self.partsNote)
            let earlier = (try await checkpoints.value(name)).flatMap { try? $0.decode(PartProgress.self) }
            let video = try await PartUploader(session, clock: context.clock, bytesPerSecond: bytesPerSecond).upload(
                file, by: plan, digest: digest, from: earlier,
                note: { (state) throws(StageError) in
                    try await checkpoints.set(name, to: (try? JSONValue(encoding: state)) ?? .null)
                },
                progress: context.progress)
            return .video(video)
        }
    }

    /// Deletes the checkpoint of the multipart upload, so that a posted or rejected video is not posted again.
    func forgetParts() async {
        guard let note = try? await context.checkpoints.value(Self.partsNote), note != .null else { return }
        try? await context.checkpoints.set(Self.partsNote, to: .null)
    }
}
