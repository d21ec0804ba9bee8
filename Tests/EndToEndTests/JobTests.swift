import Foundation
import PipelineKit
import SpreaderTesting
import Testing

extension EndToEnd {
    /// Background jobs: queued by one process, run by others, posted once whatever happens to these.
    @Suite(.serialized) struct JobTests {
        private struct Farm {
            /// Where workers keep their jobs: one machine's file, or a server that several share.
            enum Records: String, CaseIterable, CustomTestStringConvertible {
                case file
                case server

                static var all: [Records] { PrivatePostgres.isAvailable ? allCases : [.file] }
                var testDescription: String { rawValue }
            }

            let place: Place
            let sandbox: Sandbox
            let database: Database?
            var sharesArtifacts = false

            /// An address on the tests' server; its database goes with it.
            final class Database: Sendable {
                let address: String
                init() throws { address = try PrivatePostgres.server().database() }
                deinit { try? PrivatePostgres.server().drop(address) }
            }

            init(clips: Int, on records: Records = .file) async throws {
                place = try Place()
                sandbox = try await Sandbox(in: place)
                database = records == .server ? try Database() : nil
                for number in 0..<clips {
                    try await place.clip("\(number).mp4", effect: ",noise=alls=20:all_seed=\(number + 1)")
                }
            }

            /// What processes of a machine are told; those on a server share nothing else.
            private func environment(machine: Int) -> [String: String] {
                guard let database else { return sandbox.environment }
                let artifacts = sharesArtifacts ? ["SPREADER_ARTIFACTS": place.folder.path + "/artifacts"] : [:]
                return sandbox.environment.merging(artifacts) { $1 }.merging([
                    "SPREADER_DB": database.address, "SPREADER_HOME": place.home.path + "-\(machine)",
                    "SPREADER_VAULT_KEY": Data(repeating: 5, count: 32).base64EncodedString(),
                ]) { $1 }
            }

            func run(_ words: [String]) async throws -> Program.Outcome {
                try await Program.run(words, in: place, environment: environment(machine: 0))
            }

            func enqueue(_ inputs: [String], _ more: [String] = []) async throws -> Program.Outcome {
                try await run(["enqueue", place.pipeline("tiktok")] + inputs + more)
            }

            func worker(_ words: [String] = [], machine: Int = 1) throws -> Program {
                try Program(["worker"] + words, in: place, environment: environment(machine: machine))
            }

            func jobs() async throws -> [JSONValue] {
                let list = try await run(["jobs", "list", "--format", "json"])
                guard case .array(let jobs) = try JSONDecoder().decode(JSONValue.self, from: Data(list.output.utf8))
                else { return [] }
                return jobs
            }

            func states() async throws -> [String] { try await jobs().compactMap { $0["state"]?.stringValue } }

            /// Waits until something is so.
            func wait(_ what: String, _ condition: () async throws -> Bool) async throws {
                for _ in 0..<600 {
                    if try await condition() { return }
                    try await Task.sleep(for: .milliseconds(50))
                }
                throw StageError(.internalFault, "\(what) did not come: \(try await jobs())")
            }

            /// Makes uploads slow enough to be caught in the middle.
            func slowUploads() async throws {
                try await sandbox.faults(
                    #"{"rules": [{"match": {"path": "/upload/"}, "times": 1, "action": {"delay": 6}}]}"#)
            }

            /// Whether TikTok's answer is in the ledger: killed before that, a post is unconfirmed, and rightly.
            func isUploading() async throws -> Bool {
                try await run(["posts", "list", "--state", "accepted"]).output.contains("accepted")
            }
        }

        @Test(arguments: Farm.Records.all)
        private func queuedFootageIsPostedByAWorkerThatDrains(_ records: Farm.Records) async throws {
            let farm = try await Farm(clips: 3, on: records)
            let made = try await farm.enqueue(["0.mp4", "1.mp4", "2.mp4"], ["--post", "title=From {{ name }}"])
            #expect(made.status == 0, "\(made.messages)")
            #expect(made.output.split(separator: "\n").count == 3)
            let worker = try await farm.worker(["--drain", "--concurrency", "2"]).end()
            #expect(worker.status == 0, "\(worker.messages)")
            #expect(try await farm.states() == ["completed", "completed", "completed"])
            let posts = try await farm.sandbox.posts()
            #expect(Set(posts.compactMap { $0["title"]?.stringValue }) == ["From 0", "From 1", "From 2"])
            // The same footage again is a job of its own, and no post.
            #expect(try await farm.enqueue(["0.mp4"]).status == 0)
            #expect(try await farm.worker(["--drain"]).end().status == 0)
            #expect(try await farm.jobs().first?["state"] == "completed")
            #expect(try await farm.sandbox.posts().count == 3)
        }

        @Test func forgettingAnAccountEmptiesItsJobs() async throws {
            let farm = try await Farm(clips: 2)
            _ = try await farm.enqueue(["0.mp4"], ["--post", "title=personal words"])
            #expect(try await farm.worker(["--drain"]).end().status == 0)
            _ = try await farm.enqueue(["1.mp4"], ["--post", "title=more personal words", "--at", "+2h"])
            let publishID = try #require(try await farm.sandbox.posts().first?["publishId"]?.stringValue)
            #expect(try await farm.run(["auth", "forget"]).status == 0)
            #expect(try await farm.states() == ["cancelled", "completed"])
            let bytes = farm.place.homeBytes()
            for text in ["personal words", publishID] {
                #expect(bytes.range(of: Data(text.utf8)) == nil, "\(text) is on disk")
            }
        }

        @Test(arguments: Farm.Records.all)
        private func aStoppedWorkerGivesItsJobBack(_ records: Farm.Records) async throws {
            let farm = try await Farm(clips: 1, on: records)
            try await farm.slowUploads()
            _ = try await farm.enqueue(["0.mp4"])
            let first = try farm.worker()
            try await farm.wait("the upload") { try await farm.isUploading() }
            first.signal(SIGTERM)
            let stopped = try await first.end()
            #expect(stopped.status == 0, "\(stopped.messages)")
            #expect(try await farm.jobs().first?["state"] == "available")
            #expect(try await farm.jobs().first?["attempt"] == 0)
            #expect(try await farm.worker(["--drain"], machine: 2).end().status == 0)
            #expect(try await farm.states() == ["completed"])
            #expect(try await farm.sandbox.posts().count == 1)
        }

        @Test(arguments: [SIGKILL, SIGSTOP], Farm.Records.all)
        private func anotherWorkerTakesOverFromOneThatIsGone(signal: Int32, records: Farm.Records) async throws {
            let farm = try await Farm(clips: 1, on: records)
            try await farm.slowUploads()
            _ = try await farm.enqueue(["0.mp4"])
            let first = try farm.worker(["--lease", "2s"])
            try await farm.wait("the upload") { try await farm.isUploading() }
            first.signal(signal)
            let second = try farm.worker(["--lease", "2s"], machine: 2)
            try await farm.wait("the job") { try await farm.states() == ["completed"] }
            #expect(try await farm.jobs().first?["worker"]?.stringValue?.hasSuffix("/\(second.identifier)") == true)
            // Awake again, the first one finds that the job is not its own, and goes on to others.
            first.signal(SIGCONT)
            second.signal(SIGTERM)
            #expect(try await second.end().status == 0)
            first.signal(SIGTERM)
            #expect(try await first.end().status == (signal == SIGKILL ? -SIGKILL : 0))
            #expect(try await farm.states() == ["completed"])
            #expect(try await farm.sandbox.posts().count == 1)
            #expect(try await farm.sandbox.log().filter { $0["path"] == "/v2/post/publish/video/init/" }.count == 1)
        }

        @Test func aDrainEndsWhenNobodyIsAtWorkAnyMore() async throws {
            let farm = try await Farm(clips: 1)
            try await farm.slowUploads()
            _ = try await farm.enqueue(["0.mp4"])
            let first = try farm.worker()
            try await farm.wait("the upload") { try await farm.isUploading() }
            // What the first one has may come back: it is not the end yet.
            let stopped = try farm.worker(["--drain"])
            let patient = try farm.worker(["--drain"])
            try await Task.sleep(for: .seconds(1))
            stopped.signal(SIGTERM)
            #expect(try await stopped.end().status == 75)
            #expect(try await patient.end().status == 0)
            #expect(try await farm.states() == ["completed"])
            first.signal(SIGTERM)
            #expect(try await first.end().status == 0)
        }

        @Test func aJobThatRunsCanBeCalledOff() async throws {
            let farm = try await Farm(clips: 1)
            try await farm.sandbox.faults(
                #"{"rules": [{"match": {"path": "/v2/post/publish/creator_info/query/"}, "action": {"delay": 20}}]}"#)
            _ = try await farm.enqueue(["0.mp4"])
            let worker = try farm.worker(["--lease", "2s"])
            try await farm.wait("the job to run") { try await farm.jobs().first?["stage"] == "upload" }
            let cancelled = try await farm.run(["jobs", "cancel", "1"])
            #expect(cancelled.status == 0 && cancelled.output.contains("cancelled"))
            try await farm.wait("the worker to notice") { worker.messagesSoFar.contains("job 1  lost") }
            worker.signal(SIGTERM)
            #expect(try await worker.end().status == 0)
            #expect(try await farm.states() == ["cancelled"])
            #expect(try await farm.sandbox.posts().isEmpty)
            #expect(try await farm.run(["jobs", "cancel", "1"]).status == 64)
            // Taken up again it is posted.
            try await farm.sandbox.faults("{}")
            #expect(try await farm.run(["jobs", "retry", "1"]).status == 0)
            #expect(try await farm.worker(["--drain"]).end().status == 0)
            #expect(try await farm.sandbox.posts().count == 1)
        }

        @Test func jobsThatCannotSucceedArePutAsideAndMended() async throws {
            let farm = try await Farm(clips: 1)
            _ = try await farm.enqueue(["0.mp4"], ["--post", "privacyLevel=PUBLIC_TO_EVERYONE"])
            #expect(try await farm.worker(["--drain"]).end().status == 0)
            let job = try #require(try await farm.jobs().first)
            #expect(job["state"] == "discarded")
            #expect(job["message"]?.stringValue?.contains("privacy_level_option_mismatch") == true)
            let retried = try await farm.run(["jobs", "retry", "1", "--post", "privacyLevel=SELF_ONLY"])
            #expect(retried.status == 0, "\(retried.messages)")
            #expect(try await farm.worker(["--drain"]).end().status == 0)
            #expect(try await farm.states() == ["completed"])
            #expect(try await farm.sandbox.posts().count == 1)
        }

        @Test func limitsAndLostAnswersAreToldApart() async throws {
            let farm = try await Farm(clips: 2)
            try await farm.sandbox.faults(
                """
                {"rules": [{"match": {"path": "/v2/post/publish/video/init/"}, "action": {"answer": {"status": 429, \
                "code": "rate_limit_exceeded", "headers": {"Retry-After": "3600"}}}}, \
                {"match": {"path": "/v2/post/publish/video/init/"}, "action": {"drop": "after"}}]}
                """)
            _ = try await farm.enqueue(["0.mp4"])
            #expect(try await farm.worker(["--drain"]).end().status == 0)
            let snoozed = try #require(try await farm.jobs().first)
            #expect(snoozed["state"] == "scheduled" && snoozed["attempt"] == 0, "\(snoozed)")
            _ = try await farm.enqueue(["1.mp4"])
            #expect(try await farm.worker(["--drain"]).end().status == 0)
            let lost = try #require(try await farm.jobs().first)
            #expect(lost["state"] == "unconfirmed", "\(lost)")
            #expect(lost["message"]?.stringValue?.contains("never sent again automatically") == true)
        }

        @Test(.enabled(if: PrivatePostgres.isAvailable, "PostgreSQL is not installed"))
        func machinesWithoutACommonFolderShareAJob() async throws {
            var farm = try await Farm(clips: 1, on: .server)
            farm.sharesArtifacts = true
            try farm.place.write("0.txt", "From the sidecar")
            try farm.place.write(
                "p.json",
                """
                {"name": "shared", "post": {"privacyLevel": "SELF_ONLY"}, "stages": [
                    {"uses": "probe"}, {"uses": "transcode", "labels": ["cpu"]}, {"uses": "chunk"},
                    {"uses": "upload", "labels": ["egress"]}, {"uses": "publish"}]}
                """)
            let queued = try await farm.run(["enqueue", "p.json", "0.mp4"])
            #expect(queued.status == 0, "\(queued.messages)")
            // No other machine has the footage, nor what this one will make of it.
            for name in ["0.mp4", "0.txt"] {
                try FileManager.default.removeItem(at: farm.place.work.appending(path: name))
            }
            // Something else has come to be at the path.
            try await farm.place.clip("0.mp4", filter: "smptebars=s=640x360:r=30")
            #expect(try await farm.worker(["--drain"]).end().status == 0)
            let unlabelled = try #require(try await farm.jobs().first)
            #expect(unlabelled["state"] == "available" && unlabelled["needs"] == ["cpu"], "\(unlabelled)")
            #expect(try await farm.worker(["--drain", "--labels", "cpu"], machine: 2).end().status == 0)
            let prepared = try #require(try await farm.jobs().first)
            #expect(prepared["state"] == "available" && prepared["needs"] == ["egress"], "\(prepared)")
            #expect(prepared["attempt"] == 0)
            #expect(try await farm.sandbox.posts().isEmpty)
            let before = try await stages(of: prepared, in: farm)
            #expect(before.keys.sorted() == ["chunk", "probe", "transcode"])
            // The machine that made the files is gone, too.
            try FileManager.default.removeItem(atPath: farm.place.home.path + "-2")
            let end = try await farm.worker(["--drain", "--labels", "egress"], machine: 3).end()
            #expect(end.status == 0)
            #expect(try await farm.states() == ["completed"], "\(end.output) \(end.messages)")
            let post = try #require(try await farm.sandbox.posts().first)
            #expect(post["title"] == "From the sidecar")
            let after = try await stages(of: prepared, in: farm)
            #expect(after["transcode"] == before["transcode"])
            #expect(after.keys.sorted() == ["chunk", "probe", "publish", "transcode", "upload"])
            // What was fetched for the job went with it.
            let left = try? FileManager.default.contentsOfDirectory(atPath: farm.place.home.path + "-3/footage")
            #expect(left?.isEmpty ?? true)
        }

        /// The seconds that each stage of a job's run took.
        private func stages(of job: JSONValue, in farm: Farm) async throws -> [String: Double] {
            let run = try #require(job["run"]?.stringValue)
            let shown = try await farm.run(["runs", "show", run, "--format", "json"])
            guard
                case .array(let assets)? = try JSONDecoder().decode(JSONValue.self, from: Data(shown.output.utf8))[
                    "assets"],
                case .array(let stages)? = assets.first?["stages"]
            else { return [:] }
            return Dictionary(
                uniqueKeysWithValues: stages.compactMap { stage in
                    stage["stage"]?.stringValue.map { ($0, stage["seconds"]?.doubleValue ?? -1) }
                })
        }

        @Test func aStagesOwnRetryCountsBetweenAttempts() async throws {
            let farm = try await Farm(clips: 1)
            try await farm.sandbox.faults(
                """
                {"rules": [{"match": {"path": "/v2/post/publish/creator_info/query/"}, "times": "always", \
                "action": {"answer": {"status": 503}}}]}
                """)
            try farm.place.write(
                "own.json",
                """
                {"post": {"privacyLevel": "SELF_ONLY"}, "stages": [
                    {"uses": "probe"}, {"uses": "transcode"}, {"uses": "chunk"},
                    {"uses": "upload", "retry": {"attempts": 1, "delay": "1s", "maxDelay": "2s"}}, {"uses": "publish"}]}
                """)
            let start = Date()
            #expect(try await farm.run(["enqueue", "own.json", "0.mp4"]).status == 0)
            let worker = try farm.worker()
            try await farm.wait("a second attempt") {
                // Oban's formula would wait for 17 s after the first.
                (try await farm.jobs().first?["attempt"]?.integerValue ?? 0) >= 2
            }
            #expect(Date().timeIntervalSince(start) < 15)
            try await farm.sandbox.faults("{}")
            try await farm.wait("the post") { try await farm.states() == ["completed"] }
            worker.signal(SIGTERM)
            #expect(try await worker.end().status == 0)
            #expect(try await farm.sandbox.posts().count == 1)
        }

        @Test func aTickOfATimeTableIsQueuedOnceHoweverManyWorkersHaveIt() async throws {
            let farm = try await Farm(clips: 2)
            try farm.place.write(
                "table.yaml",
                """
                timeZone: Europe/Berlin
                entries:
                  - name: every
                    cron: "* * * * *"
                    pipeline: \(farm.place.pipeline("prepare"))
                    inputs: ["*.mp4"]
                    queue: night
                """)
            let workers = try (0..<2).map { _ in
                try farm.worker(["--cron", "table.yaml", "--queues", "day"])
            }
            try await farm.wait("a tick") { workers.contains { $0.messagesSoFar.contains("every: 2 jobs queued for") } }
            try await Task.sleep(for: .seconds(6))
            for worker in workers { worker.signal(SIGTERM) }
            for worker in workers { #expect(try await worker.end().status == 0) }
            let ticks = workers.flatMap { worker in
                worker.messagesSoFar.matches(of: /every: 2 jobs queued for (\d+)/).map { String($0.1) }
            }
            #expect(!ticks.isEmpty && Set(ticks).count == ticks.count, "\(ticks)")
            let jobs = try await farm.jobs()
            #expect(jobs.count == 2 * ticks.count)
            #expect(jobs.allSatisfy { $0["queue"] == "night" && $0["state"] == "available" })
        }

        @Test func aWrongTimeTableIsToldWithItsPlace() async throws {
            let place = try Place()
            try place.write(
                "table.yaml",
                """
                entries:
                  - name: a
                    cron: "0 25 * * *"
                    pipelin: p.json
                    pipeline: p.json
                """)
            let outcome = try await Program.run(["worker", "--cron", "table.yaml"], in: place)
            #expect(outcome.status == 65)
            #expect(
                outcome.messages.contains("table.yaml:4:5: error: unknown key \"pipelin\" (did you mean \"pipeline\"?)")
            )
            #expect(
                outcome.messages.contains("table.yaml:3:11: error: \"25\" is not a valid hour"), "\(outcome.messages)")
        }

        @Test func valuesOfOtherTypesInATimeTableAreErrors() async throws {
            let place = try Place()
            try place.write(
                "table.yaml",
                """
                entries:
                  - name: a
                    cron: "0 2 * * *"
                    pipeline: p.json
                    queue: 5
                    priority: high
                """)
            let outcome = try await Program.run(["worker", "--cron", "table.yaml"], in: place)
            #expect(outcome.status == 65)
            #expect(
                outcome.messages.contains("table.yaml:5:12: error: \"queue\" must be a string, not an integer"),
                "\(outcome.messages)")
            #expect(
                outcome.messages.contains("table.yaml:6:15: error: \"priority\" must be an integer, not text"),
                "\(outcome.messages)")
        }

        @Test func jobsAreCheckedTimedAndUnique() async throws {
            let farm = try await Farm(clips: 1)
            let wrong = try await farm.enqueue(["gone.mp4"])
            #expect(wrong.status == 65)
            #expect(wrong.messages.contains("gone.mp4"))
            let later = try await farm.enqueue(["0.mp4"], ["--at", "+2h", "--unique", "k"])
            #expect(later.output.contains("scheduled"))
            let twin = try await farm.enqueue(["0.mp4"], ["--unique", "k", "--priority", "3"])
            #expect(twin.output.contains("already there"))
            #expect(try await farm.enqueue(["0.mp4"], ["--at", "soon"]).status == 64)
            // Nothing is due, so a worker that drains has nothing to do.
            #expect(try await farm.worker(["--drain"]).end().output.isEmpty)
            #expect(try await farm.states() == ["scheduled"])
            _ = try await farm.run(["jobs", "pause", "default"])
            #expect(try await farm.run(["jobs", "retry", "1"]).status == 0)
            #expect(try await farm.worker(["--drain"]).end().output.isEmpty)
            _ = try await farm.run(["jobs", "resume", "default"])
            #expect(try await farm.worker(["--drain"]).end().output.contains("job 1  completed"))
        }
    }
}
