import Foundation
import PipelineKit
import Testing

extension EndToEnd {
    /// A short pass of the fuzzer: `make fuzz` is the long one.
    @Suite(.serialized) struct FuzzTests {
        private func fuzz(_ arguments: [String]) async throws -> Program.Outcome {
            let place = try Place()
            let program = URL(filePath: Program.path).deletingLastPathComponent().appending(path: "spreader-fuzz").path
            let run = try Program(arguments + ["--keep", place.folder.path], in: place, executable: program)
            return try await run.end()
        }

        @Test func damagedClipsAreDeliveredOrRefused() async throws {
            let outcome = try await fuzz(["--cases", "60", "--seed", "11"])
            #expect(outcome.status == 0, "\(outcome.messages)")
            #expect(outcome.output.hasPrefix("60 cases (seed 11"))
            #expect(outcome.output.contains("0 crashed, 0 hung, 0 over memory, 0 not contained"), "\(outcome.output)")
            #expect(!outcome.output.contains(" 0 delivered") && !outcome.output.contains(" 0 refused"))
        }

        @Test func damagedPipelinesAreRefusedAtAPlace() async throws {
            let folders = ["pipelines", "Tests/Diagnostics"].map { Program.package.appending(path: $0).path }
            let outcome = try await fuzz(["pipelines", "--cases", "3000", "--seed", "7"] + folders)
            #expect(outcome.status == 0, "\(outcome.messages)")
            #expect(outcome.output.hasPrefix("3000 cases (seed 7"), "\(outcome.output)")
            #expect(outcome.output.contains(" 0 faulty"))
            #expect(!outcome.output.contains(" 0 valid") && !outcome.output.contains(" 0 refused"))
        }

        @Test func pipelinesOfAllStagesAreDamaged() async throws {
            let folder = Program.package.appending(path: "pipelines")
            let known = try await fuzz(["pipelines", "--list", folder.path])
            #expect(known.status == 0, "\(known.messages)")
            let stages = try await Program.run(["stages", "--format", "json"], in: try Place())
            guard case .array(let list) = try JSONDecoder().decode(JSONValue.self, from: Data(stages.output.utf8))
            else {
                throw StageError(.internalFault, "no list of stages")
            }
            let names = list.compactMap { $0["name"]?.stringValue }
            #expect(!names.isEmpty)
            let lines = known.output.split(separator: "\n").map(String.init)
            #expect(lines.filter { $0.hasPrefix("stage ") } == names.map { "stage \($0)" })
            #expect(lines.contains("sound series.json") && lines.contains("sound tiktok.json"))
        }

        @Test func whatAChildMayNotUseIsCounted() async throws {
            let outcome = try await fuzz(["--cases", "8", "--seed", "3", "--memory", "20"])
            #expect(outcome.status == 0)
            #expect(!outcome.output.contains(" 0 over memory"), "\(outcome.output)")
        }
    }
}
