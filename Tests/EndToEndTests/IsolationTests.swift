import Foundation
import PipelineKit
import Testing

extension EndToEnd {
    /// The child process in which footage is read.
    @Suite(.serialized) struct IsolationTests {
        /// Children of a process.
        private func children(of parent: Int32) -> [Int32] {
            let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
            return names.compactMap { Int32($0) }.filter { pid in
                let text = (try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)) ?? ""
                let fields = text.split(separator: ")").last?.split(separator: " ") ?? []
                return fields.count > 1 && fields[0] != "Z" && Int32(fields[1]) == parent
            }
        }

        private func isAlive(_ pid: Int32) -> Bool {
            let text = (try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)) ?? ""
            return !text.isEmpty && !text.contains(") Z ")
        }

        /// Processor time of a process, in clock ticks.
        private func ticks(_ pid: Int32) -> Int {
            let text = (try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)) ?? ""
            let fields = text.split(separator: ")").last?.split(separator: " ") ?? []
            return fields.count > 12 ? (Int(fields[11]) ?? 0) + (Int(fields[12]) ?? 0) : 0
        }

        /// A run in the midst of encoding, and the child that encodes.
        private func encoding() async throws -> (run: Program, child: Int32, place: Place) {
            let place = try Place()
            try await place.clip("a.mp4", seconds: 20, filter: "testsrc2=s=1280x720:r=30")
            let run = try Program(["run", place.pipeline("prepare"), "a.mp4", "--format", "json"], in: place)
            for _ in 0..<600 where !run.outputSoFar.contains("stage.progress") {
                try await Task.sleep(for: .milliseconds(50))
            }
            let busiest = children(of: run.identifier).max { ticks($0) < ticks($1) }
            return (run, try #require(busiest), place)
        }

        @Test func aKilledProgramLeavesNoChildBehind() async throws {
            let (run, child, place) = try await encoding()
            defer { withExtendedLifetime(place) {} }
            run.signal(SIGKILL)
            #expect(try await run.end().status == -9)
            for _ in 0..<40 where isAlive(child) { try await Task.sleep(for: .milliseconds(50)) }
            #expect(!isAlive(child))
        }

        @Test func anInterruptStopsTheChildToo() async throws {
            let (run, child, place) = try await encoding()
            defer { withExtendedLifetime(place) {} }
            let start = ContinuousClock.now
            // As a terminal does: to everyone in the group that is in the foreground.
            for pid in [run.identifier, child] { kill(pid, SIGINT) }
            #expect(try await run.end().status == 130)
            #expect(ContinuousClock.now - start < .seconds(3))
            #expect(!isAlive(child))
        }

        @Test func aCrashInTheChildFailsTheAssetWith65() async throws {
            let (run, child, place) = try await encoding()
            defer { withExtendedLifetime(place) {} }
            kill(child, SIGSEGV)
            // The same child had probed it: the work is tried once more in a new one, beside which the plan's stands idle.
            for _ in 0..<500 where !run.outputSoFar.contains("stage.failed") {
                for next in children(of: run.identifier) where ticks(next) > 20 { kill(next, SIGSEGV) }
                try await Task.sleep(for: .milliseconds(20))
            }
            let outcome = try await run.end()
            #expect(outcome.status == 65)
            #expect(outcome.output.contains("a.mp4 crashed the decoder (SIGSEGV) in stage transcode"))
        }

        @Test func footageThatIsStillCopiedIsWaitedFor() async throws {
            let place = try Place()
            try await place.clip("whole.mp4", seconds: 2)
            let whole = try Data(contentsOf: place.work.appending(path: "whole.mp4"))
            let path = place.work.appending(path: "a.mp4").path
            let copying = Task {
                _ = FileManager.default.createFile(atPath: path, contents: whole.prefix(3000))
                let file = try FileHandle(forWritingTo: URL(filePath: path))
                try file.seekToEnd()
                for part in 0..<10 {
                    try await Task.sleep(for: .milliseconds(150))
                    let rest = whole.dropFirst(3000)
                    try file.write(
                        contentsOf: rest.dropFirst(rest.count * part / 10).prefix(
                            rest.count * (part + 1) / 10 - rest.count * part / 10))
                }
                try file.close()
            }
            try await Task.sleep(for: .milliseconds(50))
            let plan = try await Program.run(["validate", place.pipeline("prepare"), "a.mp4"], in: place)
            #expect(plan.status == 0, "\(plan.messages)")
            #expect(plan.messages.contains("warning: a.mp4 is still growing"), "\(plan.messages)")
            let run = try await Program.run(["run", place.pipeline("prepare"), "a.mp4", "--format", "json"], in: place)
            #expect(run.status == 0, "\(run.output)")
            #expect(try Data(contentsOf: URL(filePath: path)) == whole)
            let finished = try #require(
                try run.events().first { $0["event"] == "stage.finished" && $0["stage"] == "transcode" })
            #expect(finished["duration"]?.doubleValue ?? 0 > 1.9)
            try await copying.value
        }

        @Test func isolationCanBeTurnedOff() async throws {
            let place = try Place()
            try await place.clip("a.mp4")
            let words = ["run", place.pipeline("prepare"), "a.mp4"]
            let plain = try await Program.run(words, in: place, environment: ["SPREADER_ISOLATION": "none"])
            #expect(plain.status == 0, "\(plain.messages)")
            let wrong = try await Program.run(words, in: place, environment: ["SPREADER_ISOLATION": "maybe"])
            #expect(wrong.status == 78)
            #expect(wrong.messages.contains("SPREADER_ISOLATION is \"maybe\" (set it to process, all or none"))
            let help = try await Program.run(["--help"], in: place)
            #expect(!help.output.contains("stage-worker"))
        }
    }
}
