import Foundation
import PipelineKit
import Testing

extension EndToEnd {
    /// The ways by which bytes reach TikTok other than chunks of v2.
    @Suite(.serialized) struct RouteTests {
        @Test func theMultipartDialectPostsTheSamePipeline() async throws {
            let place = try Place()
            let sandbox = try await Sandbox(in: place)
            try await place.clip("a.mp4")
            var environment = sandbox.environment
            environment["TIKTOK_API"] = "multipart"
            for _ in 0..<2 {
                let run = try await Program.run(
                    ["run", place.pipeline("tiktok"), "a.mp4"], in: place, environment: environment)
                #expect(run.status == 0, "\(run.messages)")
            }
            #expect(try await sandbox.posts().map { $0["status"]?.stringValue } == ["PUBLISH_COMPLETE"])
            let paths = try await sandbox.log().compactMap { $0["path"]?.stringValue }
            #expect(paths.filter { $0 == "/post/publish/direct/" }.count == 1)
            #expect(paths.contains("/video/upload/part/") && !paths.contains("/upload/"))
        }

        @Test func anExportedFileIsFetchedFromItsPublicAddress() async throws {
            let place = try Place()
            let sandbox = try await Sandbox(in: place)
            try await place.clip("a b.mp4")
            let folder = place.work.appending(path: "out")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            let server = try Program(
                ["python3", "-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory", folder.path],
                in: place, executable: "/usr/bin/env")
            defer { server.signal(SIGTERM) }
            var port: Substring?
            for _ in 0..<400 where port == nil {
                try await Task.sleep(for: .milliseconds(25))
                port = server.outputSoFar.firstMatch(of: /port (\d+)/)?.1
            }
            let prefix = "http://127.0.0.1:\(try #require(port))/"
            try await sandbox.faults(#"{"settings": {"verifiedURLPrefixes": ["\#(prefix)"]}}"#)
            try place.write(
                "p.json",
                """
                {"post": {"title": "pulled"}, "stages": [{"uses": "probe"}, {"uses": "transcode"},
                 {"uses": "export", "with": {"directory": "out", "publicURL": "\(prefix)"}},
                 {"uses": "chunk"}, {"uses": "upload"}, {"uses": "publish"}]}
                """)
            let plan = try await Program.run(
                ["plan", "p.json", "a b.mp4"], in: place, environment: sandbox.environment)
            #expect(plan.output.contains("fetched from \(prefix)a%20b.mp4"), "\(plan.output)")
            #expect(plan.output.contains("you agree to TikTok's Music Usage Confirmation"))
            let run = try await Program.run(
                ["run", "p.json", "a b.mp4"], in: place, environment: sandbox.environment)
            #expect(run.status == 0, "\(run.messages)")
            let post = try #require(try await sandbox.posts().first)
            #expect(post["status"] == "PUBLISH_COMPLETE")
            #expect(post["publishId"]?.stringValue?.hasPrefix("v_pub_url~") == true)
            #expect(try await sandbox.ranges().isEmpty)
        }
    }
}
