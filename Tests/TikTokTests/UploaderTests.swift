import Foundation
import NIOCore
import PipelineKit
import SpreaderTesting
import Testing

@testable import TikTok

@Suite struct UploaderTests {
    let clock = ManualClock()
    let url = Secret("https://open-upload.tiktokapis.com/video/?upload_token=t")

    func withFile<R>(_ bytes: Int, _ body: (FileSource, String) async throws -> R) async throws -> R {
        let path = FileManager.default.temporaryDirectory.appending(path: "uploader-\(UUID().uuidString)").path
        try Data(count: bytes).write(to: URL(filePath: path))
        defer { try? FileManager.default.removeItem(atPath: path) }
        return try await body(try FileSource(path: path), path)
    }

    func uploader(_ transport: any Transport) -> Uploader {
        Uploader(transport: transport, clock: clock.host, random: { 1 })
    }

    func pending(_ file: FileSource, by plan: ChunkPlan? = nil, acceptedAt: Date? = nil) throws -> PendingUpload {
        PendingUpload(
            file: file, plan: try plan ?? ChunkPlan(size: file.bytes), url: url, acceptedAt: acceptedAt ?? clock.now)
    }

    @Test func sendsExactRangesWithoutAuthorisation() async throws {
        let transport = ScriptedTransport([.answer(206, ""), .answer(206, ""), .answer(201, "")])
        let plan = try #require(ChunkPlan(size: 30, chunkSize: 9, count: 3))
        let outcome = try await withFile(30) { file, _ in
            try await uploader(transport).upload(
                try pending(file, by: plan), status: { .unknown }, progress: { _ in }
            ).outcome
        }
        guard case .complete = outcome else {
            Issue.record("\(outcome)")
            return
        }
        #expect(
            transport.requests.map { $0.header("Content-Range") } == [
                "bytes 0-8/30", "bytes 9-17/30", "bytes 18-29/30",
            ])
        for request in transport.requests {
            #expect(request.method == "PUT")
            #expect(request.url == url.reveal())
            #expect(request.header("Content-Type") == "video/mp4")
            #expect(request.header("Authorization") == nil)
        }
    }

    /// Takes the bytes of each chunk at a rate, by the clock of the test.
    private struct Line: Transport {
        let clock: ManualClock
        let bytesPerSecond: Double

        func send(_ request: TransportRequest) async throws(TransportFailure) -> TransportResponse {
            guard case .file(let chunk) = request.body else {
                throw TransportFailure(.broken, requestBegun: true, detail: "no chunk")
            }
            chunk.onSent(chunk.range.count)
            clock.advance(by: .seconds(Double(chunk.range.count) / bytesPerSecond))
            return TransportResponse(status: chunk.range.upperBound == chunk.file.bytes ? 201 : 206)
        }
    }

    @Test(arguments: [(1_000_000.0, nil), (1_000_000, 1_000_000), (100_000_000, nil)] as [(Double, Double?)])
    func measuresTheLineUnlessItIsHeldBackOrTooQuick(rate: Double, measured: Double?) async throws {
        let isHeldBack = measured == nil && rate < 10_000_000
        let uploader = Uploader(
            transport: Line(clock: clock, bytesPerSecond: rate), clock: clock.host,
            bytesPerSecond: isHeldBack ? rate : nil, random: { 1 })
        let result = try await withFile(20_000_000) { file, _ in
            try await uploader.upload(
                try pending(file), status: { .unknown }, progress: { _ in })
        }
        #expect(result.bytesPerSecond == measured)
    }

    @Test func saysWhenAMeasuredRateIsTooLow() {
        #expect(UploadRate.problem(bytes: 1_000_000_000, atMeasured: 300_000) == nil)
        let error = UploadRate.problem(bytes: 1_000_000_000, atMeasured: 200_000)
        #expect(error?.outcome == .unavailable)
        #expect(error?.message.contains("the upload was not started") == true)
    }

    @Test func backsOffBetweenAttempts() async throws {
        let transport = ScriptedTransport([.answer(500, ""), .answer(502, ""), .answer(201, "")])
        _ = try await withFile(10) { file, _ in
            try await uploader(transport).upload(
                try pending(file), status: { .underWay(uploadedBytes: 0) }, progress: { _ in })
        }
        #expect(clock.waits == [.seconds(0.5), .seconds(1)])
    }

    @Test func aDeadHostLeavesThePostResumable() async throws {
        let failure = TransportFailure(.broken, requestBegun: true, detail: "reset")
        let transport = ScriptedTransport(Array(repeating: .fail(failure), count: 10))
        try await withFile(10) { file, _ in
            let pending = try pending(file)
            do throws(StageError) {
                _ = try await uploader(transport).upload(
                    pending, status: { .underWay(uploadedBytes: 0) }, progress: { _ in })
                Issue.record("no error")
            } catch {
                #expect(error.outcome == .unavailable)
                #expect(error.recovery == .transient(after: nil))
                #expect(!error.description.contains("upload_token"))
            }
        }
        #expect(transport.requests.count == 6)
    }

    @Test func theHostsOwnWaitWins() async throws {
        let transport = ScriptedTransport([.answer(503, "", headers: ["retry-after": "7"]), .answer(201, "")])
        _ = try await withFile(10) { file, _ in
            try await uploader(transport).upload(
                try pending(file), status: { .underWay(uploadedBytes: 0) }, progress: { _ in })
        }
        #expect(clock.waits == [.seconds(7)])
    }

    @Test func aRefusalAfterAnUnnoticedLastChunkIsUnclear() async throws {
        let lost = TransportFailure(.broken, requestBegun: true, detail: "reset")
        let transport = ScriptedTransport([.fail(lost), .answer(400, "")])
        let outcome = try await withFile(10) { file, _ in
            try await uploader(transport).upload(
                try pending(file), status: { .unknown }, progress: { _ in }
            ).outcome
        }
        guard case .unclear = outcome else {
            Issue.record("\(outcome)")
            return
        }
    }

    @Test func sendsNothingOnceTheHourIsOver() async throws {
        let transport = ScriptedTransport([])
        let outcome = try await withFile(10) { file, _ in
            try await uploader(transport).upload(
                try pending(file, acceptedAt: clock.now.addingTimeInterval(-3590)),
                status: { .underWay(uploadedBytes: 0) },
                progress: { _ in }
            ).outcome
        }
        guard case .abandoned = outcome else {
            Issue.record("\(outcome)")
            return
        }
        #expect(transport.requests.isEmpty)
    }

    @Test func refusesAFileThatChanged() async throws {
        let transport = ScriptedTransport([])
        let outcome = try await withFile(10) { file, path in
            let handle = try #require(FileHandle(forWritingAtPath: path))
            try handle.truncate(atOffset: 5)
            try handle.close()
            return try await uploader(transport).upload(
                try pending(file), status: { .unknown }, progress: { _ in }
            ).outcome
        }
        guard case .refused(let error) = outcome else {
            Issue.record("\(outcome)")
            return
        }
        #expect(error.code == .fileSystem)
        #expect(transport.requests.isEmpty)
    }

    @Test func knowsALineThatCannotMakeIt() {
        #expect(UploadRate.problem(sent: 1_000_000, in: 100, missing: 100_000_000, left: 3000)?.outcome == .unavailable)
        #expect(UploadRate.problem(sent: 1_000_000, in: 100, missing: 10_000_000, left: 3000) == nil)
        #expect(UploadRate.problem(sent: 1_000_000, in: 5, missing: 1_000_000_000, left: 3000) == nil)
    }

    @Test(arguments: [("bytes 0-9/30", 9), ("bytes 0-10/30", 10), ("x", nil), (nil, nil)] as [(String?, Int64?)])
    func readsProgress(field: String?, progress: Int64?) {
        #expect(ContentRange.progress(field) == progress)
    }

    @Test func aConnectionThatNeverCameAboutIsCertain() async throws {
        // Port 1 of this machine: nobody listens.
        let configuration = try TikTokConfiguration(settings: ["TIKTOK_API_BASE_URL": "http://127.0.0.1:1"])
        let failure = try await HTTPTransport.with(configuration) { (transport) throws(StageError) in
            do throws(TransportFailure) {
                _ = try await transport.send(
                    TransportRequest(
                        method: "POST", url: configuration.apiBaseURL + "/", body: .data(Data("{}".utf8)),
                        timeout: .seconds(10)))
                return TransportFailure?.none
            } catch {
                return error
            }
        }
        #expect(failure?.kind == .unreachable)
        #expect(failure?.requestBegun == false)
    }

    @Test func readsAFileInPiecesOfTheExactLength() async throws {
        let size = 7 * ChunkPieces.largestPiece + 17
        try await withFile(1) { _, path in
            // Content that tells when a buffer is used again too soon.
            let content = Data((0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 13) })
            try content.write(to: URL(filePath: path))
            let file = try FileSource(path: path)
            var read = Data()
            var kept: [ByteBuffer] = []
            let recorder = Recorder<Int>()
            let pieces = ChunkPieces(
                chunk: FileChunk(file: file, range: 3..<Int64(size), onSent: { recorder.add($0) }))
            for try await piece in pieces {
                #expect(piece.readableBytes <= ChunkPieces.largestPiece)
                kept.append(piece)
            }
            for piece in kept { read += Data(piece.readableBytesView) }
            #expect(read == content.dropFirst(3))
            #expect(recorder.values == kept.map(\.readableBytes))
            #expect(try await file.sha256().count == 64)
        }
    }

    @Test func keepsToItsPace() async throws {
        try await withFile(1_000_000) { file, _ in
            let chunk = FileChunk(
                file: file, range: 0..<1_000_000, pace: Pace(bytesPerSecond: 100_000, clock: clock.host))
            for try await _ in ChunkPieces(chunk: chunk) {}
            let waited = clock.waits.reduce(0) { $0 + $1.inSeconds }
            #expect(abs(waited - 10) < 0.01)
        }
    }
}
