import Foundation
import Testing

extension EndToEnd {
    /// Every wrong pipeline of Tests/Diagnostics with the exact output of `validate` and `lint`.
    ///
    /// `make golden` writes the expectations anew: review them like code.
    @Suite(.serialized) struct DiagnosticsTests {
        static let folder = Program.package.appending(path: "Tests/Diagnostics")
        private static let writes = ProcessInfo.processInfo.environment["SPREADER_GOLDEN"] == "write"

        /// The pipelines, by file name.
        static let cases: [String] = {
            let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
            return names.filter { $0.hasSuffix(".json") || $0.hasSuffix(".yaml") }.sorted()
        }()

        @Test func thereAreMany() { #expect(Self.cases.count >= 50) }

        @Test(arguments: cases) func saysExactlyThis(_ name: String) async throws {
            let place = try Place()
            try await Self.clip.copy(to: place.work.appending(path: "clip.mp4"))
            let stem = (name as NSString).deletingPathExtension
            try FileManager.default.copyItem(
                at: Self.folder.appending(path: name), to: place.work.appending(path: name))
            let companions = Self.folder.appending(path: stem + ".files")
            for file in (try? FileManager.default.contentsOfDirectory(atPath: companions.path)) ?? [] {
                try FileManager.default.copyItem(
                    at: companions.appending(path: file), to: place.work.appending(path: file))
            }
            var text = ""
            for command in ["validate", "lint"] {
                let outcome = try await Program.run(
                    [command, name], in: place, environment: ["SPREADER_ISOLATION": "none"])
                text += "$ spreader-pipeline \(command) \(name)\n\(outcome.output)\(outcome.messages)"
                text += "exit status \(outcome.status)\n\n"
            }
            text = text.replacing(place.work.path, with: "WORK")
            let golden = Self.folder.appending(path: "\(name).expected")
            if Self.writes { try Data(text.utf8).write(to: golden) }
            let expected = try String(contentsOf: golden, encoding: .utf8)
            #expect(text == expected, "\(name) says:\n\(text)")
        }

        /// The footage that the pipelines name: made once, a landscape of one second.
        private static let clip = Clip()

        private actor Clip {
            private var place: Place?

            func copy(to file: URL) async throws {
                let place: Place
                if let made = self.place {
                    place = made
                } else {
                    place = try Place()
                    try await place.clip("clip.mp4")
                    self.place = place
                }
                try FileManager.default.copyItem(at: place.work.appending(path: "clip.mp4"), to: file)
            }
        }
    }
}
