import Foundation
import NIOCore
package import PipelineKit

/// A range of a file as the body of a request.
package struct FileChunk: Sendable {
    /// The file.
    package let file: FileSource
    /// The bytes to send.
    package let range: Range<Int64>
    /// Slows the sending down; nil for as fast as it goes.
    package let pace: Pace?
    /// Called with the number of bytes handed to the network, piece by piece.
    package let onSent: @Sendable (Int) -> Void

    /// A range of `file`.
    package init(
        file: FileSource, range: Range<Int64>, pace: Pace? = nil, onSent: @escaping @Sendable (Int) -> Void = { _ in }
    ) {
        self.file = file
        self.range = range
        self.pace = pace
        self.onSent = onSent
    }
}

/// A ceiling for the rate of sending.
package struct Pace: Sendable {
    /// Bytes per second.
    package let bytesPerSecond: Double
    /// Time.
    package let clock: HostClock

    /// A ceiling.
    package init(bytesPerSecond: Double, clock: HostClock) {
        self.bytesPerSecond = bytesPerSecond
        self.clock = clock
    }
}

/// The pieces of a chunk, read one at a time as the network takes them: memory does not grow with the chunk.
struct ChunkPieces: AsyncSequence, Sendable {
    typealias Element = ByteBuffer

    /// Bytes read at a time: each piece costs some changes of threads, whatever its size.
    static let largestPiece = 2 << 20
    /// What a held back line is fed with at the least.
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

        /// A ceiling is kept by pauses between pieces: four a second keep the flow even.
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
