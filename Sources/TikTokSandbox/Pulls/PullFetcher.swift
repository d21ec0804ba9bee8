import AsyncHTTPClient
import Foundation
import Logging
import NIOCore
import NIOHTTP1

/// Fetches the videos of `PULL_FROM_URL` posts as TikTok does: a redirect or an incomplete response ends the post with
/// `video_pull_failed`.
struct PullFetcher: Sendable {
    let engine: SandboxEngine

    private static let client: HTTPClient = {
        var configuration = HTTPClient.Configuration()
        configuration.redirectConfiguration = .disallow
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }()

    /// Fetches videos concurrently until the task is cancelled.
    func run() async {
        await withDiscardingTaskGroup { group in
            for await id in engine.pulls {
                group.addTask { await fetch(id) }
            }
        }
    }

    private func fetch(_ publishID: String) async {
        guard let pull = await engine.pendingPull(publishID) else { return }
        do {
            try await Task.sleep(for: .seconds(engine.settings.pullSeconds))
            let video = try await download(pull.url, to: pull.file, of: publishID)
            try await engine.pulled(publishID, bytes: video.bytes, contentType: video.contentType)
        } catch is CancellationError {
            // The server is stopping; the next one on this folder fetches the video.
        } catch {
            engine.logger.notice("cannot fetch a video", metadata: ["error": "\(error)"])
            try? FileManager.default.removeItem(at: pull.file)
            await engine.pullFailed(publishID)
        }
    }

    private struct UnexpectedResponse: Error {
        var status: Int
    }

    private func download(
        _ url: String, to file: URL, of publishID: String
    ) async throws -> (bytes: Int64, contentType: String) {
        let response = try await Self.client.execute(HTTPClientRequest(url: url), timeout: .hours(1))
        guard response.status == .ok else { throw UnexpectedResponse(status: Int(response.status.code)) }
        let output = try PosixFile(file, .readWrite)
        try output.truncate(to: 0)
        var bytes: Int64 = 0
        let limit = engine.settings.maxVideoBytes
        for try await piece in response.body {
            try piece.withUnsafeReadableBytes { try output.write($0, at: bytes) }
            bytes += Int64(piece.readableBytes)
            guard bytes <= limit else { throw UnexpectedResponse(status: 413) }
            // Stop if the client cancelled the pull during the download.
            guard await engine.pendingPull(publishID) != nil else { throw UnexpectedResponse(status: 499) }
        }
        guard bytes > 0 else { throw UnexpectedResponse(status: 204) }
        return (bytes, response.headers.first(name: "content-type") ?? "video/mp4")
    }
}

extension SandboxEngine {
    /// The address and target file of a pull; nil once it has finished, failed or been cancelled.
    func pendingPull(_ publishID: String) -> (url: String, file: URL)? {
        guard let pull = state.posts[publishID]?.pull, !pull.hasArrived, pull.failReason == nil else { return nil }
        return (pull.url, directory.media(publishID))
    }

    /// Records a fetched video, unless its pull was cancelled in the meantime.
    func pulled(_ publishID: String, bytes: Int64, contentType: String) throws {
        guard pendingPull(publishID) != nil else { return }
        let readyAt = now().addingTimeInterval(settings.processingSeconds)
        try commit(
            .pulled(
                publishID: publishID, bytes: bytes, contentType: contentType, readyAt: readyAt,
                publicAt: readyAt.addingTimeInterval(settings.moderationSeconds)))
        inspectionQueue.yield(publishID)
    }

    /// Ends a pull with `video_pull_failed`.
    func pullFailed(_ publishID: String) {
        guard pendingPull(publishID) != nil else { return }
        do {
            try commit(.pullFailed(publishID: publishID, reason: "video_pull_failed"))
        } catch {
            logger.error("cannot write the journal", metadata: ["error": "\(error)"])
        }
    }
}
