import Testing

@testable import TikTokSandbox

@Suite struct AnnouncedChunksTests {
    static let valid: [(Int64, Int64, Int64)] = [
        (4_194_304, 4_194_304, 1), (5_000_000, 5_000_000, 1), (15_000_000, 15_000_000, 1), (19_999_999, 19_999_999, 1),
        (20_000_000, 10_000_000, 2), (50_000_123, 10_000_024, 5), (64_000_001, 10_666_666, 6),
        (66_259_900, 11_043_316, 6),
        (121_000_000, 10_083_333, 12), (158_008_374, 10_533_891, 15), (1_073_741_824, 10_034_970, 107),
        (4_294_967_296, 10_011_578, 429), (50_000_123, 10_000_000, 5), (64_000_000, 64_000_000, 1),
    ]

    static let invalid: [(Int64, Int64, Int64, AnnouncedChunks.Refusal)] = [
        (66_259_900, 66_259_900, 1, .chunkSize), (121_000_000, 67_108_864, 1, .chunkSize),
        (158_008_374, 158_008_374, 1, .chunkSize), (121_000_000, 60_500_000, 3, .chunkCount),
        (50_000_123, 10_000_000, 6, .chunkCount), (3_000_000, 5_242_880, 1, .chunkCount),
        (4_294_967_297, 10_011_578, 429, .videoSize), (0, 0, 1, .videoSize), (10_000_000, 0, 1, .chunkSize),
        (10_000_000, -5, 1, .chunkSize), (20_000_000, 4_000_000, 5, .chunkSize),
        (10_000_000, 10_000_000, 0, .chunkCount),
    ]

    @Test(arguments: valid) func acceptsValidChunks(size: Int64, chunk: Int64, count: Int64) {
        #expect(
            AnnouncedChunks(videoSize: size, chunkSize: chunk, count: count).refusal(under: SandboxSettings()) == nil)
    }

    @Test(arguments: invalid) func rejectsInvalidChunks(
        size: Int64, chunk: Int64, count: Int64, refusal: AnnouncedChunks.Refusal
    ) {
        #expect(
            AnnouncedChunks(videoSize: size, chunkSize: chunk, count: count).refusal(under: SandboxSettings())
                == refusal)
    }

    @Test(arguments: [(121_000_000, 64_000_000), (15_000_000, 10_000_000)] as [(Int64, Int64)])
    func singleChunkMustHaveTheSizeOfTheFile(size: Int64, chunk: Int64) {
        let plan = AnnouncedChunks(videoSize: size, chunkSize: chunk, count: 1)
        var settings = SandboxSettings()
        #expect(plan.refusal(under: settings) == .chunkSize)
        settings.singleMustMatch = false
        #expect(plan.refusal(under: settings) == nil)
    }

    @Test func settingsChangeTheLimits() {
        var settings = SandboxSettings()
        settings.chunkLimits = .mib
        #expect(AnnouncedChunks(videoSize: 67_108_864, chunkSize: 67_108_864, count: 1).refusal(under: settings) == nil)
        #expect(
            AnnouncedChunks(videoSize: 10_000_000, chunkSize: 5_000_000, count: 2).refusal(under: settings)
                == .chunkSize)
        settings = SandboxSettings()
        settings.lenientSingle = true
        #expect(
            AnnouncedChunks(videoSize: 128_000_000, chunkSize: 128_000_000, count: 1).refusal(under: settings) == nil)
        #expect(
            AnnouncedChunks(videoSize: 128_000_001, chunkSize: 128_000_001, count: 1).refusal(under: settings)
                == .chunkSize)
        settings = SandboxSettings()
        settings.legacy2023 = true
        #expect(
            AnnouncedChunks(videoSize: 50_000_123, chunkSize: 10_000_000, count: 5).refusal(under: settings)
                == .chunkSize)
        #expect(AnnouncedChunks(videoSize: 50_000_123, chunkSize: 10_000_024, count: 5).refusal(under: settings) == nil)
    }

    @Test func findsTheLastByteOfEachChunk() {
        let plan = AnnouncedChunks(videoSize: 50_000_123, chunkSize: 10_000_000, count: 5)
        #expect(plan.lastByte(ofChunkAt: 0) == 9_999_999)
        #expect(plan.lastByte(ofChunkAt: 30_000_000) == 39_999_999)
        #expect(plan.lastByte(ofChunkAt: 40_000_000) == 50_000_122)
        #expect(plan.lastByte(ofChunkAt: 50_000_000) == nil)
        #expect(plan.lastByte(ofChunkAt: 5) == nil)
    }

    @Test func initEndpointRejectsInvalidChunks() async throws {
        try await withSandbox { (sandbox: SandboxHarness) async throws in
            let size = try await sandbox.initialize(66_259_900)
            #expect(size.status == 400 && size.code == "invalid_params" && size.message == "The chunk size is invalid")
            #expect(try size.json["data"] == nil)
            let count = try await sandbox.initialize(50_000_123, chunk: 10_000_000, count: 6)
            #expect(count.status == 400 && count.message == "The total chunk count is invalid")
        }
    }
}
