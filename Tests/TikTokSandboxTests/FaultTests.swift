import Foundation
import Testing

@testable import TikTokSandbox

@Suite struct FaultTests {
    static let initialize = "/v2/post/publish/video/init/"

    @Test func answersTheGivenNumberOfRequestsWithTheError() async throws {
        try await withSandbox(
            faults: #"""
                {"rules": [{"match": {"path": "/v2/post/publish/video/init/", "method": "post"}, "after": 1, "times": 2,
                  "action": {"answer": {"status": 503, "code": "internal_error", "message": "no", "headers": {"Retry-After": "2"}}}}]}
                """#
        ) { (sandbox: SandboxHarness) async throws in
            #expect(try await sandbox.initialize(1000).status == 200)
            for _ in 0..<2 {
                let reply = try await sandbox.initialize(1000)
                #expect(reply.status == 503 && reply.code == "internal_error" && reply.headers["retry-after"] == "2")
            }
            #expect(try await sandbox.initialize(1000).status == 200)
            #expect(try await sandbox.send("GET", "/_sandbox/uploads").json.arrayValue?.count == 2)
        }
    }

    @Test(arguments: [
        (#"{"drop": "before"}"#, 0), (#"{"drop": "after"}"#, 1), (#"{"halfBody": true}"#, 1),
        (#"{"halfBody": false}"#, 0),
    ])
    func dropsTheConnection(action: String, openedPosts: Int) async throws {
        try await withSandbox { (sandbox: SandboxHarness) async throws in
            try await sandbox.setFaults(#"[{"match": {"path": "\#(Self.initialize)"}, "action": \#(action)}]"#)
            await #expect(throws: (any Error).self) { try await sandbox.initialize(1000) }
            #expect(try await sandbox.send("GET", "/_sandbox/uploads").json.arrayValue?.count == openedPosts)
            #expect(try await sandbox.initialize(1000).status == 200)
        }
    }

    @Test func garbageRuleSendsABodyThatIsNotJSON() async throws {
        try await withSandbox { (sandbox: SandboxHarness) async throws in
            try await sandbox.setFaults(#"[{"action": {"garbage": true}}]"#)
            let reply = try await sandbox.initialize(1000)
            #expect(reply.status == 200)
            #expect(throws: (any Error).self) { try reply.json }
            #expect(try await sandbox.send("GET", "/_sandbox/uploads").json.arrayValue?.count == 1)
        }
    }

    @Test func commitsAChunkWhoseResponseIsDropped() async throws {
        try await withSandbox { (sandbox: SandboxHarness) async throws in
            let file = UploadTests.movie
            let (id, url, chunk) = try await UploadTests.open(sandbox, file)
            try await sandbox.setFaults(
                #"[{"match": {"path": "/upload", "method": "PUT", "chunk": 2}, "action": {"drop": "after"}}]"#)
            #expect(try await sandbox.put(url, file.prefix(chunk), first: 0, total: file.count).status == 206)
            await #expect(throws: (any Error).self) {
                try await sandbox.put(url, file.dropFirst(chunk), first: chunk, total: file.count)
            }
            #expect(try await sandbox.finished(id)["status"] == "PUBLISH_COMPLETE")
        }
    }

    @Test func readsTheBodyOfAnUploadThatARuleRejects() async throws {
        try await withSandbox { (sandbox: SandboxHarness) async throws in
            let file = UploadTests.movie
            let (_, url, chunk) = try await UploadTests.open(sandbox, file)
            try await sandbox.setFaults(
                #"[{"match": {"path": "/upload/"}, "times": 2, "action": {"answer": {"status": 502}}}]"#)
            for _ in 0..<2 {
                #expect(try await sandbox.put(url, file.prefix(chunk), first: 0, total: file.count).status == 502)
            }
            #expect(try await sandbox.put(url, file.prefix(chunk), first: 0, total: file.count).status == 206)
        }
    }

    @Test func delaysAndHangsRequests() async throws {
        try await withSandbox { (sandbox: SandboxHarness) async throws in
            try await sandbox.setFaults(#"[{"action": {"delay": 0.2}}, {"after": 1, "action": {"hang": 0.2}}]"#)
            let start = ContinuousClock.now
            #expect(try await sandbox.initialize(1000).status == 200)
            #expect(ContinuousClock.now - start >= .milliseconds(200))
            await #expect(throws: (any Error).self) { try await sandbox.initialize(1000) }
        }
    }

    @Test func stopsDuringAHangingRequest() async throws {
        // The request would hang for ever: without the stop this test would never end.
        let request = try await withSandbox { (sandbox: SandboxHarness) async throws in
            try await sandbox.setFaults(#"[{"action": {"hang": true}}]"#)
            let request = Task { try await sandbox.initialize(1000) }
            try await waitUntil { try await sandbox.log().contains { $0["fault"] == "hang" } }
            return request
        }
        await #expect(throws: (any Error).self) { _ = try await request.value }
    }

    @Test func settingsFailAndFreezePosts() async throws {
        try await withSandbox { (sandbox: SandboxHarness) async throws in
            try await sandbox.setFaults(#"{"settings": {"stuckStatus": "PROCESSING_UPLOAD"}}"#)
            let stuck = try await sandbox.post(TestMovie().data)
            #expect(try await sandbox.finished(stuck)["status"] == "PROCESSING_UPLOAD")
            try await sandbox.setFaults(#"{"settings": {"failReason": "spam_risk_text"}}"#)
            #expect(try await sandbox.finished(stuck)["status"] == "PUBLISH_COMPLETE")
            let failed = try await sandbox.post(TestMovie().data)
            #expect(try await sandbox.finished(failed)["failReason"] == "spam_risk_text")
        }
    }

    @Test func readsAndClearsThePlan() async throws {
        try await withSandbox { (sandbox: SandboxHarness) async throws in
            try await sandbox.setFaults(#"{"settings": {"initPerMinute": 0}}"#)
            #expect(try await sandbox.send("GET", "/_sandbox/faults").json["settings"] == ["initPerMinute": 0])
            #expect(try await sandbox.initialize(1000).status == 429)
            #expect(try await sandbox.send("DELETE", "/_sandbox/faults").status == 200)
            #expect(try await sandbox.initialize(1000).status == 200)
        }
    }

    static let invalidPlans: [(String, String)] = [
        (#"{"setings": {}}"#, "unknown key `setings` at / (did you mean `settings`?)"),
        (
            #"{"settings": {"procesingSeconds": 1}}"#,
            "unknown key `procesingSeconds` at /settings (did you mean `processingSeconds`?)"
        ),
        (#"{"settings": {"processingSeconds": "1"}}"#, "/settings/processingSeconds takes a number of seconds"),
        (#"{"settings": {"chunkLimits": "loose"}}"#, #"/settings/chunkLimits takes one of "strict", "mib""#),
        (#"[{"match": {}}]"#, "/0 needs an `action`"),
        (#"[{"action": {"drop": "later"}}]"#, #"/0/action/drop takes "before", "after" or {"afterBytes": N}"#),
        (
            #"[{"action": {"delay": 1, "hang": 1}}]"#,
            "/0/action takes exactly one of answer, delay, drop, garbage, halfBody, hang"
        ),
        (#"[{"times": 0, "action": {"delay": 1}}]"#, #"/0/times takes a whole number from 1, or "always""#),
        ("{", "this is not JSON"),
    ]

    @Test(arguments: invalidPlans) func reportsWhereAPlanIsInvalid(json: String, message: String) async throws {
        let error = #expect(throws: SandboxError.self) { try FaultPlan(parsing: Data(json.utf8), name: "f.json") }
        #expect(
            error?.code == .invalidFaults && error?.description.contains(message) == true,
            "\(String(describing: error))")
    }

    @Test func rejectsInvalidPlansAtStartAndByRequest() async throws {
        await #expect(throws: SandboxError.self) { try await withSandbox(faults: #"{"rule": []}"#) { _ in } }
        try await withSandbox { (sandbox: SandboxHarness) async throws in
            let reply = try await sandbox.send("PUT", "/_sandbox/faults", body: Data(#"{"rule": []}"#.utf8))
            #expect(reply.status == 400 && reply.text.contains("rules"))
        }
    }

    @Test func everySettingHasAKey() {
        let stored = Mirror(reflecting: SandboxSettings()).children.compactMap(\.label)
        #expect(Set(stored) == Set(SettingKey.all.map(\.name)))
    }
}
