public import PipelineKit
import TikTok

/// Decides in which byte ranges the prepared file will be sent.
public struct Chunk: Stage {
    /// `chunk`.
    public static let name: StageName = "chunk"
    /// One sentence.
    public static let summary = "Cuts the prepared file into the byte ranges that TikTok takes."
    /// The same plan for the same size.
    public static let effect: Effect = .pure
    /// A handful of divisions.
    public static let resource: Resource = .light

    /// Options of `chunk`.
    public struct Options: StageOptions {
        @StageOption(
            "Size that chunks are near to. TikTok takes 5 to 64 MB, and smaller files in one piece; the chunks are made equal, so they come out up to twice this size.",
            range: ByteCount.megabytes(5)...ByteCount.megabytes(64))
        public var size = ByteCount.megabytes(10)

        /// The defaults.
        public init() {}
    }

    /// 5 MiB, which is at least 5 MB in either reading of the rule.
    private static let smallestChunk: Int64 = 5_242_880

    private let options: Options

    /// Makes the stage.
    public init(options: Options) throws(StageError) { self.options = options }

    /// The chunks, as far as the size is known.
    public func plan(_ input: PreparedVideo, _ context: PlanContext) async throws(StageError) -> StagePlan {
        guard input.file.bytes > 0 else {
            return StagePlan(action: "cut into chunks of about \(options.size) once the size is known")
        }
        let chunks = try chunks(of: input)
        return StagePlan(
            action: "cut into \(chunks.summary)",
            details: ["chunkSize": .integer(chunks.chunkSize), "chunkCount": .integer(Int64(chunks.count))],
            output: ChunkedVideo(video: input, chunkSize: chunks.chunkSize, chunkCount: chunks.count))
    }

    /// The chunks.
    public func run(_ input: PreparedVideo, _ context: StageContext) async throws(StageError) -> ChunkedVideo {
        let chunks = try chunks(of: input)
        return ChunkedVideo(video: input, chunkSize: chunks.chunkSize, chunkCount: chunks.count)
    }

    private func chunks(of input: PreparedVideo) throws(StageError) -> ChunkPlan {
        guard input.file.bytes <= ChunkPlan.largestFile else {
            throw StageError(
                .overLimit, "the prepared file has \(ByteCount(input.file.bytes)), and TikTok takes 4 GB",
                hint: "lower \"maxSize\" of the transcode stage", outcome: .invalidData)
        }
        return try ChunkPlan(size: input.file.bytes, target: max(options.size.bytes, Self.smallestChunk))
    }
}
