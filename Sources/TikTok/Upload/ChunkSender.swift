import Foundation
import PipelineKit

/// Sends the chunks of one upload, one request at a time, and turns each result into an ``UploadSession/Event``.
struct ChunkSender {
    enum Result {
        case event(UploadSession.Event)
        /// Sending this or any other chunk makes no sense any more.
        case refused(StageError)
    }

    /// The longest `Retry-After` to follow, in seconds.
    private static let longestRetryAfter: TimeInterval = 120

    private let upload: PendingUpload
    private let transport: any Transport
    private let clock: HostClock
    private let pace: Pace?
    private let meter: UploadMeter
    /// The number of bytes that the service had before this upload.
    private let start: Int64
    private var retryAfter: Double?

    init(
        upload: PendingUpload, transport: any Transport, clock: HostClock, pace: Pace?, meter: UploadMeter,
        start: Int64
    ) {
        self.upload = upload
        self.transport = transport
        self.clock = clock
        self.pace = pace
        self.meter = meter
        self.start = start
    }

    /// Returns the delay that the host asked for in its last response, at most two minutes, and forgets it.
    mutating func takeRetryAfter() -> Duration? {
        defer { retryAfter = nil }
        return retryAfter.map { .seconds(min($0, Self.longestRetryAfter)) }
    }

    /// Sends one byte range.
    /// - Parameter committed: The number of bytes that the service is known to have.
    /// - Throws: ``StageError/cancelled``.
    mutating func send(_ range: Range<Int64>, committed: Int64) async throws(StageError) -> Result {
        let left = upload.deadline.timeIntervalSince(clock.now())
        // The host would respond with 403 now. Let the status call decide, as it does after a real 403.
        guard left > 0 else { return .event(.answered(status: 403, progress: nil)) }
        if let problem = UploadRate.problem(
            sent: committed - start, in: meter.elapsed, missing: upload.plan.size - committed, left: left)
        {
            return .refused(problem)
        }
        do throws(TransportFailure) {
            let response = try await transport.send(request(for: range, timeout: .seconds(left + 60)))
            retryAfter = response.retryAfter
            return .event(
                .answered(
                    status: response.status, progress: ContentRange.progress(response.headers["content-range"])))
        } catch {
            switch error.kind {
            case .cancelled: throw .cancelled
            case .file: return .refused(Uploader.changedFile)
            case .unreachable, .timeout, .broken, .oversized: return .event(.interrupted)
            }
        }
    }

    private func request(for range: Range<Int64>, timeout: Duration) -> TransportRequest {
        let chunk = FileChunk(
            file: upload.file, range: range, pace: pace, onSent: meter.counter(from: range.lowerBound))
        return TransportRequest(
            method: "PUT", url: upload.url.reveal(),
            headers: [
                ("Content-Type", "video/mp4"),
                ("Content-Range", "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(upload.plan.size)"),
            ], body: .file(chunk), timeout: timeout)
    }
}

/// Parses the `Content-Range` header of a response.
enum ContentRange {
    /// The number after the dash in `bytes 0-<number>/<total>`; nil if the header is missing or malformed.
    static func progress(_ field: String?) -> Int64? {
        guard let field, let dash = field.firstIndex(of: "-") else { return nil }
        return Int64(field[field.index(after: dash)...].prefix { $0.isASCII && $0.isNumber })
    }
}
