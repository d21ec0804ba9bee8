import PipelineKit
import Testing

@testable import TikTok

@Suite struct ChunkPlanTests {
    @Test(
        arguments: [
            (4_194_304, 4_194_304, 1, 4_194_304), (5_000_000, 5_000_000, 1, 5_000_000),
            (15_000_000, 15_000_000, 1, 15_000_000), (19_999_999, 19_999_999, 1, 19_999_999),
            (20_000_000, 10_000_000, 2, 10_000_000), (50_000_123, 10_000_024, 5, 10_000_027),
            (64_000_001, 10_666_666, 6, 10_666_671), (66_259_900, 11_043_316, 6, 11_043_320),
            (121_000_000, 10_083_333, 12, 10_083_337), (158_008_374, 10_533_891, 15, 10_533_900),
            (1_073_741_824, 10_034_970, 107, 10_035_004), (4_294_967_296, 10_011_578, 429, 10_011_912),
        ] as [(Int64, Int64, Int, Int64)])
    func followsTheReferenceTable(size: Int64, chunkSize: Int64, count: Int, last: Int64) throws {
        let plan = try ChunkPlan(size: size)
        #expect(plan.chunkSize == chunkSize)
        #expect(plan.count == count)
        #expect(Int64(plan.range(at: count - 1).count) == last)
    }

    /// Sizes around every boundary and a spread of others, with targets over the whole allowed range.
    static var sizes: [Int64] {
        var sizes: [Int64] = [1, 2, 4_999_999, 5_242_879, 5_242_880, 5_242_881, ChunkPlan.largestFile]
        for center in [10_000_000, 20_000_000, 32_000_000, 64_000_000, 96_000_000, 128_000_000] as [Int64] {
            sizes += [center - 1, center, center + 1]
        }
        var state: UInt64 = 42
        for _ in 0..<20_000 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            sizes.append(Int64(state >> 33) * 2 % ChunkPlan.largestFile + 1)
        }
        return sizes
    }

    @Test(arguments: [5_242_880, 7_000_000, 10_000_000, 31_999_999, 32_000_001, 42_700_000, 64_000_000] as [Int64])
    func everyPlanIsLegalInEveryWording(target: Int64) throws {
        for size in Self.sizes {
            let plan = try ChunkPlan(size: size, target: target)
            let count = Int64(plan.count)
            #expect((1...1000).contains(count), "\(size)")
            #expect(size / plan.chunkSize == count, "\(size)")
            #expect(plan.chunkSize == size / count, "\(size)")
            #expect(plan.chunkSize <= ChunkPlan.greatestChunk, "\(size)")
            if count == 1 {
                #expect(plan.chunkSize == size, "\(size)")
            } else {
                #expect(plan.chunkSize >= ChunkPlan.smallestChunk, "\(size)")
                #expect(plan.range(at: plan.count - 1).count < 128_000_000, "\(size)")
            }
            #expect(plan.range(at: 0).lowerBound == 0)
            #expect(plan.range(at: plan.count - 1).upperBound == size)
        }
    }

    @Test func rangesJoinWithoutGaps() throws {
        let plan = try ChunkPlan(size: 158_008_374)
        for index in 1..<plan.count {
            #expect(plan.range(at: index).lowerBound == plan.range(at: index - 1).upperBound)
        }
    }

    @Test func raisesTheChunkSizeRatherThanExceedAThousandChunks() throws {
        let plan = try ChunkPlan(size: 60_000_000_000, target: 10_000_000)
        #expect(plan.count == 1000)
        #expect(plan.chunkSize == 60_000_000)
    }

    @Test func refusesWhatNoPlanCanHold() {
        #expect(throws: StageError.self) { try ChunkPlan(size: 0) }
        #expect(throws: StageError.self) { try ChunkPlan(size: 64_000_001_001) }
    }

    @Test func readsAnEarlierPlanOnlyWhenItsNumbersFit() {
        #expect(ChunkPlan(size: 50_000_123, chunkSize: 10_000_000, count: 5) != nil)
        #expect(ChunkPlan(size: 50_000_123, chunkSize: 10_000_000, count: 6) == nil)
        #expect(ChunkPlan(size: 10, chunkSize: 0, count: 1) == nil)
    }

    @Test func takesCountsAndLastIndexesForBoundaries() throws {
        let plan = try ChunkPlan(size: 30_000_000)
        #expect(plan.boundary(reportedAs: 10_000_000) == 10_000_000)
        #expect(plan.boundary(reportedAs: 9_999_999) == 10_000_000)
        #expect(plan.boundary(reportedAs: 29_999_999) == 30_000_000)
        #expect(plan.boundary(reportedAs: 30_000_000) == 30_000_000)
        #expect(plan.boundary(reportedAs: 10_000_001) == nil)
        #expect(plan.boundary(reportedAs: 0) == 0)
    }
}
