import PipelineKit
import TikTok

/// The prepared file of a post, opened for its upload.
struct UploadPayload: Sendable {
    let file: FileSource
    let plan: ChunkPlan
    /// The SHA-256 of the file.
    let digest: String

    /// Opens the file that the chunk stage divided.
    init(_ input: ChunkedVideo) async throws(StageError) {
        file = try Self.open(input.video)
        plan = try ChunkPlan(announced: input)
        digest = try await Self.digest(of: input.video)
    }

    static func open(_ video: PreparedVideo) throws(StageError) -> FileSource {
        do throws(FileSource.Problem) {
            return try FileSource(path: video.file.path)
        } catch {
            throw StageError(.fileSystem, error.message, hint: "run the same command again with --no-cache")
        }
    }

    /// Returns the digest from the stage that wrote the file; otherwise reads the file.
    static func digest(of video: PreparedVideo) async throws(StageError) -> String {
        if let digest = video.file.sha256 { return digest }
        let file = try open(video)
        do throws(FileSource.Problem) {
            return try await file.sha256()
        } catch {
            throw StageError(.fileSystem, error.message)
        }
    }
}

extension ChunkPlan {
    /// Restores the plan of the chunk stage.
    fileprivate init(announced input: ChunkedVideo) throws(StageError) {
        guard
            let plan = ChunkPlan(
                size: input.video.file.bytes, chunkSize: input.chunkSize, count: input.chunkCount)
        else {
            throw StageError(
                .internalFault,
                "a plan of \(input.chunkCount) chunks of \(input.chunkSize) bytes does not match a file of \(input.video.file.bytes) bytes"
            )
        }
        self = plan
    }
}
