import Foundation
import SpreaderTesting
import Testing

extension EndToEnd {
    /// Workers of several machines on one PostgreSQL, and all that can happen to them.
    @Suite struct FarmTests {
        @Test(.enabled(if: PrivatePostgres.isAvailable, "PostgreSQL is not installed"), .timeLimit(.minutes(20)))
        func everyJobEndsOnceAndEveryAssetHasOnePost() async throws {
            let place = try Place()
            let farm = try Program(
                [Program.package.appending(path: "scripts/farm").path, Program.path, "--jobs", "200"], in: place,
                executable: "/usr/bin/python3")
            let outcome = try await farm.end()
            print(outcome.output)
            #expect(outcome.status == 0, "\(outcome.output) \(outcome.messages)")
            #expect(outcome.output.contains("200 jobs, 200 completed, 200 posts, 0 duplicates"), "\(outcome.output)")
        }
    }
}
