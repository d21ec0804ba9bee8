import Foundation
import PipelineKit
import Testing

extension EndToEnd {
    /// A folder whose footage is queued as it arrives.
    @Suite(.serialized) struct WatchTests {
        private func watch(_ place: Place, _ words: [String] = []) throws -> Program {
            try FileManager.default.createDirectory(
                at: place.work.appending(path: "in"), withIntermediateDirectories: true)
            return try Program(
                ["watch", "in", "--pipeline", place.pipeline("prepare"), "--settle", "1s"] + words, in: place)
        }

        private func assets(_ place: Place) async throws -> [String] {
            let list = try await Program.run(["jobs", "list", "--format", "json", "--limit", "5000"], in: place)
            guard case .array(let jobs) = try JSONDecoder().decode(JSONValue.self, from: Data(list.output.utf8)) else {
                return []
            }
            return jobs.compactMap { $0["asset"]?.stringValue.map { URL(filePath: $0).lastPathComponent } }.sorted()
        }

        private func wait(_ what: String, _ condition: () async throws -> Bool) async throws {
            for _ in 0..<300 {
                if try await condition() { return }
                try await Task.sleep(for: .milliseconds(50))
            }
            Issue.record("\(what) did not come")
        }

        @Test func footageIsTakenOnceItStandsStillAndOnceOnly() async throws {
            let place = try Place()
            let first = try watch(place)
            try await wait("the watcher") { first.identifier > 0 }
            // A file that grows for two seconds is not taken before it has ended.
            let growing = place.work.appending(path: "in/grow.mp4")
            try Data(count: 1000).write(to: growing)
            let file = try FileHandle(forWritingTo: growing)
            for _ in 0..<8 {
                try file.seekToEnd()
                try file.write(contentsOf: Data(count: 1000))
                try await Task.sleep(for: .milliseconds(250))
                #expect(first.outputSoFar.isEmpty)
            }
            try file.close()
            try place.write("in/clip.mov", "x")
            try place.write("in/clip.json", #"{"title": "beside"}"#)
            try place.write("in/.hidden.mov", "x")
            try await wait("both jobs") { first.outputSoFar.split(separator: "\n").count == 2 }
            first.signal(SIGKILL)
            _ = try await first.end()
            // Another watcher finds nothing that is new, until a file is another one.
            let second = try await watch(place, ["--once"]).end()
            #expect(second.status == 0 && second.output.isEmpty, "\(second.output) \(second.messages)")
            #expect(try await assets(place) == ["clip.mov", "grow.mp4"])
            try place.write("in/clip.mov", "other")
            let third = try await watch(place, ["--once"]).end()
            #expect(third.output.contains("clip.mov"))
            #expect(try await assets(place).count == 3)
        }

        @Test func takenFilesAreMovedWithWhatStandsBesideThem() async throws {
            let place = try Place()
            let taken = place.work.appending(path: "taken")
            try FileManager.default.createDirectory(at: taken, withIntermediateDirectories: true)
            let program = try watch(place, ["--move-to", "taken"])
            for name in ["a.mov", "a.json", "b.mov"] { try place.write("in/\(name)", name == "a.json" ? "{}" : name) }
            try await wait("both") { program.outputSoFar.split(separator: "\n").count == 2 }
            try place.write("in/a.mov", "again")
            try await wait("the third") { program.outputSoFar.split(separator: "\n").count == 3 }
            program.signal(SIGTERM)
            #expect(try await program.end().status == 0)
            let names = try FileManager.default.contentsOfDirectory(atPath: taken.path).sorted()
            #expect(names == ["a-2.mov", "a.json", "a.mov", "b.mov"])
            #expect(try FileManager.default.contentsOfDirectory(atPath: place.work.appending(path: "in").path).isEmpty)
            #expect(try await assets(place) == ["a-2.mov", "a.mov", "b.mov"])
        }

        @Test func aBacklogOfAThousandIsTakenOnceOverARestart() async throws {
            let place = try Place()
            try FileManager.default.createDirectory(
                at: place.work.appending(path: "in"), withIntermediateDirectories: true)
            for number in 0..<1000 { try place.write("in/\(number).mov", "footage \(number)") }
            let first = try watch(place)
            try await wait("some jobs") { first.outputSoFar.split(separator: "\n").count > 50 }
            first.signal(SIGKILL)
            _ = try await first.end()
            let second = try await watch(place, ["--once"]).end()
            #expect(second.status == 0, "\(second.messages)")
            let names = try await assets(place)
            #expect(names.count == 1000 && Set(names).count == 1000)
        }

        @Test func aWrongPipelineOrFolderIsToldAtOnce() async throws {
            let place = try Place()
            let missing = try await Program.run(
                ["watch", "nowhere", "--pipeline", place.pipeline("prepare")], in: place)
            #expect(missing.status == 64)
            #expect(missing.messages.contains("no such folder: nowhere"))
            try place.write("p.json", #"{"stages": [{"uses": "prob"}]}"#)
            try FileManager.default.createDirectory(
                at: place.work.appending(path: "in"), withIntermediateDirectories: true)
            let wrong = try await Program.run(["watch", "in", "--pipeline", "p.json"], in: place)
            #expect(wrong.status == 65)
            #expect(wrong.messages.contains("did you mean \"probe\""))
        }
    }
}
