import Foundation
import PipelineKit
import TikTok

extension UploadWorkflow {
    /// The name of the checkpoint that holds the progress of a multipart upload.
    private static let partsCheckpoint = "parts"

    /// Returns the source for the request that creates the post. Uploads the file first with the multipart dialect.
    func source(of payload: UploadPayload, route: Route) async throws(StageError) -> PostSource {
        switch route {
        case .chunks: return .upload(payload.plan)
        case .pull(let url):
            try await PullAddress.check(
                url, bytes: payload.file.bytes, over: transport, configuration: configuration)
            return .pull(url)
        case .parts: return .video(try await uploadParts(of: payload))
        }
    }

    /// Uploads the parts that are missing since the last checkpoint. Returns the id of the video.
    private func uploadParts(of payload: UploadPayload) async throws(StageError) -> String {
        let checkpoints = context.checkpoints
        let saved = try await checkpoints.value(Self.partsCheckpoint)
        let upload = PartUpload(
            file: payload.file, plan: payload.plan, digest: payload.digest,
            save: { (progress) throws(StageError) in
                try await checkpoints.set(Self.partsCheckpoint, to: (try? JSONValue(encoding: progress)) ?? .null)
            }, report: context.progress)
        return try await PartUploader(session, clock: context.clock, bytesPerSecond: bytesPerSecond)
            .upload(upload, resuming: saved.flatMap { try? $0.decode(PartProgress.self) })
    }

    /// Deletes the checkpoint of the multipart upload, so that a posted or rejected video is not posted again.
    func discardParts() async {
        guard let saved = try? await context.checkpoints.value(Self.partsCheckpoint), saved != .null else { return }
        try? await context.checkpoints.set(Self.partsCheckpoint, to: .null)
    }
}
