import Foundation
import NIOCore
package import PipelineKit

/// A byte range of a file, streamed as a request body.
package struct FileChunk: Sendable {
    package let file: FileSource
    /// The range to send.
    package let range: Range<Int64>
    /// The maximum rate; nil for unlimited.
    package let pace: Pace?
    /// Called with the number of bytes handed to the network, piece by piece.
    package let onSent: @Sendable (Int) -> Void

    package init(
        file: FileSource, range: Range<Int64>, pace: Pace? = nil, onSent: @escaping @Sendable (Int) -> Void = { _ in }
    ) {
        self.file = file
        self.range = range
        self.pace = pace
        self.onSent = onSent
    }
}

/// A maximum upload rate.
package struct Pace: Sendable {
    package let bytesPerSecond: Double
    package let clock: HostClock

    package init(bytesPerSecond: Double, clock: HostClock) {
        self.bytesPerSecond = bytesPerSecond
        self.clock = clock
    }
}

/// Reads a chunk in pieces, on demand, so that memory use does not depend on the size of the chunk.
struct ChunkPieces: AsyncSequence, Sendable {
    typealias Element = ByteBuffer

    /// The maximum size of a piece in bytes. Large pieces amortise the thread switches that each piece costs.
    static let largestPiece = 2 << 20
    /// The minimum size of a piece in bytes when the rate is limited.
    private static let smallestPiece = 16 << 10

    let chunk: FileChunk

    func makeAsyncIterator() -> Iterator { Iterator(chunk: chunk) }

    struct Iterator: AsyncIteratorProtocol {
        let chunk: FileChunk
        private var offset: Int64
        private var startedAt: Double?

        init(chunk: FileChunk) {
            self.chunk = chunk
            offset = chunk.range.lowerBound
        }

        /// The rate is limited by pauses between pieces; four pieces a second keep the flow even.
        private var pieceSize: Int {
            guard let pace = chunk.pace else { return ChunkPieces.largestPiece }
            let quarter = Int(Swift.min(pace.bytesPerSecond / 4, Double(ChunkPieces.largestPiece)))
            return Swift.max(ChunkPieces.smallestPiece, quarter)
        }

        mutating func next() async throws -> ByteBuffer? {
            let count = Int(Swift.min(Int64(pieceSize), chunk.range.upperBound - offset))
            guard count > 0 else { return nil }
            if let pace = chunk.pace {
                let now = pace.clock.now().timeIntervalSinceReferenceDate
                let start = startedAt ?? now
                startedAt = start
                let due = start + Double(offset + Int64(count) - chunk.range.lowerBound) / pace.bytesPerSecond
                if due > now { try await pace.clock.sleep(.seconds(due - now)) }
            }
            let piece = try await chunk.file.read(at: offset, count: count)
            offset += Int64(count)
            chunk.onSent(count)
            return piece
        }
    }
}
