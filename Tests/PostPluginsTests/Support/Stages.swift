import ChunkPlugin
import PipelineKit
import PublishPlugin
import SpreaderTesting
import UploadPlugin

/// Chunks of 5 MiB, the smallest, so that small files have several.
func chunked(_ video: TestVideo, size: Int64 = 5_242_880) async throws -> ChunkedVideo {
    var options = Chunk.Options()
    options.size = ByteCount(size)
    return try await Chunk(options: options).run(video.prepared, InMemoryHost().context())
}

func upload(
    _ video: TestVideo, _ host: InMemoryHost, bandwidth: BitRate? = nil, source: Upload.Origin = .auto
) async throws(StageError) -> UploadedVideo {
    let input: ChunkedVideo
    do {
        input = try await chunked(video)
    } catch {
        throw StageError(.internalFault, "\(error)")
    }
    var options = Upload.Options()
    options.bandwidth = bandwidth
    options.source = source
    return try await Upload(options: options).run(input, host.context(stage: "upload"))
}

func publish(
    _ uploaded: UploadedVideo, _ host: InMemoryHost, wait: Duration = .seconds(30)
) async throws(StageError) -> PublishedPost {
    var options = Publish.Options()
    options.wait = wait
    return try await Publish(options: options).run(uploaded, host.context(stage: "publish"))
}

/// The error that `body` ends in, or nil.
func failure<Value>(_ body: () async throws(StageError) -> Value) async -> StageError? {
    do throws(StageError) {
        _ = try await body()
        return nil
    } catch {
        return error
    }
}
