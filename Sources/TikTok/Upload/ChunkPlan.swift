package import PipelineKit

/// How a file is cut for the upload: near-equal pieces that satisfy every wording of TikTok's rules.
///
/// `count == floor(size / chunkSize)` and `chunkSize == floor(size / count)` hold both, so that the plan is right by
/// the present and by the former documentation; a single chunk always equals the file.
package struct ChunkPlan: Sendable, Hashable {
    /// The least chunk: 5 MiB, which is above 5 MB in either reading.
    package static let smallestChunk: Int64 = 5_242_880
    /// The greatest chunk: 64 MB in the decimal reading, which refusals of August 2026 showed to be the true one.
    package static let greatestChunk: Int64 = 64_000_000
    /// The most chunks.
    package static let mostChunks: Int64 = 1000
    /// The largest file that TikTok documents: 4 GB, read as 4 GiB.
    package static let largestFile: Int64 = 4_294_967_296

    /// Bytes of the file.
    package let size: Int64
    /// Bytes of every chunk but the last.
    package let chunkSize: Int64
    /// Number of chunks; the last takes the remainder too.
    package let count: Int

    /// Cuts a file of `size` bytes into chunks of about `target` bytes.
    /// - Throws: `StageError` when there is nothing to cut or no plan is legal.
    package init(size: Int64, target: Int64 = 10_000_000) throws(StageError) {
        guard size > 0 else {
            throw StageError(.unusableFootage, "the prepared file is empty", hint: "prepare it again with --no-cache")
        }
        let target = min(max(target, Self.smallestChunk), Self.greatestChunk)
        // The fewest chunks that keep each within the greatest size.
        let fewest = size / (Self.greatestChunk + 1) + 1
        let count = min(max(size / target, fewest, 1), Self.mostChunks)
        let chunkSize = size / count
        guard chunkSize <= Self.greatestChunk else {
            throw StageError(
                .overLimit, "the prepared file has \(ByteCount(size)), which is more than 1,000 chunks can hold",
                hint: "lower \"maxSize\" of the transcode stage", outcome: .invalidData)
        }
        self.size = size
        self.chunkSize = chunkSize
        self.count = Int(count)
    }

    /// A plan that was announced earlier; nil when its numbers do not fit each other.
    package init?(size: Int64, chunkSize: Int64, count: Int) {
        guard size > 0, chunkSize > 0, chunkSize <= size, count > 0, Int64(count) == size / chunkSize else {
            return nil
        }
        self.size = size
        self.chunkSize = chunkSize
        self.count = count
    }

    /// The bytes of the chunk at `index`, from 0.
    package func range(at index: Int) -> Range<Int64> {
        let first = Int64(index) * chunkSize
        return first..<(index == count - 1 ? size : first + chunkSize)
    }

    /// Index of the chunk that holds the byte at `offset`.
    package func index(containing offset: Int64) -> Int {
        min(Int(offset / chunkSize), count - 1)
    }

    /// The boundary between chunks that `bytes` reports, which may be a count or the index of the last byte; nil when
    /// it reports none.
    package func boundary(reportedAs bytes: Int64) -> Int64? {
        for candidate in [bytes, bytes + 1] {
            if candidate == size || (candidate >= 0 && candidate < size && isChunkStart(candidate)) {
                return candidate
            }
        }
        return nil
    }

    private func isChunkStart(_ offset: Int64) -> Bool {
        offset % chunkSize == 0 && offset / chunkSize < Int64(count)
    }

    /// `3 chunks of 10 MB`, for people.
    package var summary: String {
        count == 1 ? "1 chunk of \(ByteCount(chunkSize))" : "\(count) chunks of about \(ByteCount(chunkSize))"
    }
}
