public import PipelineKit
import TikTok

/// Decides the byte ranges in which the prepared file is uploaded.
public struct Chunk: Stage {
    public static let name: StageName = "chunk"
    public static let summary = "Divides the prepared file into byte ranges for the upload to TikTok."
    /// The plan only depends on the size and the options.
    public static let effect: Effect = .pure
    /// The plan takes a few divisions.
    public static let resource: Resource = .light
    public static let access: StageAccess = []

    public struct Options: StageOptions {
        @StageOption(
            "Target size of a chunk. TikTok accepts 5 to 64 MB, and smaller files in one piece. Chunks have equal sizes, so they may be up to twice this size.",
            range: ByteCount.megabytes(5)...ByteCount.megabytes(64))
        public var size = ByteCount.megabytes(10)

        public init() {}
    }

    private let options: Options

    public init(options: Options) throws(StageError) { self.options = options }

    /// Plans the chunks if the size of the prepared file is known.
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

    public func run(_ input: PreparedVideo, _ context: StageContext) async throws(StageError) -> ChunkedVideo {
        let chunks = try chunks(of: input)
        return ChunkedVideo(video: input, chunkSize: chunks.chunkSize, chunkCount: chunks.count)
    }

    private func chunks(of input: PreparedVideo) throws(StageError) -> ChunkPlan {
        guard input.file.bytes <= ChunkPlan.largestFile else {
            throw StageError(
                .overLimit, "the prepared file has \(ByteCount(input.file.bytes)), but TikTok allows at most 4 GB",
                hint: "lower \"maxSize\" of the transcode stage", outcome: .invalidData)
        }
        return try ChunkPlan(size: input.file.bytes, target: options.size.bytes)
    }
}
