package import PipelineKit

/// Divides a file into near-equal chunks for upload, valid under every version of TikTok's rules.
///
/// Both `count == floor(size / chunkSize)` and `chunkSize == floor(size / count)` hold, so the plan satisfies the
/// current and the former documentation. A single chunk is always the whole file.
package struct ChunkPlan: Sendable, Hashable {
    /// 5 MiB, which satisfies the minimum of 5 MB whether MB is read as decimal or binary.
    package static let smallestChunk: Int64 = 5_242_880
    /// 64 MB, read as decimal: in August 2026 the service rejected larger chunks.
    package static let greatestChunk: Int64 = 64_000_000
    /// The maximum number of chunks per upload.
    package static let mostChunks: Int64 = 1000
    /// TikTok's documented maximum file size of 4 GB, read as 4 GiB.
    package static let largestFile: Int64 = 4_294_967_296

    /// The size of the file in bytes.
    package let size: Int64
    /// The size in bytes of every chunk except the last.
    package let chunkSize: Int64
    /// The number of chunks; the last one includes the remainder.
    package let count: Int

    /// Plans a file of `size` bytes as chunks of about `target` bytes.
    /// - Throws: `StageError` if the file is empty or too large for 1,000 chunks.
    package init(size: Int64, target: Int64 = 10_000_000) throws(StageError) {
        guard size > 0 else {
            throw StageError(
                .unusableFootage, "the prepared file is empty", hint: "run the same command again with --no-cache")
        }
        let target = min(max(target, Self.smallestChunk), Self.greatestChunk)
        // The minimum number of chunks that keeps each within the greatest size.
        let fewest = size / (Self.greatestChunk + 1) + 1
        let count = min(max(size / target, fewest, 1), Self.mostChunks)
        let chunkSize = size / count
        guard chunkSize <= Self.greatestChunk else {
            throw StageError(
                .overLimit, "the prepared file has \(ByteCount(size)), which does not fit in 1,000 chunks",
                hint: "lower \"maxSize\" of the transcode stage", outcome: .invalidData)
        }
        self.size = size
        self.chunkSize = chunkSize
        self.count = Int(count)
    }

    /// Restores a plan that was announced earlier. Returns nil if its numbers are inconsistent.
    package init?(size: Int64, chunkSize: Int64, count: Int) {
        guard size > 0, chunkSize > 0, chunkSize <= size, count > 0, Int64(count) == size / chunkSize else {
            return nil
        }
        self.size = size
        self.chunkSize = chunkSize
        self.count = count
    }

    /// The byte range of the chunk at `index`, counted from 0.
    package func range(at index: Int) -> Range<Int64> {
        let first = Int64(index) * chunkSize
        return first..<(index == count - 1 ? size : first + chunkSize)
    }

    /// The index of the chunk that contains the byte at `offset`.
    package func index(containing offset: Int64) -> Int {
        min(Int(offset / chunkSize), count - 1)
    }

    /// The chunk boundary that `bytes` refers to, read as a count or as the index of the last byte. Returns nil if it
    /// is on no boundary.
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

    /// A description for messages, such as `3 chunks of about 10 MB`.
    package var summary: String {
        count == 1 ? "1 chunk of \(ByteCount(chunkSize))" : "\(count) chunks of about \(ByteCount(chunkSize))"
    }
}
